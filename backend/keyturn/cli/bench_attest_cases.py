"""What `keyturn bench attest` verifies: recorded evidence out of a folder of vectors.

The first accepted recording of each TEE counts, of a node whose certificates and collateral were
seen before. *Bare* are the signatures that each evidence brings anew, verified by the library
alone, keys and signatures parsed before: an SNP report's; a TD quote's and its QE report's; a
device report's; a TPM quote's. Certificates (a PCK's, a VEK's, an AK's too), Intel's documents,
lists and OCSP answers are the same bytes as last time: their signatures are verified once and are
no part of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia import Asked, Examination, examine_device, examine_gpu, examine_switch
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.nvidia_set import SetRule, appraise_set
from keyturn.attest.p256 import read_p256_key
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.spdm import parse_gpu_report
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_collateral import Documents
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.attest.tpm import TpmClaims, verify_tpm
from keyturn.attest.tpm_algorithms import Scheme
from keyturn.attest.tpm_conformance import TpmCase, quote_of
from keyturn.attest.tpm_quote import TpmSignature, parse_quote
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, Json, JsonObject, load_object
from keyturn.base.times import parse_time
from keyturn.cli.evidence.reading import read_file
from keyturn.cli.evidence.sorting import EvidenceFiles, GpuFile, SnpFile, sort_files

Act = Callable[[], object]
Shown = Examination[GpuClaims] | Examination[SwitchClaims]
MAX_MANIFEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What a verifier keeps across verifications, as the keyholder's releases do."""

    cache: ChainCache = field(default_factory=ChainCache)
    parsed: Parsed[Documents] = field(default_factory=Parsed)


@dataclass(frozen=True, slots=True)
class Verification:
    """`whole` verifies what was seen before, `new` with nothing kept at all; `bare` makes the
    checks of the signatures that `signatures` names."""

    name: str
    signatures: str
    whole: Act
    bare: Act
    new: Act

    @classmethod
    def of(
        cls, name: str, signatures: str, prove: Callable[[Kept], object], bare: Act
    ) -> "Verification":
        kept = Kept()
        return cls(name, signatures, lambda: prove(kept), bare, lambda: prove(Kept()))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything that was found, and proved claims for other benches."""

    verifications: tuple[Verification, ...]
    snp: SnpClaims
    gpu: GpuClaims


def recorded(manifest: Path) -> Recorded:
    """Raises MalformedError, UnreachableError, and what refuses the evidence."""
    document = load_object(read_file(manifest, MAX_MANIFEST), limit=MAX_MANIFEST, what="manifest")
    vectors = _Vectors(manifest.parent, document["cases"])
    snp, snp_claims = _snp(vectors)
    gpu, (gpu_claims, *_) = _devices(vectors, "nvidia-gpu", "GPU")
    switch, _ = _devices(vectors, "nvidia-switch", "switch")
    machine, _ = _devices(vectors, "nvidia-ppcie", "8 GPUs and 4 switches")
    whole = Verification(
        "SNP, 8 GPUs and 4 switches",
        f"{snp.signatures}, {machine.signatures}",
        lambda: (snp.whole(), machine.whole()),
        lambda: (snp.bare(), machine.bare()),
        lambda: (snp.new(), machine.new()),
    )
    if not isinstance(gpu_claims, GpuClaims):
        raise MalformedError("the recorded GPU is none")
    found = (snp, _tdx(vectors), gpu, switch, _tpm(vectors), whole)
    return Recorded(found, snp_claims, gpu_claims)


class _Vectors:
    """Accepted recordings by TEE."""

    def __init__(self, folder: Path, cases: Json) -> None:
        self._folder = folder
        self._cases = [each for each in _objects(cases) if _accepted(each)]

    def first(self, tee: str, *roles: str) -> tuple[dict[str, tuple[bytes, ...]], Fields]:
        """Its files by role, and the case. Raises MalformedError where there is none."""
        for case in self._cases:
            files = case.get("files")
            if case.get("tee") == tee and isinstance(files, dict) and set(roles) <= set(files):
                read = {role: self._read(paths) for role, paths in files.items()}
                return read, Fields(case, "case")
        raise MalformedError(f"no accepted recording of {tee}", expected=", ".join(roles))

    def _read(self, paths: Json) -> tuple[bytes, ...]:
        named = paths if isinstance(paths, list) else [paths]
        if not all(isinstance(each, str) and ".." not in Path(each).parts for each in named):
            raise MalformedError("a case's file lies elsewhere")
        return tuple(read_file(self._folder / str(each)) for each in named)


def _objects(cases: Json) -> list[JsonObject]:
    if not isinstance(cases, list):
        raise MalformedError("manifest: cases are no list")
    return [each for each in cases if isinstance(each, dict)]


def _accepted(case: JsonObject) -> bool:
    expected = case.get("expected")
    accepted = isinstance(expected, dict) and expected.get("verdict") == "accept"
    return accepted and case.get("origin") == "real"


def _sorted(files: Mapping[str, Sequence[bytes]], *roles: str) -> EvidenceFiles:
    chosen = {
        f"{place:03d}-{role}": raw
        for role in roles
        for place, raw in enumerate(files.get(role, ()))
    }
    return sort_files(chosen)


def _time(case: Fields) -> datetime:
    return parse_time(case.text("verify_time"), what="verify_time")


def _snp(vectors: _Vectors) -> tuple[Verification, SnpClaims]:
    files, case = vectors.first("snp", "evidence", "vek", "ark", "intermediate")
    file: SnpFile = _sorted(files, "evidence", "vek", "intermediate", "ark").snp[0]
    now, vek = _time(case), parse_certificate(file.vek)
    collateral = SnpCollateral(file.vek, file.intermediate, file.root)
    report = parse_snp_report(file.report)

    def whole(kept: Kept) -> SnpClaims:
        return verify_snp(
            file.report,
            collateral,
            anchors=HARDWARE_ANCHORS,
            now=now,
            expected_report_data=report.report_data,
            cache=kept.cache,
        ).claims

    bare = _ecdsa(vek.public_key, report.r, report.s, report.signed)
    return Verification.of("SNP", "report", whole, bare), whole(Kept())


def _tdx(vectors: _Vectors) -> Verification:
    files, case = vectors.first("tdx", "evidence", "collateral")
    file = _sorted(files, "evidence", "collateral").tdx[0]
    now, quote = _time(case), parse_tdx_quote(file.quote)

    def whole(kept: Kept) -> object:
        return verify_tdx(
            file.quote,
            file.collateral,
            anchors=HARDWARE_ANCHORS,
            now=now,
            expected_report_data=quote.report.report_data,
            cache=kept.cache,
            parsed=kept.parsed,
        )

    whole(Kept())
    key = read_p256_key(quote.attestation_key, "attestation key", Reason.SIGNATURE_INVALID)
    pck = parse_certificate(pem_certificates(quote.pck_chain)[0])
    of_quote = _ecdsa(key, *_halves(quote.signature), quote.signed)
    of_qe = _ecdsa(pck.public_key, *_halves(quote.qe_signature), quote.qe_report.raw)
    return Verification.of("TDX", "quote, QE report", whole, lambda: (of_quote(), of_qe()))


def _halves(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def _devices(
    vectors: _Vectors, tee: str, name: str
) -> tuple[Verification, tuple[DeviceClaims, ...]]:
    """One device, or those of one machine with the checks of the set."""
    files, case = vectors.first(tee, "evidence", "chain")
    given: tuple[GpuFile, ...] = _sorted(files, "evidence", "chain").gpus
    now = _time(case)
    nonces = [parse_gpu_report(each.report).nonce for each in given]

    def by(nonce: bytes, kept: Kept) -> Asked:
        return Asked(anchors=HARDWARE_ANCHORS, now=now, expected_nonce=nonce, cache=kept.cache)

    def kind(device: GpuFile, nonce: bytes) -> Callable[[bytes, Sequence[bytes], Asked], Shown]:
        shown = examine_device(device.report, device.chain, by(nonce, Kept())).proved()
        return examine_switch if isinstance(shown, SwitchClaims) else examine_gpu

    sorts = [(*each, kind(*each)) for each in zip(given, nonces, strict=True)]

    def whole(kept: Kept) -> tuple[DeviceClaims, ...]:
        proved: tuple[DeviceClaims, ...] = tuple(
            examine(device.report, device.chain, by(nonce, kept)).proved()
            for device, nonce, examine in sorts
        )
        gpus = tuple(each for each in proved if isinstance(each, GpuClaims))
        switches = tuple(each for each in proved if isinstance(each, SwitchClaims))
        if len(proved) > 1:
            rule = SetRule(gpus=len(gpus), switches=len(switches), nonce=None, source="bench")
            appraise_set(gpus, switches, rule)
        return proved

    claims = whole(Kept())
    leaves = [parse_certificate(each.chain[0]).public_key for each in given]
    reports = [each.report for each in claims]
    checks = [
        _ecdsa(key, report.r, report.s, report.signed)
        for key, report in zip(leaves, reports, strict=True)
    ]
    signatures = "report" if len(given) == 1 else f"{len(given)} reports"
    bare = checks[0] if len(checks) == 1 else lambda: [each() for each in checks]
    return Verification.of(name, signatures, whole, bare), claims


def _tpm(vectors: _Vectors) -> Verification:
    roles = ("quote", "signature", "pcrs", "ak_public", "ak_cert", "ak_ca", "eventlog")
    files, case = vectors.first("tpm", *roles)
    now = _time(case)
    single = {role: each[0] for role, each in files.items()}
    evidence, anchors = quote_of(TpmCase("tpm", single, now, None))
    nonce = parse_quote(evidence.quote).extra_data

    def whole(kept: Kept) -> TpmClaims:
        claims, _ = verify_tpm(
            evidence, anchors=anchors, now=now, expected_nonce=nonce, cache=kept.cache
        )
        return claims

    claims = whole(Kept())
    if claims.ak is None:
        raise MalformedError("the recorded AK shows no attributes")
    bare = _rsa(claims.ak.public_key, claims.signature, claims.quote.raw)
    return Verification.of("TPM with event log", "quote", whole, bare)


def _ecdsa(key: object, r: int, s: int, message: bytes) -> Act:
    """The library's verification alone."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise MalformedError("the recorded key is of another kind than ECDSA")
    hashing = hashes.SHA384() if isinstance(key.curve, ec.SECP384R1) else hashes.SHA256()
    signature, algorithm = encode_dss_signature(r, s), ec.ECDSA(hashing)
    return lambda: key.verify(signature, message, algorithm)


def _rsa(key: object, signature: TpmSignature, message: bytes) -> Act:
    """The same of a TPM's RSASSA."""
    value, scheme = signature.value, signature.scheme
    if not isinstance(key, rsa.RSAPublicKey) or isinstance(value, tuple):
        raise MalformedError("the recorded AK is of another kind than RSA")
    if scheme is not Scheme.RSASSA:
        raise MalformedError("the recorded quote is of another scheme", found=scheme.name)
    hashing, pkcs1 = signature.hash.of_signatures, padding.PKCS1v15()
    return lambda: key.verify(value, message, pkcs1, hashing)

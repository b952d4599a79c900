"""What `keyturn bench attest` verifies: recorded evidence out of a folder of vectors.

The first accepted recording of each TEE counts. *Bare* is every signature check that is left to
make once certificates are cached, with keys and signatures already parsed, and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import parse_certificate, pem_certificates, verify_signed
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.crl import parse_crl
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia import Asked, examine_device
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.nvidia_set import SetRule, appraise_set
from keyturn.attest.p256 import read_p256_key, verify_p256
from keyturn.attest.p384 import verify_p384
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_collateral import Documents, TdxCollateral
from keyturn.attest.tpm import verify_tpm
from keyturn.attest.tpm_conformance import TpmCase, quote_of
from keyturn.attest.tpm_quote import verify_quote
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, Json, JsonObject, load_object
from keyturn.base.times import parse_time
from keyturn.cli.evidence.reading import read_file
from keyturn.cli.evidence.sorting import EvidenceFiles, GpuFile, SnpFile, sort_files

Act = Callable[[], object]
MAX_MANIFEST = 16 << 20
_WHY = Reason.SIGNATURE_INVALID


@dataclass(frozen=True, slots=True)
class Verification:
    """`whole` verifies with everything cached that may be; `bare` makes its signature checks."""

    name: str
    whole: Act
    bare: Act


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
        lambda: (snp.whole(), machine.whole()),
        lambda: (snp.bare(), machine.bare()),
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
    now, cache, vek = _time(case), ChainCache(), parse_certificate(file.vek)
    collateral = SnpCollateral(file.vek, file.intermediate, file.root)

    def whole() -> SnpClaims:
        return verify_snp(
            file.report,
            collateral,
            anchors=HARDWARE_ANCHORS,
            now=now,
            expected_report_data=None,
            cache=cache,
        ).claims

    claims = whole()
    report = claims.report
    return (
        Verification(
            "SNP",
            whole,
            lambda: verify_p384(vek.public_key, report.r, report.s, report.signed, "report"),
        ),
        claims,
    )


def _tdx(vectors: _Vectors) -> Verification:
    files, case = vectors.first("tdx", "evidence", "collateral")
    file = _sorted(files, "evidence", "collateral").tdx[0]
    now, cache, parsed = _time(case), ChainCache(), Parsed[Documents]()

    def whole() -> object:
        return verify_tdx(
            file.quote,
            file.collateral,
            anchors=HARDWARE_ANCHORS,
            now=now,
            expected_report_data=None,
            cache=cache,
            parsed=parsed,
        )

    quote = verify_tdx(
        file.quote,
        file.collateral,
        anchors=HARDWARE_ANCHORS,
        now=now,
        expected_report_data=None,
    ).claims.quote
    key = read_p256_key(quote.attestation_key, "attestation key", _WHY)
    pck = parse_certificate(pem_certificates(quote.pck_chain)[0])
    documents = _of_collateral(file.collateral, quote.pck_chain)

    def bare() -> None:
        verify_p256(key, quote.signature, quote.signed, "quote", _WHY)
        verify_p256(pck.public_key, quote.qe_signature, quote.qe_report.raw, "QE report", _WHY)
        documents()

    return Verification("TDX", whole, bare)


def _of_collateral(collateral: TdxCollateral, pck_chain: bytes) -> Act:
    """The four signatures of what Intel says: two documents, two lists."""
    _, ca, root = map(parse_certificate, pem_certificates(pck_chain))
    signer = parse_certificate(collateral.tcb_info_chain[0])
    qe_signer = parse_certificate(collateral.qe_identity_chain[0])
    lists = ((parse_crl(collateral.root_crl), root), (parse_crl(collateral.pck_crl), ca))
    keys = [each.public_key for each in (signer, qe_signer)]
    if not all(isinstance(each, ec.EllipticCurvePublicKey) for each in keys):
        raise MalformedError("Intel's documents are not signed by P-256 keys")

    def checks() -> None:
        info, identity = collateral.tcb_info_signature, collateral.qe_identity_signature
        verify_p256(keys[0], info, collateral.tcb_info, "TCB info", _WHY)
        verify_p256(keys[1], identity, collateral.qe_identity, "QE identity", _WHY)
        for crl, issuer in lists:
            verify_signed(crl.signed, issuer, "list")

    return checks


def _devices(
    vectors: _Vectors, tee: str, name: str
) -> tuple[Verification, tuple[DeviceClaims, ...]]:
    """One device, or those of one machine with the checks of the set."""
    files, case = vectors.first(tee, "evidence", "chain")
    given: tuple[GpuFile, ...] = _sorted(files, "evidence", "chain").gpus
    asked = Asked(
        anchors=HARDWARE_ANCHORS, now=_time(case), expected_nonce=None, cache=ChainCache()
    )

    def whole() -> tuple[DeviceClaims, ...]:
        proved = tuple(examine_device(e.report, e.chain, asked).proved() for e in given)
        gpus = tuple(each for each in proved if isinstance(each, GpuClaims))
        switches = tuple(each for each in proved if isinstance(each, SwitchClaims))
        if len(proved) > 1:
            rule = SetRule(gpus=len(gpus), switches=len(switches), nonce=None, source="bench")
            appraise_set(gpus, switches, rule)
        return proved

    claims = whole()
    leaves = [parse_certificate(each.chain[0]).public_key for each in given]
    reports = [each.report for each in claims]

    def bare() -> None:
        for key, report in zip(leaves, reports, strict=True):
            verify_p384(key, report.r, report.s, report.signed, "report")

    return Verification(name, whole, bare), claims


def _tpm(vectors: _Vectors) -> Verification:
    roles = ("quote", "signature", "pcrs", "ak_public", "ak_cert", "ak_ca", "eventlog")
    files, case = vectors.first("tpm", *roles)
    now = _time(case)
    single = {role: each[0] for role, each in files.items()}
    evidence, anchors = quote_of(TpmCase("tpm", single, now, None))

    def whole() -> object:
        return verify_tpm(evidence, anchors=anchors, now=now, expected_nonce=None)

    claims, _ = verify_tpm(evidence, anchors=anchors, now=now, expected_nonce=None)
    if claims.ak is None:
        raise MalformedError("the recorded AK shows no attributes")
    key, quote = claims.ak.public_key, claims.quote
    leaf, issuer = map(parse_certificate, evidence.ak_chain)

    def bare() -> None:
        verify_quote(quote, evidence.signature, key)
        verify_signed(leaf.signed, issuer, "AK certificate")

    return Verification("TPM with event log", whole, bare)

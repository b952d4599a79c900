"""Sort the files of `keyturn evidence verify` by what they hold: reports, certificates, CRLs, RIMs.

A TDX quote needs Intel's collateral in the JSON form of `dcap-qvl`. Guessing is for looking at
evidence: the bytes go through the same verifiers as any other, so a wrong guess is a refusal. A
bundle is the JSON object that a node sends:
`{"snp": {"report", "vek", "intermediate", "root"}, "gpus": [{"report", "chain"}]}`, base64.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from keyturn.attest.azure import MAGIC, HclTee, hcl_tee, runtime_report_data, unwrap_hcl
from keyturn.attest.certificates import Certificate, parse_certificate, pem_certificates, pem_crls
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.nvidia_chain import CHAIN_LENGTH
from keyturn.attest.snp_report import REPORT_SIZE
from keyturn.attest.tdx_collateral import TdxCollateral, read_collateral
from keyturn.base.encoding import unb64
from keyturn.base.strictjson import Fields, parse_object

MAX_BUNDLE = 4 << 20
_SPDM_REQUEST = b"\x11\xe0"
# Version 4 or 5, ECDSA P-256, TEE type TDX.
_TDX_HEADERS = tuple(bytes((version, 0, 2, 0, 0x81, 0, 0, 0)) for version in (4, 5))
_PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PEM_CRL = b"-----BEGIN X509 CRL-----"
_AMD_ARC = "1.3.6.1.4.1.3704.1."


@dataclass(frozen=True, slots=True)
class SnpFile:
    """An SNP report with its collateral. `bound_report_data`: what an HCL report's runtime
    data demands of the report; None outside Azure.
    """

    report: bytes
    vek: bytes
    intermediate: bytes
    root: bytes
    crls: tuple[bytes, ...]
    bound_report_data: bytes | None


@dataclass(frozen=True, slots=True)
class GpuFile:
    """A report of a GPU or of a switch."""

    report: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TdxFile:
    """A TDX quote with its collateral. `bound_report_data` as in `SnpFile`."""

    quote: bytes
    collateral: TdxCollateral
    bound_report_data: bytes | None


@dataclass(frozen=True, slots=True)
class EvidenceFiles:
    snp: tuple[SnpFile, ...]
    gpus: tuple[GpuFile, ...]
    tdx: tuple[TdxFile, ...] = ()
    rims: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Heap:
    """What was found, before it is put together."""

    snp: list[tuple[bytes, bytes | None]]
    gpus: list[bytes]
    chains: list[tuple[bytes, ...]]
    certificates: list[bytes]
    crls: list[bytes]
    quotes: list[bytes]
    collateral: list[bytes]
    runtime_data: list[bytes]
    rims: list[bytes]


def sort_files(files: Mapping[str, bytes]) -> EvidenceFiles:
    """Put files together by content. Raises MalformedEvidence naming what does not fit."""
    if len(files) == 1:
        (raw,) = files.values()
        if _is_object(raw) and not _is_collateral(raw):
            return _bundle(parse_object(raw, limit=MAX_BUNDLE, what="evidence bundle"))
    heap = _Heap([], [], [], [], [], [], [], [], [])
    for name, raw in files.items():
        _sort_one(name, raw, heap)
    found = EvidenceFiles(_snp_files(heap), _gpu_files(heap), _tdx_files(heap), tuple(heap.rims))
    if not (found.snp or found.gpus or found.tdx or found.rims):
        raise MalformedEvidence("no report among the files")
    return found


def _sort_one(name: str, raw: bytes, heap: _Heap) -> None:
    if len(raw) == REPORT_SIZE and raw[:1] in b"\x02\x03\x04\x05":
        heap.snp.append((raw, None))
    elif raw.startswith(MAGIC):
        _sort_hcl(raw, heap)
    elif raw[:8] in _TDX_HEADERS:
        heap.quotes.append(raw)
    elif _is_object(raw) and _is_collateral(raw):
        heap.collateral.append(raw)
    elif raw.startswith(_SPDM_REQUEST):
        heap.gpus.append(raw)
    elif raw.lstrip().startswith(_PEM_CERTIFICATE):
        _sort_certificates(pem_certificates(raw), heap)
    elif raw.lstrip().startswith(_PEM_CRL):
        heap.crls.extend(pem_crls(raw))
    elif raw[:1] == b"\x30":
        heap.certificates.append(raw)
    elif raw.lstrip()[:1] == b"<":
        heap.rims.append(raw)
    else:
        raise MalformedEvidence(
            f"{name} is no report, certificate, CRL or collateral",
            found=f"{len(raw)} bytes beginning {raw[:4].hex()}",
            hint="An SNP report is exactly 1184 bytes; a bundle is given alone.",
        )


def _sort_hcl(raw: bytes, heap: _Heap) -> None:
    """Azure's report of a TD says only what the quote must be bound to."""
    if hcl_tee(raw) is HclTee.TDX:
        heap.runtime_data.append(unwrap_hcl(raw, HclTee.TDX).runtime_data)
        return
    hcl = unwrap_hcl(raw)
    heap.snp.append((hcl.report, runtime_report_data(hcl.runtime_data)))


def _is_object(raw: bytes) -> bool:
    return raw.lstrip()[:1] == b"{"


def _is_collateral(raw: bytes) -> bool:
    return b'"tcb_info_signature"' in raw


def _sort_certificates(found: tuple[bytes, ...], heap: _Heap) -> None:
    if len(found) == CHAIN_LENGTH:
        heap.chains.append(found)
    else:
        heap.certificates.extend(found)


def _snp_files(heap: _Heap) -> tuple[SnpFile, ...]:
    if not heap.snp:
        return ()
    certificates = [parse_certificate(raw) for raw in heap.certificates]
    vek = _only(certificates, "VEK", _is_vek)
    root = _only(certificates, "ARK", lambda c: c.issuer == c.subject)
    intermediate = _only(
        certificates, "ASK or ASVK", lambda c: c.issuer != c.subject and c.subject == vek.issuer
    )
    crls = tuple(heap.crls)
    return tuple(
        SnpFile(report, vek.der, intermediate.der, root.der, crls, bound)
        for report, bound in heap.snp
    )


def _gpu_files(heap: _Heap) -> tuple[GpuFile, ...]:
    if len(heap.gpus) != len(heap.chains):
        raise MalformedEvidence(
            "every report of a GPU or switch needs its chain, in the same order",
            found=f"{len(heap.gpus)} reports, {len(heap.chains)} chains of five",
        )
    return tuple(map(GpuFile, heap.gpus, heap.chains))


def _tdx_files(heap: _Heap) -> tuple[TdxFile, ...]:
    if len(heap.quotes) > 1 or len(heap.collateral) != len(heap.quotes):
        raise MalformedEvidence(
            "one TDX quote needs one set of collateral",
            found=f"{len(heap.quotes)} quotes, {len(heap.collateral)} sets",
        )
    if len(heap.runtime_data) > len(heap.quotes):
        raise MalformedEvidence("an HCL report of a TD needs the TD's quote")
    bound = runtime_report_data(heap.runtime_data[0]) if heap.runtime_data else None
    return tuple(
        TdxFile(quote, read_collateral(collateral), bound)
        for quote, collateral in zip(heap.quotes, heap.collateral, strict=True)
    )


def _is_vek(certificate: Certificate) -> bool:
    return any(oid.startswith(_AMD_ARC) for oid in certificate.extensions)


def _only(
    certificates: Sequence[Certificate], what: str, fits: Callable[[Certificate], bool]
) -> Certificate:
    found = [certificate for certificate in certificates if fits(certificate)]
    if len(found) != 1:
        raise MalformedEvidence(
            f"an SNP report needs one {what} certificate", found=str(len(found)), expected="1"
        )
    return found[0]


def _bundle(fields: Fields) -> EvidenceFiles:
    snp = (_bundle_snp(fields.fields("snp")),) if fields.has("snp") else ()
    gpus = tuple(map(_bundle_gpu, fields.objects("gpus", limit=64))) if fields.has("gpus") else ()
    fields.done()
    if not snp and not gpus:
        raise MalformedEvidence("evidence bundle holds no report")
    return EvidenceFiles(snp, gpus)


def _bundle_snp(fields: Fields) -> SnpFile:
    crls = tuple(unb64(t, what="CRL") for t in fields.texts("crls")) if fields.has("crls") else ()
    found = SnpFile(
        report=fields.b64("report", limit=MAX_BUNDLE),
        vek=fields.b64("vek", limit=MAX_BUNDLE),
        intermediate=fields.b64("intermediate", limit=MAX_BUNDLE),
        root=fields.b64("root", limit=MAX_BUNDLE),
        crls=crls,
        bound_report_data=None,
    )
    fields.done()
    return found


def _bundle_gpu(fields: Fields) -> GpuFile:
    report = fields.b64("report", limit=MAX_BUNDLE)
    chain = tuple(unb64(text, what="certificate") for text in fields.texts("chain", limit=16))
    fields.done()
    return GpuFile(report, chain)

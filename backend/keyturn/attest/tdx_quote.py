"""The TDX quote, versions 4 and 5, little endian, with a TD report of TDX 1.0 or 1.5.

Sources: Intel TDX DCAP Quoting Library API, appendix A (header, quote body descriptor, ECDSA
signature data, QE report certification data); Intel TDX Module ABI (TDREPORT, ATTRIBUTES, XFAM).
Every inner length must be used up exactly. Bytes after the quote are common in recordings (host
buffers are padded) and are no part of it: they are counted, never read. Parsed is not trusted:
only `keyturn.attest.tdx` makes claims of it.
"""

import struct
from dataclasses import dataclass, field
from enum import Enum, IntFlag
from functools import lru_cache

from keyturn.attest.errors import MalformedEvidence, Reason

VERSIONS = (4, 5)
SGX_VERSION = 3
ECDSA_P256 = 2  # "Attestation Key Type": ECDSA-256-with-P-256 curve
TEE_TDX = 0x81
INTEL_QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
MAX_QUOTE = 64 << 10

HEADER_SIZE = 48
QE_REPORT_SIZE = 384
QE_REPORT_DATA = 6  # "Certification Data Type" of the signature: QE report certification data
PCK_CHAIN = 5  # of the QE report: concatenated PEM of the PCK certificate chain

_HEADER = struct.Struct("<HHI4s16s20s")
_DESCRIPTOR = struct.Struct("<HI")
_REPORT_10 = struct.Struct("<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s")
_REPORT_15 = struct.Struct("<16s48s")  # what 1.5 adds
_SIGNATURE = struct.Struct("<64s64sHI")  # with type and size of the certification data
_QE_SIGNATURE = struct.Struct("<64sH")  # with the size of the authentication data
_QE_REPORT = struct.Struct("<16sI28s16s32s32s32s96sHH60s64s")


class BodyType(Enum):
    """Quote body descriptor of version 5. Type 1 is an SGX enclave's report."""

    TD_REPORT_10 = 2
    TD_REPORT_15 = 3

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return 584 if self is BodyType.TD_REPORT_10 else 648


_SGX_BODY = 1


class TdAttribute(IntFlag):
    """ATTRIBUTES of a TD (TDX Module ABI, table "ATTRIBUTES"). Others are reserved, zero.

    Bits 0 to 7 (TUD): the TD is under debug or profiled from outside, so it keeps no secret.
    Bits 8 to 31 (SEC): they may touch its security. Bits 32 to 63: others.
    """

    DEBUG = 1 << 0
    HGS_PLUS_PROF = 1 << 4
    PERF_PROF = 1 << 5
    PMT_PROF = 1 << 6
    ICSSD = 1 << 16
    LASS = 1 << 27
    SEPT_VE_DISABLE = 1 << 28
    MIGRATABLE = 1 << 29
    PKS = 1 << 30
    KL = 1 << 31
    TPA = 1 << 62
    PERFMON = 1 << 63


UNDER_DEBUG = 0xFF
"""The TUD bits of ATTRIBUTES, reserved ones too."""
KNOWN_ATTRIBUTES = sum(TdAttribute)


@dataclass(frozen=True, slots=True)
class TdReport:
    """The TD's report. Byte strings keep the report's order; measurements are SHA-384.

    `tee_tcb_svn_2` (the TDX module's SVNs now, where `tee_tcb_svn` are those at the TD's launch)
    and `mr_service_td` are in a report of TDX 1.5 only.
    """

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn_2: bytes | None = None
    mr_service_td: bytes | None = None

    @property
    def attributes(self) -> int:
        return int.from_bytes(self.td_attributes, "little")

    @property
    def features(self) -> int:
        """XFAM as a mask: the extended features that the TD may use, as XCR0 and IA32_XSS."""
        return int.from_bytes(self.xfam, "little")

    @property
    def unknown_attributes(self) -> int:
        return self.attributes & ~KNOWN_ATTRIBUTES

    def has(self, attribute: TdAttribute) -> bool:
        return bool(self.attributes & attribute)


@dataclass(frozen=True, slots=True)
class QeReport:
    """The TD quoting enclave's SGX report, which the PCK key signs."""

    cpu_svn: bytes
    misc_select: int
    attributes: bytes
    mr_enclave: bytes
    mr_signer: bytes
    isv_prod_id: int
    isv_svn: int
    report_data: bytes
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TdxQuote:
    """A parsed quote. `signed` is what the attestation key signs; `body_type` None in version 4.

    `reserved`: 4 bytes that version 3 used for SVNs of QE and PCE; signed, without meaning here.
    """

    version: int
    key_type: int
    reserved: bytes
    qe_vendor: bytes
    user_data: bytes
    body_type: BodyType | None
    report: TdReport
    signature: bytes = field(repr=False)
    attestation_key: bytes
    certification_type: int
    qe_report: QeReport
    qe_signature: bytes = field(repr=False)
    qe_auth_data: bytes
    pck_type: int
    pck_chain: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    trailing: int


class _Cursor:
    """Reads forward in `data`; every reader raises MalformedEvidence where it is too short."""

    __slots__ = ("_at", "_data", "_end", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._at = 0
        self._end = len(data)

    @property
    def at(self) -> int:
        return self._at

    @property
    def rest(self) -> int:
        return self._end - self._at

    def take(self, size: int, name: str) -> bytes:
        start = self._at
        end = start + size
        if end > self._end:
            raise MalformedEvidence(
                f"{self._what}: {name} is cut off",
                found=f"{self.rest} bytes",
                expected=f"{size} bytes",
            )
        self._at = end
        return self._data[start:end]

    def number(self, size: int, name: str) -> int:
        return int.from_bytes(self.take(size, name), "little")

    def done(self) -> None:
        if self.rest:
            raise MalformedEvidence(
                f"{self._what} is longer than what it holds", found=f"{self.rest} bytes more"
            )


def parse_tdx_quote(raw: bytes) -> TdxQuote:
    """Read one quote of at most 64 KiB, with whatever follows it.

    Raises MalformedEvidence: `malformed`, `unsupported-version`, `not-a-tdx-quote`,
    `unsupported-signature-algorithm`, `unsupported-qe-vendor`, `unsupported-certification-data`.
    """
    if len(raw) > MAX_QUOTE:
        raise MalformedEvidence(
            "TDX quote is too large",
            found=f"{len(raw)} bytes",
            expected=f"at most {MAX_QUOTE} bytes",
        )
    cursor = _Cursor(raw, "TDX quote")
    version, key_type, tee, reserved, vendor, user = _HEADER.unpack(
        cursor.take(HEADER_SIZE, "header")
    )
    _check_header(version, tee, key_type, vendor)
    body_type = _body_type(cursor) if version == 5 else None
    report = _td_report(cursor, body_type or BodyType.TD_REPORT_10)
    signed = raw[: cursor.at]
    signatures = _Cursor(
        cursor.take(cursor.number(4, "signature length"), "signature data"),
        "TDX quote's signature data",
    )
    signature, attestation_key, certification_type, size = _SIGNATURE.unpack(
        signatures.take(_SIGNATURE.size, "signature, attestation key or certification data's head")
    )
    _check_type(certification_type, QE_REPORT_DATA, "QE report certification data")
    qe = _Cursor(
        signatures.take(size, "certification data"),
        "TDX quote's certification data",
    )
    signatures.done()
    qe_report = _qe_report(qe.take(QE_REPORT_SIZE, "QE report"))
    qe_signature, size = _QE_SIGNATURE.unpack(
        qe.take(_QE_SIGNATURE.size, "QE report's signature or size of QE authentication data")
    )
    qe_auth_data = qe.take(size, "QE authentication data")
    pck_type, size = _DESCRIPTOR.unpack(qe.take(_DESCRIPTOR.size, "head of the PCK data"))
    _check_type(pck_type, PCK_CHAIN, "PCK certificate chain")
    pck_chain = qe.take(size, "PCK data")
    qe.done()
    return TdxQuote(
        version=version,
        key_type=key_type,
        reserved=reserved,
        qe_vendor=vendor,
        user_data=user,
        body_type=body_type,
        report=report,
        signature=signature,
        attestation_key=attestation_key,
        certification_type=certification_type,
        qe_report=qe_report,
        qe_signature=qe_signature,
        qe_auth_data=qe_auth_data,
        pck_type=pck_type,
        pck_chain=pck_chain,
        signed=signed,
        trailing=cursor.rest,
    )


def _check_header(version: int, tee: int, key_type: int, vendor: bytes) -> None:
    if version not in (*VERSIONS, SGX_VERSION):
        raise _unsupported(Reason.UNSUPPORTED_VERSION, "version", str(version), "4 or 5")
    if version == SGX_VERSION or tee != TEE_TDX:
        raise _unsupported(
            Reason.NOT_A_TDX_QUOTE,
            "kind of TEE",
            f"version {version}, TEE type {tee:#x}",
            f"TEE type {TEE_TDX:#x}",
        )
    if key_type != ECDSA_P256:
        raise _unsupported(
            Reason.UNSUPPORTED_SIGNATURE_ALGORITHM,
            "attestation key type",
            str(key_type),
            f"{ECDSA_P256} (ECDSA P-256)",
        )
    if vendor != INTEL_QE_VENDOR:
        raise _unsupported(
            Reason.UNSUPPORTED_QE_VENDOR, "QE vendor", vendor.hex(), INTEL_QE_VENDOR.hex()
        )


def _check_type(found: int, expected: int, name: str) -> None:
    if found != expected:
        raise _unsupported(
            Reason.UNSUPPORTED_CERTIFICATION_DATA,
            "certification data type",
            str(found),
            f"{expected} ({name})",
        )


def _unsupported(reason: Reason, what: str, found: str, expected: str) -> MalformedEvidence:
    return MalformedEvidence(
        f"TDX quote: {what} is another than is verified here",
        reason=reason,
        found=found,
        expected=expected,
    )


def _body_type(cursor: _Cursor) -> BodyType:
    """The descriptor of version 5: type u16, size u32, which must be the type's own."""
    kind, size = _DESCRIPTOR.unpack(cursor.take(_DESCRIPTOR.size, "body descriptor"))
    if kind == _SGX_BODY:
        raise _unsupported(Reason.NOT_A_TDX_QUOTE, "body type", str(kind), "2 or 3 (TD report)")
    if kind not in (BodyType.TD_REPORT_10.value, BodyType.TD_REPORT_15.value):
        raise _unsupported(Reason.UNSUPPORTED_VERSION, "body type", str(kind), "2 or 3")
    body_type = BodyType(kind)
    if size != body_type.size:
        raise MalformedEvidence(
            "TDX quote: body has the wrong size",
            found=f"{size} bytes",
            expected=f"{body_type.size} bytes",
        )
    return body_type


def _td_report(cursor: _Cursor, kind: BodyType) -> TdReport:
    fields = _REPORT_10.unpack(cursor.take(_REPORT_10.size, "TD report"))
    if kind is BodyType.TD_REPORT_15:
        fields += _REPORT_15.unpack(cursor.take(_REPORT_15.size, "TD report of TDX 1.5"))
    return TdReport(*fields)


@lru_cache(maxsize=1024)  # a node's quoting enclave reports once for many quotes
def _qe_report(raw: bytes) -> QeReport:
    (
        cpu_svn, misc_select, _, attributes, mr_enclave, _, mr_signer, _,
        isv_prod_id, isv_svn, _, report_data,
    ) = _QE_REPORT.unpack(raw)  # fmt: skip
    return QeReport(
        cpu_svn=cpu_svn,
        misc_select=misc_select,
        attributes=attributes,
        mr_enclave=mr_enclave,
        mr_signer=mr_signer,
        isv_prod_id=isv_prod_id,
        isv_svn=isv_svn,
        report_data=report_data,
        raw=raw,
    )

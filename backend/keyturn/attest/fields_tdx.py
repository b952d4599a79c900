"""A TDX quote field by field (Intel TDX DCAP Quoting Library API, appendix A; TDX Module ABI)."""

from collections.abc import Iterator
from dataclasses import replace

from keyturn.attest.fields import (
    Field,
    Place,
    Section,
    as_hex,
    laid_out,
    little,
    mask,
    reserved,
    section,
)
from keyturn.attest.fields_snp import bits
from keyturn.attest.tdx_quote import HEADER_SIZE, BodyType, TdAttribute

SPECIFICATION = "Intel TDX DCAP Quoting Library API, appendix A"

HEADER: tuple[Place, ...] = (
    ("Version", 2, little),
    ("Attestation Key Type", 2, little),
    ("TEE Type", 4, mask),
    ("RESERVED", 4, reserved),
    ("QE Vendor ID", 16, as_hex),
    ("User Data", 20, as_hex),
)
DESCRIPTOR: tuple[Place, ...] = (("Quote Body Type", 2, little), ("Size", 4, little))
REPORT_10: tuple[Place, ...] = (
    ("TEE_TCB_SVN", 16, as_hex),
    ("MRSEAM", 48, as_hex),
    ("MRSIGNERSEAM", 48, as_hex),
    ("SEAMATTRIBUTES", 8, mask),
    ("TDATTRIBUTES", 8, mask),
    ("XFAM", 8, mask),
    ("MRTD", 48, as_hex),
    ("MRCONFIGID", 48, as_hex),
    ("MROWNER", 48, as_hex),
    ("MROWNERCONFIG", 48, as_hex),
    ("RTMR0", 48, as_hex),
    ("RTMR1", 48, as_hex),
    ("RTMR2", 48, as_hex),
    ("RTMR3", 48, as_hex),
    ("REPORTDATA", 64, as_hex),
)
REPORT_15: tuple[Place, ...] = (("TEE_TCB_SVN_2", 16, as_hex), ("MRSERVICETD", 48, as_hex))
SIGNATURE: tuple[Place, ...] = (
    ("Quote Signature Data Len", 4, little),
    ("Quote Signature", 64, as_hex),
    ("ECDSA Attestation Key", 64, as_hex),
    ("QE Certification Data: Type", 2, little),
    ("QE Certification Data: Size", 4, little),
)
QE_REPORT: tuple[Place, ...] = (
    ("QE Report: CPUSVN", 16, as_hex),
    ("QE Report: MISCSELECT", 4, mask),
    ("QE Report: (reserved)", 28, reserved),
    ("QE Report: ATTRIBUTES", 16, as_hex),
    ("QE Report: MRENCLAVE", 32, as_hex),
    ("QE Report: (reserved)", 32, reserved),
    ("QE Report: MRSIGNER", 32, as_hex),
    ("QE Report: (reserved)", 96, reserved),
    ("QE Report: ISVPRODID", 2, little),
    ("QE Report: ISVSVN", 2, little),
    ("QE Report: (reserved)", 60, reserved),
    ("QE Report: REPORTDATA", 64, as_hex),
    ("QE Report Signature", 64, as_hex),
    ("QE Authentication Data: Size", 2, little),
)
_TD_REPORT_15 = BodyType.TD_REPORT_15.value


def tdx_section(quote: bytes) -> Section:
    return section("TDX quote", SPECIFICATION, quote, _fields)


def _fields(raw: bytes) -> Iterator[Field]:
    """Every byte is in one field; where the quote is cut off, it ends with what there is."""
    at = 0
    for step in (_header, _body, _signatures, _authentication, _certification):
        places = step(raw, at)
        for each in laid_out(raw, places, at):
            yield replace(each, note=_note(each)) if each.name == "TDATTRIBUTES" else each
        at += sum(size for _, size, _ in places)
        if at > len(raw):
            return
    if at < len(raw):
        yield Field("(after the quote)", at, raw[at:], reserved(raw[at:])[:200], "not part of it")


def _header(raw: bytes, _at: int) -> tuple[Place, ...]:
    return (*HEADER, *DESCRIPTOR) if raw[:2] == b"\x05\x00" else HEADER


def _body(raw: bytes, at: int) -> tuple[Place, ...]:
    later = at > HEADER_SIZE and int.from_bytes(raw[48:50], "little") == _TD_REPORT_15
    return (*REPORT_10, *REPORT_15) if later else REPORT_10


def _signatures(_raw: bytes, _at: int) -> tuple[Place, ...]:
    return (*SIGNATURE, *QE_REPORT)


def _authentication(raw: bytes, at: int) -> tuple[Place, ...]:
    size = int.from_bytes(raw[at - 2 : at], "little")
    return (
        ("QE Authentication Data", size, as_hex),
        ("Certification Data: Type", 2, little),
        ("Certification Data: Size", 4, little),
    )


def _certification(raw: bytes, at: int) -> tuple[Place, ...]:
    return (("Certification Data", int.from_bytes(raw[at - 4 : at], "little"), _pem),)


def _pem(raw: bytes) -> str:
    """The PCK certificate's chain is PEM, on several lines."""
    return raw.decode("ascii", "replace").replace("\n", " ")


def _note(found: Field) -> str:
    return ", ".join(bits(TdAttribute, int.from_bytes(found.raw, "little")))

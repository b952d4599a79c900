"""An SEV-SNP report field by field (AMD publication 56860, table ATTESTATION_REPORT)."""

from collections.abc import Iterator
from dataclasses import replace
from enum import IntFlag

from keyturn.attest.errors import REFUSALS
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
from keyturn.attest.snp_report import REPORT_SIZE, GuestPolicy, PlatformInfo
from keyturn.attest.snp_tcb import SnpProduct, parse_tcb, product_of_cpuid

SPECIFICATION = "AMD 56860, ATTESTATION_REPORT"

PLACES: tuple[Place, ...] = (
    ("VERSION", 4, little),
    ("GUEST_SVN", 4, little),
    ("POLICY", 8, mask),
    ("FAMILY_ID", 16, as_hex),
    ("IMAGE_ID", 16, as_hex),
    ("VMPL", 4, little),
    ("SIGNATURE_ALGO", 4, little),
    ("CURRENT_TCB", 8, as_hex),
    ("PLATFORM_INFO", 8, mask),
    ("SIGNING_KEY, MASK_CHIP_KEY, AUTHOR_KEY_EN", 4, mask),
    ("(reserved)", 4, reserved),
    ("REPORT_DATA", 64, as_hex),
    ("MEASUREMENT", 48, as_hex),
    ("HOST_DATA", 32, as_hex),
    ("ID_KEY_DIGEST", 48, as_hex),
    ("AUTHOR_KEY_DIGEST", 48, as_hex),
    ("REPORT_ID", 32, as_hex),
    ("REPORT_ID_MA", 32, as_hex),
    ("REPORTED_TCB", 8, as_hex),
    ("CPUID_FAM_ID", 1, mask),
    ("CPUID_MOD_ID", 1, mask),
    ("CPUID_STEP", 1, mask),
    ("(reserved)", 21, reserved),
    ("CHIP_ID", 64, as_hex),
    ("COMMITTED_TCB", 8, as_hex),
    ("CURRENT_BUILD", 1, little),
    ("CURRENT_MINOR", 1, little),
    ("CURRENT_MAJOR", 1, little),
    ("(reserved)", 1, reserved),
    ("COMMITTED_BUILD", 1, little),
    ("COMMITTED_MINOR", 1, little),
    ("COMMITTED_MAJOR", 1, little),
    ("(reserved)", 1, reserved),
    ("LAUNCH_TCB", 8, as_hex),
    ("LAUNCH_MIT_VECTOR", 8, mask),
    ("CURRENT_MIT_VECTOR", 8, mask),
    ("(reserved)", 152, reserved),
    ("SIGNATURE: R", 72, as_hex),
    ("SIGNATURE: S", 72, as_hex),
    ("SIGNATURE: (reserved)", 368, reserved),
)
_TCBS = frozenset({"CURRENT_TCB", "REPORTED_TCB", "COMMITTED_TCB", "LAUNCH_TCB"})
_FAMILY, _MODEL = 0x188, 0x189


def snp_section(report: bytes) -> Section:
    return section("SEV-SNP report", SPECIFICATION, report, _fields)


def _fields(raw: bytes) -> Iterator[Field]:
    product = None
    if len(raw) > _MODEL:
        product = product_of_cpuid(raw[_FAMILY], raw[_MODEL])
    for each in laid_out(raw, PLACES):
        yield replace(each, note=each.note or _note(each, product))
    if len(raw) > REPORT_SIZE:
        rest = raw[REPORT_SIZE:]
        yield Field("(more)", REPORT_SIZE, rest, rest.hex()[:200], "no report is so long")


def _note(found: Field, product: SnpProduct | None) -> str:
    number = int.from_bytes(found.raw, "little")
    match found.name:
        case "POLICY":
            least = f"ABI {number >> 8 & 0xFF}.{number & 0xFF}"
            return ", ".join([least, *bits(GuestPolicy, number)])
        case "PLATFORM_INFO":
            return ", ".join(bits(PlatformInfo, number))
        case "SIGNING_KEY, MASK_CHIP_KEY, AUTHOR_KEY_EN":
            return f"{number >> 2 & 7}, {number >> 1 & 1}, {number & 1}"
        case name if name in _TCBS and product is not None:
            try:
                return str(parse_tcb(product, found.raw))
            except REFUSALS as refusal:
                return refusal.message
    return ""


def bits(kind: type[IntFlag], number: int) -> list[str]:
    """The names of those that are set."""
    return [each.name for each in kind if each.name and number & each]

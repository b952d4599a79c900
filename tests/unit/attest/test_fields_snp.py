"""A report's fields against the parser, and against the offsets of AMD 56860."""

from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.fields_snp import PLACES, bits, snp_section
from keyturn.attest.snp_report import REPORT_SIZE, GuestPolicy, parse_snp_report
from keyturn_sim import SimNode
from unit.attest.test_fields import tiles, value_of

OFFSETS = {
    "REPORT_DATA": 0x50,
    "MEASUREMENT": 0x90,
    "HOST_DATA": 0xC0,
    "REPORT_ID": 0x140,
    "REPORTED_TCB": 0x180,
    "CPUID_FAM_ID": 0x188,
    "CHIP_ID": 0x1A0,
    "COMMITTED_TCB": 0x1E0,
    "LAUNCH_TCB": 0x1F0,
    "CURRENT_MIT_VECTOR": 0x200,
    "SIGNATURE: R": 0x2A0,
}


def test_every_byte_is_in_one_field_where_the_specification_has_it(node: SimNode) -> None:
    raw = node.snp_report(bytes(range(64)))
    found = snp_section(raw)
    report = parse_snp_report(raw)
    tiles(found, raw)
    offsets = {each.name: each.offset for each in found.fields}
    assert {name: offsets[name] for name in OFFSETS} == OFFSETS
    assert value_of(found, "MEASUREMENT") == report.measurement.hex()
    assert value_of(found, "CHIP_ID") == report.chip_id.hex()
    assert value_of(found, "POLICY") == f"{report.policy:#x}"
    notes = {each.name: each.note for each in found.fields}
    assert "SMT" in notes["POLICY"]
    assert "ECC_EN" in notes["PLATFORM_INFO"]
    assert notes["CURRENT_TCB"].startswith("bootloader ")
    assert sum(size for _, size, _ in PLACES) == REPORT_SIZE


@given(st.binary(max_size=1300))
def test_whatever_comes_is_listed(raw: bytes) -> None:
    tiles(snp_section(raw), raw)


def test_bits_are_named() -> None:
    assert bits(GuestPolicy, GuestPolicy.DEBUG | GuestPolicy.SMT) == ["SMT", "DEBUG"]

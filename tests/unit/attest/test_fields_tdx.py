"""A quote's fields against the parser, of both versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.fields_tdx import tdx_section
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn_sim.tdx import SimMachine
from unit.attest.test_fields import tiles, value_of
from unit.attest.test_tdx_quote import DATA, TD, TD_15


@pytest.mark.parametrize(("version", "td"), [(4, TD), (5, TD), (5, TD_15)])
def test_every_byte_is_in_one_field(machine: SimMachine, version: int, td: object) -> None:
    raw = machine.quote(td, DATA, version=version)  # type: ignore[arg-type]
    quote = parse_tdx_quote(raw)
    found = tdx_section(raw)
    tiles(found, raw)
    assert value_of(found, "MRTD") == quote.report.mr_td.hex()
    assert value_of(found, "RTMR3") == quote.report.rtmr3.hex()
    assert value_of(found, "Version") == str(version)
    assert value_of(found, "QE Report: MRENCLAVE") == quote.qe_report.mr_enclave.hex()
    assert value_of(found, "Certification Data").startswith("-----BEGIN")
    padded = raw + bytes(9)
    tiles(tdx_section(padded), padded)
    for size in range(0, len(raw), 97):
        tiles(tdx_section(raw[:size]), raw[:size])


@given(st.binary(max_size=2000))
def test_whatever_comes_is_listed(raw: bytes) -> None:
    tiles(tdx_section(raw), raw)

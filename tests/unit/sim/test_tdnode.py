"""A simulated TD's configuration, its quotes and its ways to misbehave."""

from pathlib import Path

import pytest

from keyturn_sim import Fault, SimTdNode, SimVendors
from keyturn_sim.tdx import SimTd

ASKED = b"\x07" * 64
_BODY_AT, _REPORT_DATA = 48, slice(48 + 520, 48 + 584)


@pytest.fixture(scope="module")
def td(vendors: SimVendors) -> SimTdNode:
    gpus, switches = vendors.nvidia.issue_set(1, 1, {}, {})
    return SimTdNode.create(
        vendors, SimTd(mr_td=b"\x43" * 48), gpus=gpus, switches=switches, version=5
    )


def test_a_saved_td_reads_back_the_same(td: SimTdNode, tmp_path: Path) -> None:
    path = tmp_path / "td.json"
    td.misbehaving(Fault.DEBUG_TD).save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = SimTdNode.load(path)
    assert (again.td, again.version, again.faults) == (td.td, 5, {Fault.DEBUG_TD})
    assert (again.machine.chain, again.machine.pck_serial) == (
        td.machine.chain,
        td.machine.pck_serial,
    )
    assert [gpu.pdi for gpu in again.gpus] == [gpu.pdi for gpu in td.gpus]


def test_a_quote_answers_what_was_asked(vendors: SimVendors) -> None:
    node = SimTdNode.create(vendors)
    assert node.tdx_quote(ASKED)[_REPORT_DATA] == ASKED
    assert node.misbehaving(Fault.OTHER_REPORT_DATA).tdx_quote(ASKED)[_REPORT_DATA] != ASKED
    with pytest.raises(ValueError, match="bytes, not"):
        node.tdx_quote(bytes(63))


@pytest.mark.parametrize("fault", [Fault.DEBUG_TD, Fault.OUT_OF_DATE_TCB, Fault.OTHER_RTMR])
def test_a_fault_changes_the_body_alone(vendors: SimVendors, fault: Fault) -> None:
    node = SimTdNode.create(vendors)
    good, bad = node.tdx_quote(ASKED), node.misbehaving(fault).tdx_quote(ASKED)
    assert good[:_BODY_AT] == bad[:_BODY_AT]
    assert good[_BODY_AT : _BODY_AT + 584] != bad[_BODY_AT : _BODY_AT + 584]
    assert bad[_REPORT_DATA] == ASKED

"""Devices in a machine's configuration."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn_sim import Fault, SimNode, SimVendors
from keyturn_sim.deviceconfig import devices_document, read_devices


def test_a_whole_set_reads_back_the_same(vendors: SimVendors) -> None:
    gpus, switches = vendors.nvidia.issue_set(2, 2, {3: b"\x03" * 48}, {0: b"\x09" * 48})
    written = dump(devices_document(gpus, switches, frozenset({Fault.MISSING_SWITCH})))
    again, own, faults = read_devices(parse_object(written, limit=1 << 20, what="devices"))
    assert faults == {Fault.MISSING_SWITCH}
    for left, right in zip((*gpus, *switches), (*again, *own), strict=True):
        assert (left.chain, left.measurements, left.pdi) == (
            right.chain,
            right.measurements,
            right.pdi,
        )
    assert [gpu.switches for gpu in again] == [gpu.switches for gpu in gpus]
    assert [switch.gpus for switch in own] == [switch.gpus for switch in switches]


def test_an_unknown_field_is_refused(vendors: SimVendors, tmp_path: Path) -> None:
    node = SimNode.create(vendors, measurement=bytes(48), gpus=(vendors.issue_gpu({}),))
    node.save(tmp_path / "node.json")
    text = (tmp_path / "node.json").read_text()
    (tmp_path / "node.json").write_text(text.replace('"nvdec0":', '"more":1,"nvdec0":'))
    with pytest.raises(MalformedError, match="unknown field"):
        SimNode.load(tmp_path / "node.json")

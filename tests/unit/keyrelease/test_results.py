"""A submodule for the CPU and for each GPU, affirming only what was appraised (§5.7; I11)."""

from dataclasses import replace

from keyturn.base.encoding import Digest
from keyturn.keyrelease.results import submodules
from unit.keyrelease.release_desk import Desk, simulated

POLICY = Digest("sha256:" + "11" * 32)
AR4SI = {
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
}


def test_each_device_has_its_own() -> None:
    desk = Desk()
    desk.node = replace(desk.node, sim=simulated(2))
    found = submodules(desk.verified(desk.request()), POLICY)

    assert [each.name for each in found] == ["cpu0", "gpu0", "gpu1"]
    assert {each.policy for each in found} == {POLICY}
    assert {each.status for each in found} == {2}


def test_nothing_is_claimed_that_evidence_cannot_show() -> None:
    cpu, gpu = submodules(Desk().verified(Desk().request()), POLICY)

    assert cpu.vector.keys() | gpu.vector.keys() <= AR4SI
    assert not {"runtime-opaque", "file-system", "storage-opaque"} & cpu.vector.keys()
    assert "configuration" not in gpu.vector
    assert {*cpu.vector.values(), *gpu.vector.values()} == {2}

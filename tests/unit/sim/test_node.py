"""A node's configuration and its ways to misbehave."""

from pathlib import Path

import pytest

from keyturn_sim import Fault, SimNode

ASKED = b"\x07" * 64


def test_a_saved_node_reads_back_the_same(node: SimNode, tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    lying = node.misbehaving(Fault.OTHER_NONCE)
    lying.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = SimNode.load(path)
    assert again.launch == node.launch
    assert again.faults == {Fault.OTHER_NONCE}
    assert again.collateral() == node.collateral()
    assert [gpu.chain for gpu in again.gpus] == [gpu.chain for gpu in node.gpus]
    assert [gpu.measurements for gpu in again.gpus] == [gpu.measurements for gpu in node.gpus]


def test_a_good_node_answers_what_was_asked(node: SimNode) -> None:
    assert node.snp_report(ASKED)[0x50:0x90] == ASKED
    assert node.gpu_report(1, b"\x01" * 32)[4:36] == b"\x01" * 32


def test_faults_change_what_was_asked(node: SimNode) -> None:
    lying = node.misbehaving(Fault.OTHER_REPORT_DATA, Fault.OTHER_NONCE)
    assert lying.snp_report(ASKED)[0x50:0x90] != ASKED
    assert lying.gpu_report(0, b"\x01" * 32)[4:36] != b"\x01" * 32


def test_other_firmware_and_debug_on_the_same_chip(node: SimNode) -> None:
    other = node.with_firmware(b"\x43" * 48).with_debug()
    report = other.snp_report(ASKED)
    assert report[0x90:0xC0] == b"\x43" * 48
    assert report[0x0A] & 0x08
    assert report[0x1A0:0x1E0] == node.launch.chip_id
    assert node.with_gpu_measurement(1, 3, bytes(48)).gpus[1].measurements[3] == bytes(48)


@pytest.mark.parametrize("size", [0, 31, 63, 65])
def test_only_whole_challenges_are_signed(node: SimNode, size: int) -> None:
    with pytest.raises(ValueError, match="bytes, not"):
        node.snp_report(bytes(size))
    with pytest.raises(ValueError, match="bytes, not"):
        node.gpu_report(0, bytes(size))

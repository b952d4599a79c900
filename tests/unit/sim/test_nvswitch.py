"""A switch's report says what it is and what it sees."""

from keyturn_sim import SimVendors
from keyturn_sim.nvswitch import BIOS, BLOCKS


def test_a_report_names_itself_and_its_gpus(vendors: SimVendors) -> None:
    gpus = tuple(bytes([n]) * 8 for n in (1, 2, 3))
    switch = vendors.nvidia.issue_switch(b"\x77" * 8, gpus, {0: b"\x09" * 48})
    report = switch.report(b"\x01" * 32, b"\x02" * 32)
    assert report[4:36] == b"\x01" * 32
    assert report[37 + 4] == BLOCKS
    assert BIOS.encode() in report
    assert b"".join(gpus) + b"\xff" * 40 in report

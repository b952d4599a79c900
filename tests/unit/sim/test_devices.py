"""What a machine shows of its devices, with faults and without."""

import pytest

from keyturn_sim import Fault, SimVendors
from keyturn_sim.devices import SimDevices


@pytest.fixture(scope="module")
def whole(vendors: SimVendors) -> SimDevices:
    return SimDevices(*vendors.nvidia.issue_set(3, 2, {}, {}), frozenset())


def faulty(whole: SimDevices, *faults: Fault) -> SimDevices:
    return SimDevices(whole.all_gpus, whole.all_switches, frozenset(faults))


def test_gpus_come_before_switches(whole: SimDevices) -> None:
    kinds = [each["kind"] for each in whole.listed()]
    assert kinds == ["nvidia-gpu"] * 3 + ["nvidia-switch"] * 2


def test_faults_change_what_is_shown_alone(whole: SimDevices) -> None:
    gpus, switches = whole.all_gpus, whole.all_switches
    assert faulty(whole, Fault.MISSING_GPU).gpus == gpus[:2]
    assert faulty(whole, Fault.DUPLICATE_GPU).gpus == (gpus[0], gpus[1], gpus[0])
    assert faulty(whole, Fault.MISSING_SWITCH).switches == switches[:1]
    assert faulty(whole, Fault.DUPLICATE_SWITCH).switches == (switches[0], switches[0])
    assert (whole.gpus, whole.switches) == (gpus, switches)


def test_a_report_answers_its_nonce_or_another(whole: SimDevices) -> None:
    nonce = b"\x01" * 32
    assert whole.report(whole.switches[0], nonce)[4:36] == nonce
    lying = faulty(whole, Fault.OTHER_NONCE)
    assert lying.report(whole.gpus[0], nonce)[4:36] != nonce
    with pytest.raises(ValueError, match="bytes, not"):
        whole.report(whole.gpus[0], bytes(31))

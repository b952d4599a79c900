"""Every kind of machine gets a key through the keyholder, and renews; with a fault it is refused,
for that fault: TDs, protected PCIe sets, and what vendors have revoked (I2, I6)."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.guest.tsm import KernelReports
from keyturn_sim import Fault, SimTdNode
from support.configfs import SimConfigFs
from support.machines import TDX_RULE, every_kind, hand_in, ppcie_node, td_node
from support.nodes import Sim
from support.ready import Ready
from support.system import reasons


@pytest.fixture
def lab(ready: Ready) -> Ready:
    every_kind(ready.system, ready.node.sim)
    hand_in(ready.system)
    return ready


def checks(lab: Ready, sim: Sim) -> dict[str, str]:
    """A refusal's reasons by check."""
    outcome = lab.ask(sim=sim)
    assert not outcome.granted
    return {str(each["check"]): str(each["reason"]) for each in lab.shown(outcome)}


# ---- trust domains ----


@pytest.fixture
def td(lab: Ready) -> SimTdNode:
    return td_node(lab.system)


def test_a_td_gets_the_key_and_renews(lab: Ready, td: SimTdNode) -> None:
    lab.node = replace(lab.node, sim=td)
    raw = lab.request()
    checked = lab.checked(raw, lab.release(raw))
    assert [each.name for each in checked.ear.submodules] == ["cpu0", "gpu0"]
    assert checked.ear.simulated

    renewed = lab.ask(lease=checked.ear.lease, wrapped=None)
    assert renewed.granted, renewed.answer


def test_the_kernels_reports_of_either_tee_count(lab: Ready, td: SimTdNode, tmp_path: Path) -> None:
    good = lab.node
    for sim in (lab.node.sim, td):
        cpu = KernelReports(tmp_path, files=SimConfigFs(sim))
        lab.node = replace(good, sim=sim, cpu=cpu)
        raw = lab.request()
        assert lab.checked(raw, lab.release(raw)).ear.simulated


@pytest.mark.parametrize("version", [4, 5])
def test_quotes_of_both_versions_count(lab: Ready, td: SimTdNode, version: int) -> None:
    shown = replace(td, version=version, td=replace(td.td, tee_tcb_svn_2=None))
    assert lab.ask(sim=shown).granted


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.DEBUG_TD, {"debug-td"}),
        (Fault.OUT_OF_DATE_TCB, {"tcb-status-not-allowed", "advisory-not-accepted"}),
        (Fault.OTHER_RTMR, {"measurement-mismatch"}),
        (Fault.OTHER_REPORT_DATA, {"report-data-mismatch"}),
        (Fault.OTHER_NONCE, {"nonce-mismatch"}),
        (Fault.MISSING_GPU, {"gpu-count"}),
    ],
)
def test_a_faulty_td_is_refused_for_its_fault(
    lab: Ready, td: SimTdNode, fault: Fault, expected: set[str]
) -> None:
    assert set(checks(lab, td.misbehaving(fault)).values()) == expected


def test_without_intels_collateral_no_td_is_believed(ready: Ready) -> None:
    every_kind(ready.system, ready.node.sim)
    assert reasons(ready.ask(sim=td_node(ready.system))) == {"collateral-missing"}


def test_a_policy_for_snp_alone_refuses_a_td(lab: Ready, td: SimTdNode) -> None:
    lab.system.set_policy()
    assert "tee-not-allowed" in reasons(lab.ask(sim=td))


def test_a_td_of_an_older_evaluation_is_refused(lab: Ready, td: SimTdNode) -> None:
    rule = {**TDX_RULE, "min_evaluation_number": 19}
    lab.system.set_policy(tees=["snp", "tdx"], tdx=rule)
    assert not lab.ask(sim=td).granted


# ---- protected PCIe sets ----


@pytest.fixture
def ppcie(lab: Ready) -> SimTdNode:
    lab.system.set_policy(
        tees=["snp", "tdx"], tdx=TDX_RULE, gpu={"count": 8, "switches": 4, "modes": ["PPCIE"]}
    )
    return ppcie_node(lab.system)


def test_a_whole_set_gets_the_key(lab: Ready, ppcie: SimTdNode) -> None:
    raw = lab.request(sim=ppcie)
    checked = lab.checked(raw, lab.release(raw))
    names = [each.name for each in checked.ear.submodules]
    assert names == [
        "cpu0",
        *(f"gpu{at}" for at in range(8)),
        *(f"nvswitch{at}" for at in range(4)),
    ]


def test_smaller_sets_count_as_their_policy_says(lab: Ready, ppcie: SimTdNode) -> None:
    rule = {"count": 2, "switches": 1}
    lab.system.set_policy(tees=["snp", "tdx"], tdx=TDX_RULE, gpu=rule)
    assert lab.ask(sim=ppcie_node(lab.system, 2, 1)).granted
    assert not lab.ask(sim=ppcie).granted


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.MISSING_SWITCH, {"switch-count", "topology-mismatch"}),
        (Fault.DUPLICATE_SWITCH, {"duplicate-device", "topology-mismatch"}),
        (Fault.MISSING_GPU, {"gpu-count", "topology-mismatch"}),
        (Fault.DUPLICATE_GPU, {"duplicate-device"}),
        (Fault.OTHER_NONCE, {"nonce-mismatch"}),
    ],
)
def test_a_set_that_is_not_whole_is_refused(
    lab: Ready, ppcie: SimTdNode, fault: Fault, expected: set[str]
) -> None:
    assert set(checks(lab, ppcie.misbehaving(fault)).values()) == expected


def test_a_switch_of_another_set_is_refused(lab: Ready, ppcie: SimTdNode) -> None:
    other = ppcie_node(lab.system)
    swapped = replace(ppcie, switches=(*ppcie.switches[:-1], other.switches[0]))
    assert set(checks(lab, swapped).values()) == {"topology-mismatch"}


def test_a_switch_that_says_it_is_another_is_refused(lab: Ready, ppcie: SimTdNode) -> None:
    """It tells of the right links; its certificate names another device."""
    twin = lab.system.vendors.nvidia.twin_of(ppcie.switches[-1])
    swapped = replace(ppcie, switches=(*ppcie.switches[:-1], twin))
    assert set(checks(lab, swapped).values()) == {"topology-mismatch"}


def test_a_gpu_of_another_set_is_refused(lab: Ready, ppcie: SimTdNode) -> None:
    other = ppcie_node(lab.system)
    swapped = replace(ppcie, gpus=(*ppcie.gpus[:-1], other.gpus[0]))
    assert set(checks(lab, swapped).values()) == {"topology-mismatch"}


# ---- what vendors have revoked ----


def test_a_revoked_vcek_is_refused(lab: Ready) -> None:
    assert lab.ask().granted
    lab.system.clock.advance(hours=2)
    hand_in(lab.system, revoked=[lab.node.sim.vek])
    assert reasons(lab.ask()) == {"cert-revoked"}


def test_a_revoked_boot_rom_is_refused(lab: Ready) -> None:
    gpu = lab.node.sim.gpus[0]
    hand_in(lab.system, chains=[gpu.chain])
    assert lab.ask().granted
    lab.system.clock.advance(hours=2)
    hand_in(lab.system, chains=[gpu.chain], revoked=[gpu.chain[1]])
    assert "cert-revoked" in reasons(lab.ask())

"""Policies, baselines and collateral for simulated machines of every kind."""

from collections.abc import Sequence
from datetime import datetime

from keyturn.base.collateral import CollateralDocument
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.kinds import Kind
from keyturn_sim.node import SimNode
from keyturn_sim.nvswitch import BIOS
from keyturn_sim.tdnode import SimTdNode
from keyturn_sim.tdx import SimTd
from support.system import GPU_MEASUREMENTS, WORKLOAD, System, baseline_body

SWITCH_MEASUREMENTS = {index: bytes([0x50 + index]) * 48 for index in range(6)}
RTMRS = tuple(bytes([index]) * 48 for index in (0xA0, 0xA1, 0xA2, 0xA3))
TDX_RULE: dict[str, object] = {
    "tcb_statuses": ["UpToDate"],
    "min_evaluation_number": 17,
    "advisories": [],
    "debug": False,
    "migratable": False,
    "service_tds": [],
    "sept_ve_disable": True,
    "dynamic_platform": False,
    "cached_keys": False,
    "smt": True,
    "xfam": "any",
    "registers": ["mrtd", "rtmr0", "rtmr1", "rtmr2"],
}


def sim_td() -> SimTd:
    first, second, third, fourth = RTMRS
    return SimTd(rtmrs=(first, second, third, fourth), mr_config_id=WORKLOAD + bytes(16))


def td_node(system: System, gpus: int = 1) -> SimTdNode:
    made = tuple(system.vendors.issue_gpu(GPU_MEASUREMENTS) for _ in range(gpus))
    return SimTdNode.create(system.vendors, sim_td(), gpus=made)


def ppcie_node(system: System, gpus: int = 8, switches: int = 4) -> SimTdNode:
    """A TD with a protected PCIe set."""
    made, own = system.vendors.nvidia.issue_set(
        gpus, switches, GPU_MEASUREMENTS, SWITCH_MEASUREMENTS
    )
    return SimTdNode.create(system.vendors, sim_td(), gpus=made, switches=own)


def machines_baseline(sim: SimNode, **more: object) -> dict[str, object]:
    """What the SNP node, TDs and switches of this module have."""
    registers = {f"rtmr{place}": [value.hex()] for place, value in enumerate(RTMRS)}
    td = {"registers": {"mrtd": [SimTd().mr_td.hex()], **registers}, "source": "a test"}
    values = {str(index): [value.hex()] for index, value in SWITCH_MEASUREMENTS.items()}
    switch = {"architecture": "LS10", "bios": BIOS, "measurements": values, "source": "a test"}
    return {**baseline_body(sim), "tdx": [td], "switches": [switch], **more}


def every_kind(system: System, sim: SimNode, **policy: object) -> None:
    """Roots of every vendor, a baseline of every machine, and a policy for both TEEs in force."""
    system.enact(Kind.TRUST_ANCHORS, "trust-anchors", system.vendors.trust_anchors())
    system.enact(Kind.REFERENCE_VALUES, "firmware", machines_baseline(sim))
    system.set_policy(tees=["snp", "tdx"], tdx=TDX_RULE, **policy)


def hand_in(
    system: System,
    *,
    chains: Sequence[Sequence[bytes]] = (),
    revoked: Sequence[bytes] = (),
    now: datetime | None = None,
) -> tuple[CollateralDocument, ...]:
    """What the vendors publish now, given to the keyholder, which must keep all of it."""
    moment = now or system.clock()
    made = system.vendors.collateral(moment, chains=chains, revoked=frozenset(revoked))
    anchors, _ = anchors_in_force(system.keyholder.journal.state, system.clock())
    handed = system.keyholder.collateral.hand_in(made, anchors, system.clock())
    assert handed.refused == ()
    return made

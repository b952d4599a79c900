"""No share goes to a keyholder whose machine the policy `keyholder` refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.client.unsealdoor import Known
from keyturn.client.unsealing import (
    KeyholderUnproved,
    SealedKeyholder,
    check_keyholder,
    hand_share,
)
from keyturn.guest.tsm import KernelReports
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.selfevidence import EvidenceDevice
from keyturn.keyrelease.hostevidence import POLICY
from keyturn.keyrelease.request import SnpEvidence
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.wire.keyholder import read_answer
from keyturn.wire.unsealing import AskSeal, AskUnseal, HandShare, ShareTaken, UnsealNews
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import policy_body
from support.configfs import SimConfigFs
from support.custodians import Custodians, share_out
from support.founded import RealClock, keyholder, make_founded
from support.system import GOOD_FIRMWARE, WORKLOAD, anchors_body, baseline_body

pytestmark = pytest.mark.timeout(300)
now = RealClock()


@dataclass
class Machine:
    """A simulated confidential VM's CPU."""

    sim: SimNode

    def cpu(self, report_data: bytes) -> SnpEvidence:
        return SnpEvidence(self.sim.snp_report(report_data), **self.sim.collateral())


@dataclass
class Door:
    """To a keyholder in this process, as over a server."""

    keyholder: Sealable
    local: bool = False

    def news(self) -> UnsealNews:
        return read_answer(AskUnseal(), self.keyholder.answer(AskUnseal()))  # type: ignore[arg-type]

    def known(self) -> Known:
        log = self.keyholder._sealed.log  # type: ignore[union-attr]
        return Known(log.state, log.checkpoint)

    def hand(self, share: HandShare) -> ShareTaken:
        return read_answer(share, self.keyholder.answer(share))  # type: ignore[arg-type]

    def seal(self, order: AskSeal) -> int:
        return read_answer(order, self.keyholder.answer(order))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def vendors() -> SimVendors:
    return SimVendors.create("Genoa")


@pytest.fixture(scope="module")
def custodians(tmp_path_factory: pytest.TempPathFactory, vendors: SimVendors) -> Custodians:
    """An authority whose policy says what its keyholder's machine must be."""
    founded = make_founded(tmp_path_factory.mktemp("founded") / "kh")
    authority = founded.authority()
    sim = machine(vendors).sim
    with keyholder(founded) as running:
        for kind, subject, body in (
            (Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(vendors)),
            (Kind.REFERENCE_VALUES, "firmware", baseline_body(sim)),
            (Kind.POLICY, POLICY, policy_body(gpu={"count": 0}, baselines=["firmware"])),
        ):
            running.enact(authority, kind, subject, body)
    return share_out(founded)


def machine(vendors: SimVendors, measurement: bytes = GOOD_FIRMWARE) -> Machine:
    return Machine(SimNode.create(vendors, measurement=measurement, host_data=WORKLOAD))


@contextmanager
def sealed(custodians: Custodians, device: EvidenceDevice | None) -> Iterator[Door]:
    founded = custodians.founded
    place = Place(load_config(founded.config, {}), founded.directory, device)
    running = Sealable(place, clock)
    running.begin_sealed()
    try:
        yield Door(running)
    finally:
        running.close()


def look(door: Door, news: UnsealNews) -> SealedKeyholder:
    return check_keyholder(news, "ada", door.known(), now(), local=False)


def test_a_machine_that_meets_the_policy_gets_the_shares(
    custodians: Custodians, vendors: SimVendors
) -> None:
    with sealed(custodians, machine(vendors)) as door:
        found = look(door, door.news())
        assert found.verdict.judged
        assert Caveat.KEYHOLDER_HOST_TRUSTED not in found.caveats
        assert Caveat.SIMULATED in found.caveats
        for name in ("ada", "bela", "chen"):
            signer = OfficerSigner(custodians.secret(name))
            taken = hand_share(door, signer, bytearray(custodians.words[name]), now())
        assert not taken.sealed


def test_the_kernels_own_report_is_as_good(
    custodians: Custodians, vendors: SimVendors, tmp_path: Path
) -> None:
    """configfs-tsm, played by a directory tree: SIMULATED, in the real formats."""
    kernel = KernelReports(tmp_path, files=SimConfigFs(machine(vendors).sim))
    with sealed(custodians, kernel) as door:
        found = look(door, door.news())
        assert found.verdict.judged
        assert Caveat.KEYHOLDER_HOST_TRUSTED not in found.caveats
    disturbed = SimConfigFs(machine(vendors).sim)
    disturbed.interrupt = disturbed.count
    with (
        sealed(custodians, KernelReports(tmp_path, files=disturbed)) as door,
        pytest.raises(KeyholderUnproved),
    ):
        look(door, door.news())


def test_another_machine_or_none_gets_nothing(custodians: Custodians, vendors: SimVendors) -> None:
    other = machine(vendors, bytes(each ^ 1 for each in GOOD_FIRMWARE))
    strange = machine(SimVendors.create("Genoa"))
    for device in (other, strange, None):
        with sealed(custodians, device) as door, pytest.raises(KeyholderUnproved):
            look(door, door.news())


def test_evidence_of_another_session_is_worth_nothing(
    custodians: Custodians, vendors: SimVendors, tmp_path: Path
) -> None:
    """Good hardware, which quoted the key of a keyholder that is no longer there."""
    with sealed(custodians, machine(vendors)) as door:
        before = door.news()
    with sealed(custodians, None) as door:
        relayed = UnsealNews(
            **{
                name: getattr(before if name == "evidence" else door.news(), name)
                for name in UnsealNews.__slots__
            }
        )
        with pytest.raises(KeyholderUnproved, match="machine is not as it must be"):
            look(door, relayed)

"""Machines of several parts: a TD with a TPM and a GPU in one result, and an SNP guest behind a
paravisor, which its vTPM alone can bind (our protocol §4.3a, §4.5; I2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyturn.agent.paravisor import AK_HANDLE, ParavisorCpu
from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.eventdata import boot_facts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.guest.cpucertificates import CpuCertificates
from keyturn.keyrelease.request import SnpEvidence
from keyturn.keyrelease.tpmpart import TpmPart
from keyturn.quorum.kinds import Kind
from keyturn_sim.bootlog import SimBoot
from keyturn_sim.node import SimNode
from keyturn_sim.tpm import SimTpm
from support.machines import every_kind, hand_in, machines_baseline, td_node
from support.ready import Ready
from support.system import GOOD_FIRMWARE, WORKLOAD, reasons
from support.tpms import UNPACKED

BANK = HashAlgorithm.SHA256
RULE: dict[str, object] = {
    "bank": "sha256",
    "pcrs": ["0", "4", "7"],
    "secure_boot": True,
    "applications": True,
    "authorities": False,
    "variables": [],
}


@dataclass
class Lab:
    """A system whose policy asks for a TPM, and a machine's."""

    ready: Ready
    tpm: SimTpm

    def believe(self, own: LocalTpm) -> None:
        """Make the boot as it stands the baseline."""
        facts = boot_facts(parse_event_log(self.tpm.log.read_bytes()), BANK)
        pcrs = own.quote(bytes(32)).pcrs[BANK]
        boot = {
            "pcrs": {"sha256": {str(number): [value.hex()] for number, value in pcrs.items()}},
            "applications": list(facts.applications),
            "authorities": list(facts.authorities),
            "variables": {name: [value] for name, value in facts.variables},
            "source": "captured in a test",
        }
        body = machines_baseline(self.ready.node.sim, tpm=[boot])
        self.ready.system.enact(Kind.REFERENCE_VALUES, "firmware", body)

    def reboot(self, boot: SimBoot) -> None:
        self.tpm.stop()
        self.tpm.start(boot)


@pytest.fixture
def lab(ready: Ready, tmp_path: Path) -> Iterator[Lab]:
    every_kind(ready.system, ready.node.sim, tpm=RULE)
    hand_in(ready.system)
    maker = ready.system.vendors.tpm
    with SimTpm(tmp_path / "tpm", maker, unpacked=UNPACKED) as tpm:
        own = LocalTpm(tpm.start().socket, tpm.log, (maker.root_der,))
        ready.node = replace(ready.node, sim=td_node(ready.system), tpm=own)
        yield Lab(ready, tpm)


@pytest.fixture
def known(ready: Ready, lab: Lab) -> Lab:
    """The good boot is in the baseline."""
    own = ready.node.tpm
    assert isinstance(own, LocalTpm)
    td, ready.node.sim = ready.node.sim, ready.system.sim_node()
    lab.believe(own)
    ready.node.sim = td
    return lab


def test_a_td_with_a_tpm_shows_every_part_in_its_result(known: Lab) -> None:
    checked, dek = known.ready.opened()
    assert bytes(dek) == known.ready.model.dek
    assert [each.name for each in checked.ear.submodules] == ["cpu0", "gpu0", "tpm0"]


def test_another_boot_loader_is_refused_on_a_td_too(known: Lab) -> None:
    known.reboot(SimBoot(applications=("SIMULATED shim 15.8", "another loader")))
    assert reasons(known.ready.ask()) == {"tpm-value-mismatch"}


# ---- behind a paravisor ----


@dataclass
class Guest:
    """A guest on Azure: an SNP node whose report is in its TPM."""

    lab: Ready
    tpm: SimTpm
    sim: SimNode

    def local(self) -> LocalTpm:
        return LocalTpm(self.tpm.socket, self.tpm.log, (), AK_HANDLE)


@pytest.fixture
def guest(ready: Ready, tmp_path: Path) -> Iterator[Guest]:
    every_kind(ready.system, ready.node.sim)
    vendors = ready.system.vendors
    sim = SimNode.create(
        vendors,
        measurement=GOOD_FIRMWARE,
        host_data=WORKLOAD,
        gpus=ready.node.sim.gpus,
        paravisor=True,
    )
    with SimTpm(tmp_path / "tpm", vendors.tpm, unpacked=UNPACKED, paravisor=sim.hcl_report) as tpm:
        tpm.start()
        made = Guest(ready, tpm, sim)
        cpu = ParavisorCpu(tpm.socket, CpuCertificates(*sim.collateral().values()))
        ready.node = replace(ready.node, sim=sim, tpm=made.local(), cpu=cpu)
        yield made


def test_a_guest_behind_a_paravisor_gets_the_key_with_the_caveat(guest: Guest) -> None:
    checked, dek = guest.lab.opened()
    assert bytes(dek) == guest.lab.model.dek
    assert "paravisor" in checked.ear.caveats
    lease = checked.ear.lease
    assert guest.lab.ask(lease=lease, wrapped=None).granted


def test_a_policy_that_does_not_accept_a_paravisor_refuses_it(guest: Guest) -> None:
    guest.lab.system.set_policy(accepted_caveats=["simulated"])
    assert "caveat-not-accepted" in reasons(guest.lab.ask())


def test_a_quote_over_another_binding_is_refused(guest: Guest) -> None:
    own = guest.local()

    class Replaying:
        def ak_name(self) -> bytes:
            return own.ak_name()

        def quote(self, nonce: bytes) -> TpmPart:
            return own.quote(bytes(32))

        def forget(self) -> None:
            own.forget()

    guest.lab.node = replace(guest.lab.node, tpm=Replaying())
    assert reasons(guest.lab.ask()) == {"nonce-mismatch"}


def test_an_ak_that_the_runtime_data_does_not_name_is_refused(guest: Guest) -> None:
    """The TPM's own AK, certified by its maker: not the one that the CPU's report speaks of."""
    maker = guest.lab.system.vendors.tpm
    other = LocalTpm(guest.tpm.socket, guest.tpm.log, (maker.root_der,))
    guest.lab.node = replace(guest.lab.node, tpm=other)
    assert "ak-mismatch" in reasons(guest.lab.ask())


def test_runtime_data_that_was_changed_is_refused(guest: Guest) -> None:
    cpu = guest.lab.node.cpu
    assert cpu is not None

    class Changing:
        paravisor = True

        def tee(self):  # type: ignore[no-untyped-def]
            return cpu.tee()

        def cpu(self, report_data: bytes, /) -> SnpEvidence:
            found = cpu.cpu(report_data)
            assert isinstance(found, SnpEvidence)
            assert found.runtime is not None
            return replace(found, runtime=found.runtime.replace(b"true", b"false"))

    guest.lab.node = replace(guest.lab.node, cpu=Changing())
    assert "runtime-data-mismatch" in reasons(guest.lab.ask())

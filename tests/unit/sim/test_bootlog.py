"""Measured boot of the simulator, read by the verifier's own reader, which shares no code."""

from dataclasses import replace

from keyturn.attest.eventdata import SecureBoot, boot_facts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn_sim.bootlog import SimBoot

BANK = HashAlgorithm.SHA256


def test_the_log_says_what_was_booted() -> None:
    found = boot_facts(parse_event_log(SimBoot().log()), BANK)
    assert found.crtm_version == "SIMULATED firmware 1.0"
    assert found.secure_boot is SecureBoot.ON
    assert [name for name, _ in found.variables] == ["SecureBoot", "PK", "KEK", "db", "dbx"]
    assert len(found.authorities) == 1
    assert len(found.applications) == 2
    assert found.separated == frozenset(range(8))
    assert not found.failed
    assert found.left_boot_services


def test_both_banks_lead_somewhere() -> None:
    log = parse_event_log(SimBoot().log())
    assert log.banks == (HashAlgorithm.SHA256, HashAlgorithm.SHA384)
    for bank in log.banks:
        assert set(log.replay(bank)) == {*range(10)}


def test_another_loader_is_another_application() -> None:
    other = replace(SimBoot(), applications=("SIMULATED shim 15.8", "something else"))
    first = boot_facts(parse_event_log(SimBoot().log()), BANK).applications
    second = boot_facts(parse_event_log(other.log()), BANK).applications
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_without_secure_boot_nobody_vouches() -> None:
    found = boot_facts(parse_event_log(replace(SimBoot(), secure_boot=False).log()), BANK)
    assert found.secure_boot is SecureBoot.OFF
    assert found.authorities == ()

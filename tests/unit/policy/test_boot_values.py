"""An event log as people read it, and what of it becomes reference values."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.attest.eventlog import Event, EventLog, parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import digest_of
from keyturn.policy.boot_values import NotInTheLog, TpmChoice, boot_events, values_of_log
from keyturn.quorum.origin import Method
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn_sim.bootlog import SimBoot

BANK = HashAlgorithm.SHA256
NOW = datetime(2026, 11, 29, tzinfo=UTC)
RAW = SimBoot().log()
LOG = parse_event_log(RAW)


def test_each_event_says_what_it_is_and_whether_it_is_proved() -> None:
    found = boot_events(LOG, BANK)
    assert len(found) == len(LOG.events)
    kinds = {each.kind for each in found}
    assert {"EV_S_CRTM_VERSION", "EV_SEPARATOR", "EV_EFI_VARIABLE_DRIVER_CONFIG"} <= kinds
    variables = [each for each in found if each.kind == "EV_EFI_VARIABLE_DRIVER_CONFIG"]
    assert all(each.proved and each.register == 7 for each in variables)
    names = {each.said.split(",")[0] for each in variables}
    assert {"variable SecureBoot", "variable PK", "variable KEK", "variable db"} <= names
    images = [each for each in found if each.kind == "EV_EFI_BOOT_SERVICES_APPLICATION"]
    assert images
    assert not any(each.proved for each in images)


def test_the_other_bank_is_shown_where_it_is_asked_for() -> None:
    assert {len(each.digest) for each in boot_events(LOG, HashAlgorithm.SHA384)} <= {0, 96}
    assert {each.digest for each in boot_events(LOG, HashAlgorithm.SHA1)} == {""}


def test_a_description_is_shown_harmlessly_and_never_breaks_the_list() -> None:
    kinds = [0x80000008, 0x8000000A, 0x80000003, 0x80000001, 0x0D, 0xDEAD]
    hostile = [
        b"",
        b"\xff" * 40,
        b"\x1b[2J\x07",
        bytes(24) + b"\xff" * 8,
        "\u202ex".encode("utf-16-le"),
    ]
    events = tuple(
        Event(number, 4, kind, (), data)
        for number, (kind, data) in enumerate((k, d) for k in kinds for d in hostile)
    )
    found = boot_events(EventLog(events, 0, 0), BANK)
    assert len(found) == len(events)
    assert all(each.said.isprintable() and len(each.said) <= 200 for each in found)
    assert not any(each.proved for each in found)
    assert found[-1].kind == "0x0000dead"


def test_values_of_a_bare_log_say_where_they_come_from() -> None:
    choice = TpmChoice(PcrBank.SHA256, (0, 7), True, True, frozenset({"db"}))
    found = values_of_log(LOG, choice, digest_of(RAW), NOW, None)
    assert found.pcrs[PcrBank.SHA256] == {
        number: frozenset({LOG.replay(BANK)[number].hex()}) for number in (0, 7)
    }
    assert found.applications
    assert found.authorities
    assert found.variables.keys() == {"db"}
    assert found.origin.provenance is not None
    assert found.origin.provenance.method is Method.EVENT_LOG
    assert found.origin.provenance.document == digest_of(RAW)
    assert "no quote" in found.origin.source


@pytest.mark.parametrize(
    "choice",
    [
        TpmChoice(pcrs=(0, 22)),
        TpmChoice(variables=frozenset({"NoSuch"})),
        TpmChoice(bank=PcrBank.SHA256, pcrs=(23,)),
    ],
)
def test_what_the_log_does_not_have_is_not_made_up(choice: TpmChoice) -> None:
    with pytest.raises(NotInTheLog):
        values_of_log(LOG, choice, digest_of(RAW), NOW, None)


def test_a_log_without_separators_proves_no_loader() -> None:
    cut = replace(LOG, events=tuple(each for each in LOG.events if each.kind != 4))
    with pytest.raises(NotInTheLog) as caught:
        values_of_log(cut, TpmChoice(pcrs=(4,), applications=True), digest_of(RAW), NOW, None)
    assert "no end" in caught.value.message

"""What the frame says: environment, age, banners; never better than what is known."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.quorum.kinds import Role
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.live.gathering import GATHERED, gather
from keyturn_app.shell.viewmodel import (
    Tone,
    age_text,
    banner,
    environment,
    initials,
    is_sealed,
    roles_text,
)
from support.authority import START, Clock
from support.facts import alarm, with_link
from unit.client.scripted_server import ScriptedServer

LATER = START + timedelta(minutes=12)


@pytest.mark.parametrize(
    ("label", "kind", "simulated", "mark"),
    [
        ("prod-eu", "prod", False, "PROD"),
        ("eu", "", False, "PROD"),
        ("eu", "demo", False, "PROD"),  # without simulation in the roster it is no demo
        ("eu", "staging", False, "STAGING"),
        ("prod-eu", "prod", True, "DEMO"),
        ("prod-eu", "staging", True, "DEMO"),
    ],
)
def test_what_nobody_knows_to_be_else_is_production(
    label: str, kind: str, simulated: bool, mark: str
) -> None:
    assert environment(label, kind, simulated=simulated).mark == mark


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        (Connection(Link.LIVE, START, 38, 80.4), "80 events/s · 38 ms behind"),
        (Connection(Link.LIVE, START, 1200, 0.2), "1,200 ms behind"),
        (Connection(Link.LIVE, START), "heard 12 min ago"),
        (Connection(Link.STALE, START, 38, 80.0), "heard 12 min ago"),
        (Connection(Link.OFFLINE), "never heard"),
        (Connection(Link.CONNECTING), ""),
    ],
)
def test_the_age_is_always_said(connection: Connection, text: str) -> None:
    assert age_text(connection, LATER) == text


@pytest.mark.parametrize("link", [Link.LIVE, Link.CONNECTING])
def test_while_all_is_well_there_is_no_banner(link: Link) -> None:
    assert banner(with_link(Facts(), link), LATER) is None


def test_a_sealed_keyholder_is_said_calmly_and_only_while_it_is_known() -> None:
    known = replace(with_link(Facts(), Link.LIVE), sealed=True)
    found = banner(known, LATER)
    assert found is not None
    assert found.tone is Tone.WARN
    assert found.text.startswith("Sealed: the keyholder waits for its custodians.")
    assert is_sealed(known)
    for other in (replace(known, sealed=False), replace(known, sealed=None)):
        assert banner(other, LATER) is None
    old = replace(known, connection=Connection(Link.OFFLINE))
    assert not is_sealed(old)


@pytest.mark.parametrize("link", [Link.STALE, Link.RECONNECTING, Link.OFFLINE])
def test_what_is_old_says_so_with_its_age_and_why(link: Link) -> None:
    found = banner(with_link(Facts(), link, error="No answer within 5 s."), LATER)
    assert found is not None
    assert found.tone is Tone.WARN
    assert "heard 12 min ago" in found.text
    assert found.text.endswith("No answer within 5 s.")


def test_a_server_that_is_not_believed_is_named_so_even_without_an_alarm() -> None:
    found = banner(with_link(Facts(), Link.DISTRUSTED, error="A forged approval."), LATER)
    assert found is not None
    assert (found.tone, found.proof) == (Tone.DANGER, False)
    assert "A forged approval." in found.text


def test_an_alarm_goes_before_everything_else() -> None:
    facts = replace(with_link(Facts(), Link.OFFLINE), alarms=(alarm(saved=(Path("note"),)),))
    found = banner(facts, LATER)
    assert found is not None
    assert (found.tone, found.proof) == (Tone.DANGER, True)
    assert found.text == (
        "Server not believed: history was rewritten; found 41 entries; expected 44 entries. "
        "Tell the others."
    )


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Okafor", "AO"), ("bela", "B"), ("", "?"), ("- -", "?"), ("Jean-Luc de Groot", "JG")],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_roles_are_named_in_one_order() -> None:
    assert roles_text(frozenset({Role.APPROVER, Role.PROPOSER})) == "Proposer, Approver"
    assert roles_text(frozenset(Role)).startswith("Proposer, Approver, Custodian")
    assert roles_text(frozenset()) == ""


def test_who_left_the_roster_is_told_so_and_not_of_a_lost_connection() -> None:
    told = "You are no longer an officer of this authority (roster version 2, log index 7)"
    found = banner(with_link(Facts(), Link.REMOVED, error=told), LATER)
    assert found is not None
    assert (found.tone, found.text) == (Tone.DANGER, told)


def test_an_expired_authority_is_said_on_every_page() -> None:
    server = ScriptedServer(Clock())
    facts = gather(server.client(), Facts(), GATHERED, START)
    live = with_link(facts, Link.LIVE)
    assert banner(live, START) is None
    found = banner(live, START + timedelta(days=91))
    assert found is not None
    assert found.tone is Tone.DANGER
    assert found.text.startswith("EXPIRED: roster version 1, keys version 1")

"""Expiries as a calendar: RFC 5545, the same bytes for the same statements."""

from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.calendar import calendar_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import Statement, parse_statement
from support.authority import Authority, Clock, policy_body
from unit.quorum.authority_log import ceremony, platforms, restore

AUTHORITY = Authority(Clock())
PIN = Digest("sha256:" + "ab" * 32)


def statement(kind: Kind, subject: str, body: dict[str, object], days: int = 90) -> Statement:
    made = AUTHORITY.propose(kind, subject, body, life=timedelta(days=days))
    return parse_statement(made.raw)


SERVING = statement(Kind.POLICY, "serving", policy_body())
LIST = statement(Kind.PLATFORMS, "eu; all, of it\\ä" * 20, platforms("amd-genoa-00"), 30)


def unfolded(raw: bytes) -> list[str]:
    return raw.decode().replace("\r\n ", "").split("\r\n")


def test_an_event_for_each_that_ends() -> None:
    revocation = statement(Kind.REVOCATION, "node:n1", {"target_kind": "node", "target": "n1"})
    raw = calendar_of([SERVING, LIST, revocation], PIN, simulated=False)
    lines = unfolded(raw)

    assert lines[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Keyturn//expiries//EN"]
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2
    assert [each for each in lines if each.startswith("DTSTART")] == [
        "DTSTART:20261223T080000Z",
        "DTSTART:20270221T080000Z",
    ]
    assert f"UID:{SERVING.digest[7:]}@keyturn" in lines
    assert lines.count("DTSTAMP:20261123T080000Z") == 2
    assert "SUMMARY:policy serving expires" in lines
    assert "TRIGGER:-P14D" in lines
    assert (
        f"DESCRIPTION:Version 1\\, authority {PIN}. keyturn proposal renew policy serving" in lines
    )


def test_the_same_statements_give_the_same_bytes() -> None:
    once = calendar_of([SERVING, LIST], PIN, simulated=False)
    assert calendar_of([LIST, SERVING], PIN, simulated=False) == once


def test_simulation_is_said() -> None:
    assert b"SUMMARY:SIMULATED: policy serving" in calendar_of([SERVING], PIN, simulated=True)


def test_lines_are_folded_and_texts_escaped() -> None:
    raw = calendar_of([LIST], PIN, simulated=False)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    for line in raw.split(b"\r\n"):
        line.decode()  # no character is cut in two
    escaped = "eu\\; all\\, of it\\\\ä" * 20
    assert f"SUMMARY:platforms {escaped} expires" in unfolded(raw)


@pytest.mark.parametrize("length", range(60, 80))
def test_a_fold_loses_nothing(length: int) -> None:
    subject = "ä" * length
    raw = calendar_of(
        [statement(Kind.PLATFORMS, subject, platforms("amd-genoa-00"))], PIN, simulated=False
    )
    assert f"SUMMARY:platforms {subject} expires" in unfolded(raw)


@pytest.mark.parametrize(
    ("kind", "subject", "body", "what"),
    [
        (Kind.CEREMONY, "backup-2026", ceremony(), "backup ceremony backup-2026"),
        (Kind.RESTORE, "7e" * 32, restore(), f"restore of the KEK {'7e' * 32}"),
    ],
)
def test_when_it_may_be_held(kind: Kind, subject: str, body: dict[str, object], what: str) -> None:
    found = statement(kind, subject, body)
    lines = unfolded(calendar_of([found], PIN, simulated=True))

    at = lines.index(f"UID:window-{found.digest[7:]}@keyturn")
    assert lines[at + 2 : at + 5] == [
        "DTSTART:20261124T080000Z",
        "DTEND:20261125T080000Z",
        f"SUMMARY:SIMULATED: {what} may be held",
    ]
    assert "TRIGGER:-P1D" in lines
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2  # and when it expires

"""What is due, by the verified log alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.quorum.ceremony_body import Ceremony, CeremonyKind, Participants, Window
from keyturn.quorum.entries import CeremonyEntry, ceremony_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn_app.screens.ceremonies.due import (
    DRILL_EVERY,
    ROTATE_EVERY,
    DueKind,
    LogCeremony,
    by_ceremony,
    due,
    logged,
)
from support.authority import START, Clock
from unit.client.scripted_server import ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def state_of(server: ScriptedServer):  # type: ignore[no-untyped-def]
    return server.client("ada").seen().state


def test_a_rotation_and_a_drill_are_due_from_the_beginning(server: ScriptedServer) -> None:
    state = state_of(server)
    rows = {each.target: each for each in due(state, (), server.clock())}
    assert rows["kek-rotation"].at == state.newest[Kind.KEYS, "keys"].statement.time + ROTATE_EVERY
    assert rows["restore-drill"].at < rows["kek-rotation"].at
    assert rows["kek-rotation"].look.word == "Planned"


def test_a_drill_that_was_held_moves_the_next_one(server: ScriptedServer) -> None:
    state, now = state_of(server), server.clock()
    held = LogCeremony("drill-1", "restore-drill", "done", now, now + timedelta(days=20), 9, 40, 20)
    rows = {each.target: each for each in due(state, (held,), now)}
    assert rows["restore-drill"].at == now + timedelta(days=20) + DRILL_EVERY
    half = replace(held, done=2)
    rows = {each.target: each for each in due(state, (half,), now)}
    assert rows["restore-drill"].at < now + timedelta(days=20) + DRILL_EVERY


def test_what_is_over_time_is_overdue_and_comes_first(server: ScriptedServer) -> None:
    state = state_of(server)
    rows = due(state, (), server.clock() + timedelta(days=400))
    assert rows[0].at <= rows[-1].at
    assert {each.look.word for each in rows if each.target == "kek-rotation"} == {"Overdue"}


def test_statements_that_end_soon_stand_in_the_calendar(server: ScriptedServer) -> None:
    state = state_of(server)
    rows = due(state, (), server.clock() + timedelta(days=80))
    assert any(each.opens is DueKind.STATEMENT and "expires" in each.title for each in rows)


def test_records_of_a_ceremony_are_read_from_the_log() -> None:
    leaves = [
        ceremony_entry(
            START + timedelta(minutes=at),
            CeremonyEntry("backup-1", "backup", at, event, Digest("sha256:" + "ab" * 32), None),
        )
        for at, event in enumerate(("opened", "done", "aborted"))
    ]
    found = by_ceremony(logged([b"no entry", *leaves]))
    (row,) = found
    assert (row.ceremony, row.records, row.aborted, row.done) == ("backup-1", 3, True, 1)
    assert (row.opened, row.newest) == (START, START + timedelta(minutes=2))


def test_what_may_be_held_is_named_until_it_was_held(server: ScriptedServer) -> None:
    now = server.clock()
    people = Participants(OfficerId("ada"), (OfficerId("bela"),), OfficerId("chen"), None)
    body = Ceremony(
        CeremonyKind.RESTORE_DRILL,
        Digest("sha256:" + "00" * 32),
        None,
        people,
        (),
        Window(now, now + timedelta(days=1)),
    )
    state = state_of(server)
    keys = state.newest[Kind.KEYS, "keys"]
    drill = replace(keys.statement, kind=Kind.CEREMONY, subject="drill-1", body=body)
    newest = {**state.newest, (Kind.CEREMONY, "drill-1"): replace(keys, statement=drill)}
    state = replace(state, newest=newest)
    held = LogCeremony("drill-1", "restore-drill", "done", now, now, 9, 40, 2)
    named = [each.title for each in due(state, (held,), now)]
    assert "Restore drill drill-1" in named
    for over in (replace(held, done=20), replace(held, event="aborted")):
        assert "Restore drill drill-1" not in [each.title for each in due(state, (over,), now)]

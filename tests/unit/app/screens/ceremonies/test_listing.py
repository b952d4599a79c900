"""What stands where on the page: running, or held, never both."""

from dataclasses import replace
from datetime import timedelta

from keyturn.base.times import format_time
from keyturn_app.screens.ceremonies.due import LogCeremony
from keyturn_app.screens.ceremonies.hosts import Held, HostPlace, HostSeen, RunState
from keyturn_app.screens.ceremonies.listing import (
    HostState,
    history_rows,
    host_lines,
    running_rows,
)
from support.authority import START


def host(state: RunState) -> HostState:
    held = Held("backup-1", "backup", False, state, "unlock-backup", 2, format_time(START))
    return HostState("keyholder", HostPlace.KEYHOLDER, "Keyholder", HostSeen((held,), "aa"))


LOGGED = LogCeremony("backup-1", "backup", "done", START, START + timedelta(minutes=1), 3, 40, 2)


def test_what_runs_at_a_host_is_not_listed_as_held() -> None:
    now = START + timedelta(minutes=2)
    for state in (RunState.RUNNING, RunState.INTERRUPTED):
        assert len(running_rows([host(state)], now)) == 1
        assert history_rows([host(state)], [LOGGED], now) == ()
    (row,) = history_rows([host(RunState.ABORTED)], [LOGGED], now)
    assert (row.key, row.proof) == ("keyholder backup-1", "3 records in the log")


def test_what_no_host_knows_any_more_is_told_by_the_log() -> None:
    (row,) = history_rows([], [LOGGED], START + timedelta(minutes=2))
    assert (row.key, row.look.word) == (" backup-1", "Not finished")


def test_a_session_is_shown_by_its_kind_and_a_short_id() -> None:
    session = LogCeremony(
        "unseal-4053f3c846461cc5282e1cd177325a52", "unseal", "done", START, START, 2, 60, 1
    )
    people = {session.ceremony: ("Ada Okafor", "Chen Wei")}
    (row,) = history_rows([], [session], START + timedelta(minutes=2), people)
    assert (row.kind, row.id, row.who) == ("Unseal", "4053 f3c8 … 5a52", people[session.ceremony])
    assert (row.ceremony, row.is_short) == (session.ceremony, True)
    assert row.day == f"{START:%Y-%m-%d %H:%M}"


def test_another_id_is_shown_whole_and_a_rehearsal_was_held_by_nobody_known() -> None:
    held = replace(host(RunState.DONE).seen.ceremonies[0], rehearsal=True)  # type: ignore[union-attr]
    there = replace(host(RunState.DONE), seen=HostSeen((held,), "aa"))
    rows = history_rows([there], [LOGGED], START, {"backup-1": ("Ada Okafor",)})
    assert [(each.id, each.is_short, each.who) for each in rows] == [("backup-1", False, ())]


def test_a_hosts_key_is_shown_as_every_digest_is() -> None:
    there = replace(host(RunState.DONE), seen=HostSeen((), "5055 12eb 7232"))
    (line,) = host_lines([there])
    assert line.fingerprint == "505512eb7232"

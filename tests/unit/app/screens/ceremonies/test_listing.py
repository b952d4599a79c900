"""What stands where on the page: running, or held, never both."""

from datetime import timedelta

from keyturn.base.times import format_time
from keyturn_app.screens.ceremonies.due import LogCeremony
from keyturn_app.screens.ceremonies.hosts import Held, HostPlace, HostSeen, RunState
from keyturn_app.screens.ceremonies.listing import HostState, history_rows, running_rows
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

"""Which errors convict a server, and what is kept of them."""

from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import (
    AuthorityRolledBack,
    HistoryRewritten,
    MalformedAnswer,
    PinMismatch,
    ServerLied,
    ServerRefused,
    ServerUnreachable,
)
from keyturn.quorum.errors import LogInconsistent
from keyturn.tlog.errors import UntrustedProof
from keyturn_app.facts import AlarmKind
from keyturn_app.live.alarms import alarm_of, kind_of, on_record
from support.authority import START, Clock
from unit.client.scripted_server import ScriptedServer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServerLied("x"), AlarmKind.LIED),
        (UntrustedProof("x"), AlarmKind.LIED),
        (PinMismatch("x"), AlarmKind.OTHER_KEY),
        (AuthorityRolledBack("x"), AlarmKind.ROLLED_BACK),
        (LogInconsistent("x"), AlarmKind.INCONSISTENT),
        (ServerUnreachable("x"), None),
        (MalformedAnswer("x"), None),
        (ServerRefused(503, "x", "x"), None),
    ],
)
def test_what_convicts(error: KeyturnError, kind: AlarmKind | None) -> None:
    assert kind_of(error) is kind


def rewritten() -> HistoryRewritten:
    server = ScriptedServer(Clock())
    return HistoryRewritten("shrunk", kept=server.checkpoint(), shown=server.checkpoint(1))


def test_the_proof_is_a_file_when_the_alarm_is_there(tmp_path: Path) -> None:
    alarm = alarm_of(rewritten(), AlarmKind.REWRITTEN, tmp_path, START)
    assert [each.parent for each in alarm.saved] == [tmp_path]
    assert alarm.saved[0].is_file()


def test_a_full_disk_hides_no_alarm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alarm = alarm_of(rewritten(), AlarmKind.REWRITTEN, tmp_path / "file", START)
    assert alarm.saved == ()
    assert "could not be saved" in alarm.hint


def test_the_same_lie_is_one_alarm(tmp_path: Path) -> None:
    first = alarm_of(ServerLied("a"), AlarmKind.LIED, tmp_path, START)
    later = alarm_of(ServerLied("a"), AlarmKind.LIED, tmp_path, START.replace(hour=9))
    other = alarm_of(ServerLied("b"), AlarmKind.LIED, tmp_path, START)
    assert on_record(on_record((), first), later) == (first,)
    assert on_record((first,), other) == (first, other)

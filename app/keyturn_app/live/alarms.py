"""From a contradiction to an alarm, its proof saved first."""

from datetime import datetime
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.contradiction import save_contradiction
from keyturn.client.errors import (
    AuthorityRolledBack,
    FileUnusable,
    HistoryRewritten,
    PinMismatch,
    ServerLied,
)
from keyturn.quorum.errors import LogInconsistent
from keyturn.tlog.errors import UntrustedCheckpoint, UntrustedProof
from keyturn_app.facts import Alarm, AlarmKind
from keyturn_app.i18n import _

_KINDS: tuple[tuple[type[KeyturnError], AlarmKind], ...] = (
    (HistoryRewritten, AlarmKind.REWRITTEN),
    (AuthorityRolledBack, AlarmKind.ROLLED_BACK),
    (LogInconsistent, AlarmKind.INCONSISTENT),
    (ServerLied, AlarmKind.LIED),
    (UntrustedCheckpoint, AlarmKind.LIED),
    (UntrustedProof, AlarmKind.LIED),
    (PinMismatch, AlarmKind.OTHER_KEY),
)


def kind_of(error: KeyturnError) -> AlarmKind | None:
    """None for what convicts nobody: the network, a refusal, a form that cannot be read."""
    return next((kind for of, kind in _KINDS if isinstance(error, of)), None)


def alarm_of(error: KeyturnError, kind: AlarmKind, directory: Path, at: datetime) -> Alarm:
    """Both checkpoints of a rewritten history are files below `directory` before it returns."""
    saved: tuple[Path, ...] = ()
    hint = error.hint
    if isinstance(error, HistoryRewritten):
        try:
            saved = (save_contradiction(directory, error),)
        except FileUnusable as failed:
            hint = _("{hint} They could not be saved here: {why}").format(
                hint=hint, why=failed.message
            )
    return Alarm(kind, error.message, error.found, error.expected, hint, at, saved)


def on_record(alarms: tuple[Alarm, ...], alarm: Alarm) -> tuple[Alarm, ...]:
    """Every alarm stays; the same lie told again is not another one."""
    known = {(each.kind, each.message, each.found, each.expected) for each in alarms}
    if (alarm.kind, alarm.message, alarm.found, alarm.expected) in known:
        return alarms
    return (*alarms, alarm)

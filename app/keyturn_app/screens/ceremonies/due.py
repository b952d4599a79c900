"""What is due, from the verified log and nothing else: rotations, drills, what expires. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.base.errors import MalformedError
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind
from keyturn.client.seen import at_hand
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.entries import CeremonyEntry, EntryKind, parse_entry, read_ceremony
from keyturn.quorum.expiry import expiring, in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.words import kind_title
from keyturn_app.states import Look

SOON = timedelta(days=30)
ROTATE_EVERY = timedelta(days=365)
DRILL_EVERY = timedelta(days=180)
"""How old a KEK and a proof of its backup may get before this page says that they are due."""


class DueKind(Enum):
    CEREMONY = "ceremony"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Due:
    """`at`: when; what is over is overdue. `kind` and `target` say what a click opens."""

    title: str
    text: str
    at: datetime
    look: Look
    when: str
    opens: DueKind
    target: str


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of a ceremony as the verified log has it."""

    entry: CeremonyEntry
    index: int
    time: datetime


@dataclass(frozen=True, slots=True)
class LogCeremony:
    """What the log says of one ceremony: its newest record, and how many there are."""

    ceremony: str
    kind: str
    event: str
    opened: datetime
    newest: datetime
    records: int
    index: int
    done: int
    """Steps that were done."""

    @property
    def aborted(self) -> bool:
        return self.event == Event.ABORTED.value

    @property
    def finished(self) -> bool:
        """Every step of this release's script was done: half a ceremony proves nothing."""
        known = {each.value: script for each, script in SCRIPTS.items()}
        return self.kind in known and self.done >= len(known[self.kind].steps)


def logged(leaves: Sequence[bytes]) -> tuple[LogRecord, ...]:
    """Every record of a ceremony in the part of the log that is on this machine."""
    found = []
    for index, leaf in at_hand(leaves):
        if b'"ceremony_kind"' not in leaf:
            continue
        try:
            entry = parse_entry(leaf)
            if entry.kind is EntryKind.CEREMONY:
                found.append(LogRecord(read_ceremony(entry), index, entry.time))
        except MalformedError:
            continue  # not an entry that this release reads: the page Log shows it
    return tuple(found)


def by_ceremony(records: Sequence[LogRecord]) -> tuple[LogCeremony, ...]:
    """The newest first."""
    found: dict[str, LogCeremony] = {}
    for each in records:
        before = found.get(each.entry.ceremony)
        found[each.entry.ceremony] = LogCeremony(
            each.entry.ceremony,
            each.entry.ceremony_kind,
            each.entry.event,
            before.opened if before else each.time,
            each.time,
            each.entry.seq + 1,
            each.index,
            (before.done if before else 0) + (each.entry.event == Event.DONE.value),
        )
    return tuple(sorted(found.values(), key=lambda each: each.newest, reverse=True))


def due(state: AuthorityState, held: Sequence[LogCeremony], now: datetime) -> tuple[Due, ...]:
    """The first one first."""
    found = [*_ending(state, now), *_windows(state, held, now), *_recurring(state, held, now)]
    return tuple(sorted(found, key=lambda each: each.at))


def _ending(state: AuthorityState, now: datetime) -> list[Due]:
    found = []
    for each in expiring(state, now, SOON):
        ends = each.statement.expires
        if ends is None or isinstance(each.statement.body, Ceremony | Restore):
            continue
        name = wording.kind_name(each.statement.kind)
        subject = "" if each.statement.kind in {Kind.ROSTER, Kind.KEYS} else each.statement.subject
        found.append(
            Due(
                _("{kind} {subject} expires").format(kind=name, subject=subject).replace("  ", " "),
                _("Version {version}. Renew it before, or what rests on it stops.").format(
                    version=each.statement.version
                ),
                ends,
                _look(ends, now),
                wording.until(ends, now),
                DueKind.STATEMENT,
                each.statement.digest,
            )
        )
    return found


def _windows(state: AuthorityState, held: Sequence[LogCeremony], now: datetime) -> list[Due]:
    """Ceremonies and restores that a quorum let happen, while their window is not over and they
    were not held."""
    over = {each.ceremony for each in held if each.finished or each.aborted}
    found = []
    for each in in_force(state, now):
        body = each.statement.body
        if not isinstance(body, Ceremony | Restore) or now >= body.window.not_after:
            continue
        if each.statement.subject in over:
            continue
        kind = body.ceremony.value if isinstance(body, Ceremony) else ScriptKind.RESTORE.value
        is_open = body.is_open(now)
        moment = body.window.not_after if is_open else body.window.not_before
        text = _("May be held until {time}.") if is_open else _("May be held from {time}.")
        look = Look(_("Open now"), "ok", "circle-check")
        if not is_open:
            look = Look(_("To come"), "pending", "clock")
        found.append(
            Due(
                f"{kind_title(kind)} {each.statement.subject}",
                text.format(time=wording.moment(moment)),
                moment,
                look,
                wording.until(moment, now),
                DueKind.CEREMONY,
                f"{kind}:{each.statement.digest}",
            )
        )
    return found


_RENEWS = {ScriptKind.GENESIS, ScriptKind.KEK_ROTATION, ScriptKind.HSM_REPLACEMENT}
_PROVES = {ScriptKind.GENESIS, ScriptKind.RESTORE_DRILL, ScriptKind.RESTORE}


def _recurring(state: AuthorityState, held: Sequence[LogCeremony], now: datetime) -> list[Due]:
    """By the newest ceremony of such a kind in the log; the authority's first keys begin it."""
    began = _began(state)
    if began is None:
        return []
    rows = (
        (ScriptKind.KEK_ROTATION, _RENEWS, ROTATE_EVERY, _("The KEK is rotated once a year.")),
        (
            ScriptKind.RESTORE_DRILL,
            _PROVES,
            DRILL_EVERY,
            _("A backup that was not tried for half a year is a hope."),
        ),
    )
    found = []
    for kind, counts, every, text in rows:
        names = {each.value for each in counts}
        last = max([began, *(each.newest for each in held if each.kind in names and each.finished)])
        at = last + every
        found.append(
            Due(
                kind_title(kind.value),
                text,
                at,
                _look(at, now),
                wording.until(at, now),
                DueKind.CEREMONY,
                kind.value,
            )
        )
    return found


def _began(state: AuthorityState) -> datetime | None:
    newest = state.newest.get((Kind.KEYS, "keys"))
    return None if newest is None else newest.statement.time


def _look(at: datetime, now: datetime) -> Look:
    if at <= now:
        return Look(_("Overdue"), "danger", "clock")
    if at - now <= SOON:
        return Look(_("Due soon"), "stale", "triangle-alert")
    return Look(_("Planned"), "unknown", "calendar")

"""The page's list as it is shown: running, due, held before, and what can be begun. No Qt here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from keyturn.base.errors import MalformedError
from keyturn.base.times import parse_time
from keyturn.ceremony.people import WITHOUT_STATEMENT
from keyturn.ceremony.script import ScriptKind
from keyturn.quorum.bundle import Authority
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.screens.ceremonies.due import Due, LogCeremony
from keyturn_app.screens.ceremonies.hosts import Held, HostPlace, HostSeen, RunState
from keyturn_app.screens.ceremonies.words import (
    kind_title,
    kind_words,
    run_look,
    step_place,
)
from keyturn_app.states import Look


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A ceremony that is not over, at one host."""

    key: str  # host and ceremony
    title: str
    text: str
    look: Look
    rehearsal: bool
    action: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """`title` in full, to be spoken; `kind` and `id` are shown, a session's id shortened. `who`:
    those whose signatures were proved; empty while nobody is known."""

    key: str
    title: str
    kind: str
    ceremony: str
    id: str
    look: Look
    when: str
    day: str
    who: tuple[str, ...]
    proof: str
    rehearsal: bool

    @property
    def is_short(self) -> bool:
        return self.id != self.ceremony


@dataclass(frozen=True, slots=True)
class HostLine:
    """A host and what can be done with it. `unseal`: its keyholder is sealed."""

    id: str
    title: str
    text: str
    look: Look
    fingerprint: str
    caution: str
    unseal: bool


@dataclass(frozen=True, slots=True)
class AuthorityLine:
    """The authority that this machine was told of. `text`: how much of it is known."""

    origin: str
    fingerprint: str
    text: str


def authority_line(known: Authority, now: datetime, *, logged: bool) -> AuthorityLine:
    """`logged`: as a keyholder's own log proves it, and not a file alone."""
    version = known.state.newest[(Kind.ROSTER, "roster")].statement.version
    text = _("Roster version {version}, from its bundle: what came after it is not known here.")
    if logged:
        text = _("Roster version {version}, as the keyholder's log proves it.")
    if known.expired(now):
        text = _("Roster version {version}. Roster or keys have expired.")
    return AuthorityLine(known.origin, known.fingerprint, text.format(version=version))


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind in the chooser. `why_not` and `why_no_rehearsal`: why it cannot be begun here."""

    kind: ScriptKind
    title: str
    does: str
    who: str
    takes: str
    statement: str
    icon: str
    why_not: str
    why_no_rehearsal: str
    propose: bool = False
    """Whether what is missing is the statement."""


class ListPhase(Enum):
    LOADING = "loading"
    DISTRUSTED = "distrusted"
    EMPTY = "empty"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class ListView:
    phase: ListPhase
    banner: str = ""
    tone: str = "warn"
    running: tuple[RunningRow, ...] = ()
    due: tuple[Due, ...] = ()
    history: tuple[HistoryRow, ...] = ()
    hosts: tuple[HostLine, ...] = ()
    choosing: bool = False
    choices: tuple[Choice, ...] = ()
    error: str = ""
    why_no_export: str = ""
    none_held: str = ""
    pins: bool = False
    authority: AuthorityLine | None = None


@dataclass(frozen=True, slots=True)
class HostState:
    """What is known of one host now: what it said last, or why nothing."""

    id: str
    place: HostPlace
    title: str
    seen: HostSeen | None
    error: str = ""
    refuted: bool = False
    """Whether what it said does not hold."""


def running_rows(hosts: Sequence[HostState], now: datetime) -> tuple[RunningRow, ...]:
    rows = [
        _running(host, each, now)
        for host in hosts
        for each in (host.seen.ceremonies if host.seen else ())
        if each.state in {RunState.RUNNING, RunState.INTERRUPTED}
    ]
    return tuple(rows)


def _running(host: HostState, held: Held, now: datetime) -> RunningRow:
    opened = _when(held.opened)
    parts = [
        step_place(held.kind, held.step) if held.step else "",
        _("opened {ago}").format(ago=wording.ago(opened, now)) if opened else "",
        host.title,
    ]
    return RunningRow(
        f"{host.id} {held.ceremony}",
        f"{kind_title(held.kind)} {held.ceremony}",
        " · ".join(each for each in parts if each),
        run_look(held.state),
        held.rehearsal,
        _("Resume…") if held.state is RunState.INTERRUPTED else _("Open"),
    )


def history_rows(
    hosts: Sequence[HostState],
    log: Sequence[LogCeremony],
    now: datetime,
    people: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[HistoryRow, ...]:
    """What the log has, and what a host has beside it: rehearsals, and what is not logged yet.

    `people`: by ceremony, those who signed it, for people.
    """
    in_log: Mapping[str, LogCeremony] = {each.ceremony: each for each in log}
    who = people or {}
    rows: list[tuple[datetime, HistoryRow]] = []
    for host in hosts:
        for each in host.seen.ceremonies if host.seen else ():
            if each.state in {RunState.RUNNING, RunState.INTERRUPTED}:
                continue
            opened = _when(each.opened)
            known = None if each.rehearsal else in_log.get(each.ceremony)
            row = _held_row(host, each, known, opened, now)
            rows.append(
                (opened or now, replace(row, who=who.get(each.ceremony, ())) if known else row)
            )
    have = {(row.kind, row.ceremony) for _at, row in rows}
    under_way = {row.key.partition(" ")[2] for row in running_rows(hosts, now)}
    for one in log:
        if (kind_title(one.kind), one.ceremony) not in have and one.ceremony not in under_way:
            row = replace(_log_row(one, now), who=who.get(one.ceremony, ()))
            rows.append((one.opened, row))
    return tuple(row for _at, row in sorted(rows, key=lambda each: each[0], reverse=True))


def _held_row(
    host: HostState, held: Held, known: LogCeremony | None, opened: datetime | None, now: datetime
) -> HistoryRow:
    proof = _("{count} records in the log").format(count=known.records) if known else ""
    if held.rehearsal:
        proof = _("not logged: a rehearsal")
    return HistoryRow(
        f"{host.id} {held.ceremony}",
        f"{kind_title(held.kind)} {held.ceremony}",
        kind_title(held.kind),
        held.ceremony,
        wording.ceremony_id(held.ceremony),
        run_look(held.state),
        wording.ago(opened, now) if opened else "—",
        f"{opened:%Y-%m-%d %H:%M}" if opened else "",
        (),
        proof or _("the host's word"),
        held.rehearsal,
    )


def _log_row(one: LogCeremony, now: datetime) -> HistoryRow:
    look = Look(_("Not finished"), "stale", "triangle-alert")
    if one.aborted or one.finished:
        look = run_look(RunState.ABORTED if one.aborted else RunState.DONE)
    return HistoryRow(
        f" {one.ceremony}",
        f"{kind_title(one.kind)} {one.ceremony}",
        kind_title(one.kind),
        one.ceremony,
        wording.ceremony_id(one.ceremony),
        look,
        wording.ago(one.newest, now),
        f"{one.newest:%Y-%m-%d %H:%M}",
        (),
        _("{count} records in the log").format(count=one.records),
        False,
    )


def host_lines(hosts: Sequence[HostState]) -> tuple[HostLine, ...]:
    return tuple(_host_line(each) for each in hosts)


def _host_line(host: HostState) -> HostLine:
    if host.seen is None:
        look = Look(_("Asking"), "pending", "circle-dashed")
        if host.error:
            look = Look(_("Out of reach"), "unknown", "circle-slash")
        if host.refuted:
            look = Look(_("Not proved"), "danger", "octagon-x")
        return HostLine(host.id, host.title, host.error, look, "", "", False)
    sealed = host.seen.sealed
    look = Look(_("Sealed"), "stale", "lock") if sealed else Look(_("Ready"), "ok", "circle-check")
    text = _("No key is released until custodians unseal it.") if sealed else ""
    return HostLine(
        host.id,
        host.title,
        text,
        look,
        "".join(host.seen.fingerprint.split()),
        host.seen.caution,
        sealed,
    )


def choices(
    state: AuthorityState | None,
    hosts: Sequence[HostState],
    now: datetime,
    *,
    why_no_host: str,
    proposes: bool = True,
) -> tuple[Choice, ...]:
    """Every kind; each says why it cannot be begun, where it cannot. `proposes`: whether
    statements can be proposed from here."""
    found = (_choice(each, state, hosts, now, why_no_host) for each in _ORDER)
    return tuple(each if proposes else replace(each, propose=False) for each in found)


_ORDER = (
    ScriptKind.GENESIS,
    ScriptKind.UNSEAL,
    ScriptKind.SEAL,
    ScriptKind.BACKUP,
    ScriptKind.RESTORE_DRILL,
    ScriptKind.RESTORE,
    ScriptKind.KEK_ROTATION,
    ScriptKind.CUSTODIAN_CHANGE,
    ScriptKind.OFFICER_KEY_LOSS,
    ScriptKind.MODEL_KEY_DESTRUCTION,
    ScriptKind.KEY_IMPORT,
    ScriptKind.HSM_REPLACEMENT,
)


def _choice(
    kind: ScriptKind,
    state: AuthorityState | None,
    hosts: Sequence[HostState],
    now: datetime,
    why_no_host: str,
) -> Choice:
    words = kind_words(kind)
    rehearsal = why_no_host
    statement = _("No statement is needed.")
    if kind not in WITHOUT_STATEMENT:
        there = statements_for(state, kind, now)
        statement = (
            n_("{count} statement in force lets it happen.", "{count} statements.", len(there))
            if there
            else _("A quorum must let it happen first, by a statement.")
        )
    return Choice(
        kind,
        words.title,
        words.does,
        words.who,
        _("about {count} min").format(count=words.minutes),
        statement,
        words.icon,
        _why_not(kind, state, hosts, now, why_no_host),
        rehearsal,
        propose=kind not in WITHOUT_STATEMENT
        and state is not None
        and not statements_for(state, kind, now),
    )


def _why_not(
    kind: ScriptKind,
    state: AuthorityState | None,
    hosts: Sequence[HostState],
    now: datetime,
    why_no_host: str,
) -> str:
    if kind is ScriptKind.GENESIS:
        return why_no_host
    if state is None:
        return _("There is no authority here: found one first, or connect to its server.")
    if kind is ScriptKind.RESTORE:
        return why_no_host  # its statement comes as a file where the log cannot say it
    keyholders = [each for each in hosts if each.place is not HostPlace.MACHINE and each.seen]
    brings = all(each.place is HostPlace.LOCAL for each in keyholders)
    if kind not in WITHOUT_STATEMENT and not brings and not statements_for(state, kind, now):
        return _("No statement in force lets it happen now.")
    if not keyholders:
        return _("No keyholder is within reach.")
    sealed = any(each.seen is not None and each.seen.sealed for each in keyholders)
    if kind is ScriptKind.UNSEAL and not sealed:
        return _("The keyholder is not sealed.")
    if kind is not ScriptKind.UNSEAL and sealed:
        return _("The keyholder is sealed: unseal it first.")
    return ""


def statements_for(
    state: AuthorityState | None, kind: ScriptKind, now: datetime
) -> tuple[tuple[str, str], ...]:
    """(subject, digest) of the statements in force, with their window open, for this kind."""
    if state is None:
        return ()
    found = []
    for each in in_force(state, now):
        body = each.statement.body
        fits = (
            isinstance(body, Ceremony) and body.ceremony.value == kind.value and body.is_open(now)
        ) or (isinstance(body, Restore) and kind is ScriptKind.RESTORE and body.is_open(now))
        if fits:
            found.append((each.statement.subject, each.statement.digest))
    return tuple(found)


def banner_of(facts: Facts, now: datetime) -> tuple[str, str]:
    """(text, tone) above the list."""
    link, seen = facts.connection.link, facts.seen
    if seen is None:
        if link in {Link.STATION, Link.CONNECTING}:
            return "", "info"
        return _(
            "Not connected: only what runs on this machine is shown, and nothing is known of the "
            "log."
        ), "warn"
    if link not in {Link.LIVE, Link.STATION}:
        age = wording.ago(facts.connection.heard or seen.as_of, now)
        return _("Not live: what is due is as of {age}.").format(age=age), "warn"
    return "", "info"


def _when(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except MalformedError:
        return None

"""What the page of policies shows: the list, and one policy in full. No Qt in here."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.client.inventory import NodeState
from keyturn.client.proposals import Status
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.impact import Simulation
from keyturn_app.screens.policies.versions import (
    Compared,
    Version,
    open_proposals,
    status_of,
    versions,
)
from keyturn_app.states import Look, status_look


class Phase(Enum):
    """What stands in the page's middle."""

    LOADING = "loading"
    OFFLINE = "offline"
    DISTRUSTED = "distrusted"
    EMPTY = "empty"
    NO_MATCH = "no-match"
    READY = "ready"


class Show(Enum):
    """Which policies are listed."""

    ALL = "all"
    IN_FORCE = "in-force"
    WAITING = "waiting"
    ENDED = "ended"


class Form(Enum):
    """How a version is shown."""

    IMPACT = "impact"
    WORDS = "words"
    FIELDS = "fields"
    SIDES = "sides"
    UNIFIED = "unified"
    USES = "uses"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """`waiting`: a version of it is proposed. `nodes` None: nobody knows now."""

    subject: str
    version: int
    look: Look
    status: Status
    waiting: bool
    models: int
    nodes: int | None
    line: str
    expiry: str


@dataclass(frozen=True, slots=True)
class ShowChoice:
    show: Show
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Use:
    """A model that names the policy."""

    digest: Digest
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One policy. `after` is shown, compared with `before`."""

    subject: str
    look: Look
    line: str
    versions: tuple[Version, ...]
    after: Version
    before: Version | None
    compared: Compared
    words: tuple[str, ...]
    uses: tuple[Use, ...]
    json: str
    simulation: Simulation
    simulated: str
    impact_of_other: bool
    why_not_edit: str
    why_not_roll_back: str
    why_not_simulate: str
    why_not_open: str


@dataclass(frozen=True, slots=True)
class PoliciesView:
    phase: Phase
    title: str
    text: str
    banner: str
    tone: str
    query: str
    shows: tuple[ShowChoice, ...]
    rows: tuple[PolicyRow, ...]
    count: str
    selected: str
    form: Form
    detail: Detail | None
    why_not_new: str


def rows_of(facts: Facts, now: datetime) -> tuple[PolicyRow, ...]:
    """By name; a policy that is only proposed is one too."""
    if facts.seen is None or not facts.trusted:
        return ()
    state = facts.seen.state
    waiting = {each.statement.subject: each for each in open_proposals(facts)}
    named = {subject for kind, subject in state.newest if kind is Kind.POLICY} | set(waiting)
    served = serving(facts)
    return tuple(_row(each, served, facts, now) for each in sorted(named, key=str.casefold))


def _row(subject: str, served: Counter[Digest] | None, facts: Facts, now: datetime) -> PolicyRow:
    assert facts.seen is not None  # whoever asks for rows has looked
    state = facts.seen.state
    found = state.newest.get((Kind.POLICY, subject))
    proposed = [each for each in open_proposals(facts) if each.statement.subject == subject]
    status = Status.OPEN if found is None else status_of(found, state, now)
    statement = proposed[0].statement if found is None else found.statement
    models = models_of(subject, state, now)
    nodes = None if served is None else sum(served[each.digest] for each in models)
    parts = [n_("{count} model", "{count} models", len(models)), _nodes_text(nodes)]
    return PolicyRow(
        subject,
        statement.version,
        status_look(status),
        status,
        bool(proposed),
        len(models),
        nodes,
        " · ".join(parts),
        _expiry(statement.expires, status, now),
    )


def _nodes_text(nodes: int | None) -> str:
    if nodes is None:
        return _("nodes unknown")
    return n_("{count} node satisfies it", "{count} nodes satisfy it", nodes)


def _expiry(expires: datetime | None, status: Status, now: datetime) -> str:
    if status is Status.OPEN or expires is None:
        return ""
    if expires <= now:
        return _("expired {when}").format(when=wording.until(expires, now))
    return _("expires {when}").format(when=wording.until(expires, now))


def models_of(subject: str, state: AuthorityState, now: datetime) -> tuple[Use, ...]:
    """Admissions in force that name the policy."""
    found = []
    for kind, digest in state.newest:
        entered = state.in_force(Kind.MODEL, digest, now) if kind is Kind.MODEL else None
        body = None if entered is None else entered.statement.body
        if entered is not None and isinstance(body, Admission) and body.policy == subject:
            text = _("admitted at log entry {index}").format(index=entered.index)
            found.append(Use(Digest(digest), f"{body.name} {body.version}", text))
    return tuple(sorted(found, key=lambda each: each.name.casefold()))


def serving(facts: Facts) -> Counter[Digest] | None:
    """Attested nodes by the model of their grant in the log; None while not connected (I10)."""
    live = facts.connection.link in {Link.LIVE, Link.STALE}
    if not live or facts.nodes is None:
        return None
    return Counter(
        each.granted[1].model
        for each in facts.nodes.all
        if each.state is NodeState.ATTESTED and each.granted is not None
    )


_ENDED = frozenset({Status.EXPIRED, Status.REVOKED, Status.SUSPENDED})


def _fits(row: PolicyRow, show: Show) -> bool:
    return {
        Show.ALL: True,
        Show.IN_FORCE: row.status is Status.IN_FORCE,
        Show.WAITING: row.waiting,
        Show.ENDED: row.status in _ENDED,
    }[show]


def shown_rows(rows: tuple[PolicyRow, ...], show: Show, query: str) -> tuple[PolicyRow, ...]:
    words = query.casefold().split()
    return tuple(
        each
        for each in rows
        if _fits(each, show)
        and all(word in f"{each.subject} {each.look.word} {each.line}".casefold() for word in words)
    )


def shows_of(rows: tuple[PolicyRow, ...], chosen: Show) -> tuple[ShowChoice, ...]:
    names = {
        Show.ALL: _("All"),
        Show.IN_FORCE: _("In force"),
        Show.WAITING: _("Awaiting"),
        Show.ENDED: _("Ended"),
    }
    return tuple(
        ShowChoice(each, f"{text} {len(shown_rows(rows, each, ''))}", each is chosen)
        for each, text in names.items()
    )


def phase_of(
    facts: Facts, rows: tuple[PolicyRow, ...], shown: tuple[PolicyRow, ...]
) -> tuple[Phase, str, str]:
    if not facts.trusted:
        text = _("It was caught at a lie or at rewriting history. Nothing that it says is shown.")
        return Phase.DISTRUSTED, _("The server is not believed"), text
    if facts.seen is None:
        if facts.connection.link in {Link.OFFLINE, Link.RECONNECTING}:
            return (
                Phase.OFFLINE,
                _("Not connected"),
                f"{facts.connection.error} "
                + _("Which policies are in force stands in the log, which is on the server."),
            )
        return Phase.LOADING, _("Reading the log"), _("Each entry is verified first.")
    if not rows:
        text = _("A policy says what a machine must prove to get a model's key. Write the first.")
        return Phase.EMPTY, _("No policy yet"), text
    if not shown:
        return Phase.NO_MATCH, _("No policy fits"), _("Change the search, or show all of them.")
    return Phase.READY, "", ""


def banner_of(facts: Facts, now: datetime) -> tuple[str, str]:
    """(text, tone) of the line above the page; empty while live."""
    if facts.seen is None or facts.connection.link is Link.LIVE:
        return "", "warn"
    age = wording.ago(facts.connection.heard or facts.seen.as_of, now)
    if facts.connection.link is Link.STALE:
        return _("The server is silent. Policies are as of {age}.").format(age=age), "warn"
    return (
        _("Not connected. Policies are as of {age}; nothing can be proposed.").format(age=age),
        "warn",
    )


def chosen_versions(
    subject: str, facts: Facts, now: datetime, after: Digest | None, before: Digest | None
) -> tuple[tuple[Version, ...], Version | None, Version | None]:
    """All versions; the one that is shown; what it is compared with: the next older, by itself."""
    every = versions(subject, facts, now)
    if not every:
        return (), None, None
    shown = next((each for each in every if each.digest == after), every[0])
    older = every[every.index(shown) + 1 :]
    if shown.index is None:
        older = tuple(each for each in every if each.index is not None)
    default = older[0] if older else None
    other = next((each for each in every if each.digest == before), default)
    return every, shown, None if other is shown else other

"""The list of proposals: filters, order, and what each row says. No Qt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.facts import Facts, Seen
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.case import UNDECIDED, Case, case_of
from keyturn_app.screens.approvals.naming import kind_icon, kind_word, subject_word
from keyturn_app.screens.approvals.waiting import waits_for
from keyturn_app.states import Look, status_look

PRESSING = timedelta(hours=6)


class Filter(Enum):
    WAITING = "waiting"
    OPEN = "open"
    IN_FORCE = "in-force"
    MINE = "mine"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """`have` of `needed` approve. `lapses` is empty once nothing lapses any more."""

    digest: Digest
    icon: str
    kind: str
    subject: str
    version: str
    proposer: str
    age: str
    have: int
    needed: int
    quorum: str
    status: Look
    lapses: str
    pressing: bool
    waits: bool
    spoken: str  # the whole row, for a screen reader


@dataclass(frozen=True, slots=True)
class FilterChoice:
    filter: Filter
    text: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the officer chose to see. `kind` None: every kind."""

    filter: Filter = Filter.ALL
    kind: Kind | None = None
    text: str = ""


def filter_word(which: Filter) -> str:
    return {
        Filter.WAITING: _("Waiting for me"),
        Filter.OPEN: _("Open"),
        Filter.IN_FORCE: _("In force"),
        Filter.MINE: _("Mine"),
        Filter.ALL: _("All"),
    }[which]


def cases(facts: Facts, now: datetime) -> tuple[Case, ...]:
    """Every proposal that is known; none while the server is not believed."""
    if facts.seen is None or facts.proposals is None or not facts.trusted:
        return ()
    seen: Seen = facts.seen
    return tuple(case_of(each, seen, now) for each in facts.proposals.all)


def shown_of(facts: Facts) -> tuple[object, ...]:
    """What of the facts is shown: a log that only grew by grants changes nothing here.

    To be compared by identity.
    """
    state = None if facts.seen is None else facts.seen.state
    return (
        facts.connection.link,
        facts.proposals,
        facts.models,
        facts.alarms,
        None if state is None else state.newest,
        None if state is None else state.withdrawn,
        None if state is None else state.revoked,
    )


def overlaid(facts: Facts, answers: dict[Digest, Proposal]) -> tuple[Proposal, ...]:
    """The list with what single answers said since it was fetched; each is verified alike."""
    if facts.proposals is None:
        return ()
    known = {each.digest for each in facts.proposals.all}
    found = [answers.get(each.digest, each) for each in facts.proposals.all]
    return tuple(found + [each for digest, each in answers.items() if digest not in known])


def chosen(all_cases: tuple[Case, ...], wanted: Wanted, officer: str, now: datetime) -> list[Case]:
    """Those that are wanted: what waits for the officer first, then open ones, then the newest."""
    found = [
        case
        for case in all_cases
        if _fits(case, wanted.filter, officer, now)
        and (wanted.kind is None or case.statement.kind is wanted.kind)
        and _holds(case, wanted.text)
    ]
    found.sort(key=lambda case: case.statement.time, reverse=True)
    found.sort(key=lambda case: _rank(case, officer, now))
    return found


def choices(
    all_cases: tuple[Case, ...], wanted: Wanted, officer: str, now: datetime
) -> tuple[FilterChoice, ...]:
    return tuple(
        FilterChoice(
            each,
            filter_word(each),
            sum(_fits(case, each, officer, now) for case in all_cases),
            each is wanted.filter,
        )
        for each in Filter
    )


def row(case: Case, officer: str, now: datetime) -> Row:
    statement = case.statement
    open_now = case.undecided(now)
    status = case_look(case, now)
    proposer = officer_name(case, statement.proposer)
    quorum = _("{have} of {needed}").format(have=len(case.approved_by), needed=case.needed)
    lapses = ""
    if open_now and case.overtaken_by() is None:
        lapses = wording.until(statement.proposal_lapses, now)
    kind, subject = kind_word(statement.kind), subject_word(case)
    version = f"v{statement.version}"
    age = wording.age((now - statement.time).total_seconds())
    waits = waits_for(case, officer, now)
    spoken = [kind, subject, version, status.word, quorum, proposer]
    if waits:
        spoken.append(_("waits for you"))
    return Row(
        case.digest,
        kind_icon(statement.kind),
        kind,
        subject,
        version,
        proposer,
        age,
        len(case.approved_by),
        case.needed,
        quorum,
        status,
        lapses,
        bool(lapses) and statement.proposal_lapses - now < PRESSING,
        waits,
        ", ".join(spoken),
    )


def case_look(case: Case, now: datetime) -> Look:
    """The status as it looks; what was overtaken says so, what a file cannot know too."""
    if case.status is None:
        if now > case.statement.proposal_lapses:
            return status_look(Status.LAPSED)
        return Look(_("From a file"), "stale", "file-text")
    if case.status in UNDECIDED and case.overtaken_by() is not None:
        return Look(_("Overtaken"), "unknown", "history")
    if case.status is Status.OPEN:
        return Look(_("Awaiting approval"), "stale", "hourglass")
    if case.status is Status.REFUSED:
        return Look(_("Refused by the keyholder"), "danger", "octagon-x")
    return status_look(case.status)


def officer_name(case: Case, officer: str) -> str:
    """From the roster; the id where the roster no longer knows them."""
    found = case.roster.officers.get(OfficerId(officer))
    return officer if found is None else found.name


def _fits(case: Case, which: Filter, officer: str, now: datetime) -> bool:
    if which is Filter.WAITING:
        return waits_for(case, officer, now)
    if which is Filter.OPEN:
        return case.undecided(now)
    if which is Filter.IN_FORCE:
        return case.in_force
    return which is Filter.ALL or case.statement.proposer == officer


def _holds(case: Case, text: str) -> bool:
    """Every word of `text` stands somewhere in what the row or its reason says."""
    if not text:
        return True
    statement = case.statement
    hay = " ".join(
        (
            statement.digest,
            statement.kind.value,
            kind_word(statement.kind),
            statement.subject,
            subject_word(case),
            statement.proposer,
            officer_name(case, statement.proposer),
            statement.reason,
            statement.ticket or "",
        )
    ).lower()
    return all(word in hay for word in text.lower().split())


def _rank(case: Case, officer: str, now: datetime) -> int:
    if waits_for(case, officer, now):
        return 0
    return 1 if case.undecided(now) and case.overtaken_by() is None else 2

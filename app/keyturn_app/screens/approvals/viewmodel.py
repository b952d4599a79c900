"""What the page of approvals shows, as frozen values. No Qt, no asking, no deciding."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.client.changes import Change, body_of, changes
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.tlog.receipts import VerifiedEntry
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.checks import checks
from keyturn_app.screens.approvals.consequences import Consequence, consequences
from keyturn_app.screens.approvals.deciding import (
    Offer,
    Situation,
    approve_offer,
    export_offer,
    reject_offer,
    withdraw_offer,
)
from keyturn_app.screens.approvals.exact import Exact, exact
from keyturn_app.screens.approvals.inbox import (
    FilterChoice,
    Row,
    case_look,
    officer_name,
)
from keyturn_app.screens.approvals.naming import (
    kind_icon,
    kind_word,
    subject_word,
)
from keyturn_app.screens.approvals.outcome import Check
from keyturn_app.screens.approvals.people import Person, Quorum, people, quorum
from keyturn_app.screens.approvals.pictures import PicturesView
from keyturn_app.screens.approvals.previewing import Impacts, ToSign
from keyturn_app.screens.approvals.sentences import sentences
from keyturn_app.screens.approvals.signedpreviews import NOTHING_HELD, Held
from keyturn_app.screens.approvals.times import short_moment
from keyturn_app.statements.difference import (
    Pair,
    Unified,
    counts,
    pretty,
    side_by_side,
    unified,
)
from keyturn_app.statements.fieldnames import field_words
from keyturn_app.statements.lettering import visible
from keyturn_app.states import Look

LONGEST_VALUE = 4000
"""Characters of one value in the list of fields; the text and the exact bytes have all."""


LONGEST_REFUSAL = 500
"""Characters of what the server says: it must not push the changes out of sight."""


class Form(Enum):
    """How a change is shown."""

    WORDS = "words"
    FIELDS = "fields"
    SIDES = "sides"
    UNIFIED = "unified"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """None where the place is new, or goes."""

    place: str
    words: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """`before_title` is empty where nothing is replaced. `too_long`: no text diff is made."""

    title: str
    summary: str
    before_title: str
    after_title: str
    rows: tuple[ChangeRow, ...]
    pairs: tuple[Pair, ...]
    lines: tuple[Unified, ...]
    too_long: bool


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """`verified` only after the proof was checked here; before that, `text` says what is known."""

    text: str
    verified: bool
    index: int
    rows: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One proposal. `standing` says in words whether it is in force."""

    digest: Digest
    icon: str
    title: str
    kind: str
    status: Look
    standing: str
    in_force: bool
    facts: str  # one line: version, ticket, age
    reason: str
    refusal: str
    bound: tuple[tuple[str, str, bool], ...]
    consequences: tuple[Consequence, ...]
    changes: Changes
    exact: Exact | None
    words: tuple[str, ...]  # the whole of it, read out
    json: str
    quorum: Quorum
    people: tuple[Person, ...]
    checks: tuple[Check, ...]
    grouped: str
    receipt: ReceiptView | None
    impacts: Impacts | None = None  # None where there is nothing to preview


@dataclass(frozen=True, slots=True)
class FileView:
    """Beside a detail that was read from a file. `fresh`: approvals that the server lacks."""

    name: str
    notice: str
    fresh: tuple[str, ...]
    post: Offer
    signed: bool  # this officer's decision is in it and not yet written out


@dataclass(frozen=True, slots=True)
class Decide:
    """The right column's foot. `comment_wanted`: the officer was just told to say why."""

    comment: str
    comment_wanted: bool
    signing: str
    signed: ToSign | None  # of the impact preview; None where there is none to sign
    approve: Offer
    approve_text: str
    reject: Offer
    withdraw: Offer
    export: Offer


@dataclass(frozen=True, slots=True)
class PageView:
    """`trouble`: why less is shown than one would like, with its tone; empty when all is well."""

    trouble: str
    tone: str
    filters: tuple[FilterChoice, ...]
    kinds: tuple[tuple[Kind, str], ...]
    kind: Kind | None
    text: str
    rows: tuple[Row, ...]
    selected: Digest | None
    empty_title: str
    empty_text: str
    form: Form
    detail: Detail | None
    decide: Decide | None
    file: FileView | None
    place: str  # like "2 of 7": where in the list the shown one stands
    propose: Offer
    offline: bool
    pictures: PicturesView | None = None  # in front of everything else
    proposes: bool = True  # whether there is anybody to propose to


def detail(
    case: Case,
    facts: Facts,
    me: str,
    now: datetime,
    what_changes: Changes,
    proof: VerifiedEntry | None,
    form: Form,
    impacts: Impacts | None = None,
    held: Held = NOTHING_HELD,
) -> Detail:
    """`what_changes` comes in because it is dear and changes seldom: see `changes_view`."""
    statement = case.statement
    return Detail(
        case.digest,
        kind_icon(statement.kind),
        subject_word(case),
        kind_word(statement.kind),
        case_look(case, now),
        standing(case, now),
        case.in_force,
        _line(case, now),
        statement.reason,
        _refused(case),
        bound(case),
        consequences(case, facts, now),
        what_changes,
        exact(statement) if form is Form.EXACT else None,
        sentences(statement, case.roster),
        as_json(case),
        quorum(case),
        people(case, me, now, held),
        checks(case, facts, now, impacts),
        wording.grouped(case.digest),
        receipt_view(case, proof),
        impacts,
    )


def decide_view(
    case: Case, situation: Situation, comment: str, signed: ToSign | None = None, *, wanted: bool
) -> Decide:
    """`wanted`: a rejection was asked for without the comment that it needs."""
    signing = _("Approving signs the digest below with your key.")
    if signed is not None and signed.digest is not None:
        signing = _("Approving signs both digests below with your key.")
    if situation.on_file:
        signing = _("Your decision is signed with your key and written to a new file.")
    return Decide(
        comment,
        wanted,
        signing,
        signed,
        approve_offer(case, situation),
        _("Approve into a file") if situation.on_file else _("Approve"),
        reject_offer(case, situation),
        withdraw_offer(case, situation),
        export_offer(case, situation),
    )


def standing(case: Case, now: datetime) -> str:
    """Whether it is in force, in words that cannot be misread."""
    if case.in_force:
        return _("In force since log entry {index}.").format(index=case.index)
    if case.index is not None:
        return _("It was in force from log entry {index}; it is NOT IN FORCE now.").format(
            index=case.index
        )
    if case.status is None:
        return _("NOT IN FORCE as far as this file says; only the log knows.")
    if case.undecided(now):
        return _("NOT IN FORCE until the keyholder has logged it.")
    return _("NOT IN FORCE.")


def bound(case: Case) -> tuple[tuple[str, str, bool], ...]:
    """What an approval of an admission binds, and what is only said (name, value, mono)."""
    body = case.statement.body
    if not isinstance(body, Admission):
        return ()
    return (
        (_("Binds model"), wording.grouped(body.model), True),
        (_("Binds key tag"), wording.grouped(body.tag.hex()), True),
        (_("Binds policy"), body.policy, False),
        (
            _("Only said"),
            _("name {name}, version {version}: the proposer's word, not proved").format(
                name=body.name, version=body.version
            ),
            False,
        ),
    )


def changes_view(case: Case, now: datetime) -> Changes:
    """Against what it replaces; everything is new where there is nothing, or nothing is known."""
    statement = case.statement
    compared = case.compared_with()
    before = {} if compared is None else body_of(compared.statement)
    after = case.body()
    rows = tuple(_row(statement.kind, each) for each in changes(before, after))
    rows += _lives_longer(case, nothing_else=not rows)
    pairs: tuple[Pair, ...] = ()
    try:
        pairs = side_by_side(pretty(before) if before else [], pretty(after))
    except ValueError:
        too_long = True
    else:
        too_long = False
    added, removed = counts(pairs)
    summary = _("{added} added · {removed} removed").format(added=added, removed=removed)
    title = _("What changes") if case.index is None else _("What changed")
    before_title = ""
    after_title = _("v{version} · proposed by {name}").format(
        version=statement.version, name=officer_name(case, statement.proposer)
    )
    if compared is not None:
        before_title = _before_title(case, now)
    elif case.state is None and statement.version > 1:
        title = _("All of it")
        after_title += " · " + _("what it replaces is not known offline")
    else:
        title = _("All of it is new")
    if too_long:
        summary = n_("{count} change", "{count} changes", len(rows))
    return Changes(title, summary, before_title, after_title, rows, pairs, unified(pairs), too_long)


def receipt_view(case: Case, proof: VerifiedEntry | None) -> ReceiptView | None:
    if case.index is None:
        return None
    if proof is None:
        return ReceiptView(
            _("Log entry {index}. Its receipt is being fetched.").format(index=case.index),
            False,
            case.index,
            (),
        )
    at = proof.checkpoint.checkpoint
    return ReceiptView(
        _("Receipt verified here: the log commits to this entry."),
        True,
        proof.index,
        (
            (_("Log index"), str(proof.index), True),
            (_("Checkpoint"), n_("{count} entry", "{count} entries", at.size), False),
            (_("Root"), wording.grouped(at.root.hex()), True),
        ),
    )


def as_json(case: Case) -> str:
    """The signed payload as it is, for copying."""
    return case.statement.envelope.payload.decode("utf-8", errors="replace")


def kinds_in(cases: tuple[Case, ...]) -> tuple[tuple[Kind, str], ...]:
    """The kinds that occur, for the filter."""
    found = {case.statement.kind for case in cases}
    return tuple((each, kind_word(each)) for each in Kind if each in found)


def _before_title(case: Case, now: datetime) -> str:
    compared = case.compared_with()
    if compared is None:
        return ""
    since = short_moment(compared.since, now)
    version = compared.statement.version
    if case.state is None:
        return _("v{version} · newest in the authority bundle").format(version=version)
    if case.index is not None:
        return _("v{version} · was in force from {since}").format(version=version, since=since)
    return _("v{version} · in force since {since}").format(version=version, since=since)


def _line(case: Case, now: datetime) -> str:
    statement = case.statement
    parts = [_("Version {version}").format(version=statement.version)]
    if statement.ticket:
        parts.append(_("change {ticket}").format(ticket=statement.ticket))
    parts.append(_("opened {ago}").format(ago=wording.ago(statement.time, now)))
    if case.undecided(now):
        parts.append(_("lapses {when}").format(when=wording.until(statement.proposal_lapses, now)))
    return " · ".join(parts)


def _row(kind: Kind, change: Change) -> ChangeRow:
    return ChangeRow(
        visible(change.place),
        visible(field_words(kind, change.place)),
        _readable(change.before),
        _readable(change.after),
    )


def _refused(case: Case) -> str:
    """What the server says that the keyholder said: one line of it, and nothing unseen."""
    if case.refusal is None or case.index is not None:
        return ""
    text = " ".join(case.refusal.message.split())
    return visible(text if len(text) <= LONGEST_REFUSAL else f"{text[:LONGEST_REFUSAL]} …")


def _readable(text: str | None) -> str | None:
    """Every character seen; what is too long for a field is said to be longer."""
    if text is None or len(text) <= LONGEST_VALUE:
        return None if text is None else visible(text)
    left = len(text) - LONGEST_VALUE
    more = n_("… and {count} character more", "… and {count} characters more", left)
    return f"{visible(text[:LONGEST_VALUE])} {more}"


def _lives_longer(case: Case, *, nothing_else: bool) -> tuple[ChangeRow, ...]:
    """The time is no part of the body: said where it is all that changes, or grows."""
    compared, now = case.compared_with(), case.statement
    was = None if compared is None else compared.statement
    if was is None or was.expires is None or now.expires is None or was.expires == now.expires:
        return ()
    if not nothing_else and now.expires - now.time <= was.expires - was.time:
        return ()
    before, after = wording.moment(was.expires), wording.moment(now.expires)
    return (ChangeRow("expires", _("Expires"), before, after),)

"""What a draft of a baseline says, and how it stands to what is in force. No Qt in here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.base.times import parse_time
from keyturn.policy.baseline_document import document_of, merged
from keyturn.policy.by_hand import MalformedValue
from keyturn.policy.comparing import compare
from keyturn.policy.lint import lint
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.texts import check_texts
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.comparison import Comparison, compared
from keyturn_app.screens.baselines.items import chosen, until
from keyturn_app.screens.baselines.pool import Pool
from keyturn_app.screens.baselines.remarking import Remark, remark_of
from keyturn_app.screens.baselines.standing import KIND, values_of

LIVES = (7, 30, 90, 180, 365)
LAPSES = (24, 72, 168)
LONGEST = 3650
SHOWN = 24
"""Changes shown with the draft; the values themselves stand above, and all of it in Approvals."""


class Into(Enum):
    """What becomes of the values that are in force."""

    ADD = "add"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Draft:
    """As the officer filled it in; nothing in it was checked."""

    pool: Pool | None = None
    ticked: frozenset[str] = frozenset()
    subject: str = ""
    into: Into = Into.ADD
    until: str = ""
    reason: str = ""
    ticket: str = ""
    life_days: int = 90
    lapses_hours: int = 72

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.life_days)


@dataclass(frozen=True, slots=True)
class Result:
    """`body` None: `error` says why there is none, if anything was chosen at all."""

    body: JsonObject | None = None
    changes: Comparison | None = None
    remarks: tuple[Remark, ...] = ()
    basis: str = ""
    error: KeyturnError | None = None


def filled(draft: Draft, pool: Pool) -> Draft:
    """With what was read, and what is advised of it."""
    return replace(draft, pool=pool, ticked=pool.advised)


def result_of(draft: Draft, state: AuthorityState, now: datetime) -> Result:
    """The body that would be proposed, by the parser that the keyholder uses."""
    before = _in_force(state, draft.subject.strip(), now)
    basis = _basis(draft, state, now)
    if draft.pool is None:
        return Result(basis=basis)
    try:
        values = _values(draft, draft.pool, before, now)
        body = document_of(values)
        check_texts(body, "body")
        typed = parse_reference_values(Fields(body, KIND.value))
    except KeyturnError as error:
        return Result(basis=basis, error=error)
    subject = draft.subject.strip()
    empty = ReferenceValues({}, ())
    changes = compared(_("in force"), _("this draft"), compare(before or empty, values), most=SHOWN)
    found = lint(KIND, subject, typed, state, now, expires=now + draft.life) if subject else ()
    return Result(body, changes, tuple(remark_of(each) for each in found), basis)


def _values(
    draft: Draft, pool: Pool, before: ReferenceValues | None, now: datetime
) -> ReferenceValues:
    new = chosen(pool.values, draft.ticked)
    new = until(new, end_of(draft.until, now), now)
    return merged(before, new) if before is not None and draft.into is Into.ADD else new


def end_of(text: str, now: datetime) -> datetime | None:
    """From a number of days, or a time. Raises MalformedValue, MalformedError."""
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal():
        return parse_time(text, what=_("until"))
    days = int(text[:6])
    if not 1 <= days <= LONGEST:
        raise MalformedValue(
            _("until: not a number of days"), found=text[:20], expected=f"1 to {LONGEST}"
        )
    return now + timedelta(days=days)


def _in_force(state: AuthorityState, subject: str, now: datetime) -> ReferenceValues | None:
    found = state.in_force(KIND, subject, now)
    return None if found is None else values_of(found.statement.body)


def _basis(draft: Draft, state: AuthorityState, now: datetime) -> str:
    if not draft.subject.strip():
        return ""
    newest = state.newest.get((KIND, draft.subject.strip()))
    if newest is None:
        return _("A new baseline: no policy names it before one is changed to.")
    version = newest.statement.version
    if state.in_force(KIND, draft.subject.strip(), now) is None:
        return _(
            "Version {next}; version {version} is not in force, and nothing is kept of it."
        ).format(next=version + 1, version=version)
    if draft.into is Into.REPLACE:
        return _("Version {next}, in place of version {version}: other values end.").format(
            next=version + 1, version=version
        )
    return _("Version {next}: the values of version {version} and these.").format(
        next=version + 1, version=version
    )

"""What the form of a policy shows beside its fields. No Qt."""

from dataclasses import dataclass
from datetime import timedelta

from keyturn.base.strictjson import JsonObject
from keyturn.policy.drafts import Draft
from keyturn.policy.remarks import LintRemark, Severity
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.statements import LONGEST_LIFE
from keyturn_app.i18n import _, n_
from keyturn_app.impact import Simulation
from keyturn_app.screens.policies.form import Remark, Section
from keyturn_app.statements.difference import Unified, counts, pretty, side_by_side, unified
from keyturn_app.statements.policy_words import policy_words


@dataclass(frozen=True, slots=True)
class Said:
    """What goes beside the body, as typed."""

    subject: str
    reason: str = ""
    ticket: str = ""
    days: str = "90"
    lapses_hours: int = 72

    @property
    def life(self) -> timedelta | None:
        """None unless it is a number of days that a statement may be in force."""
        if not (self.days.isascii() and self.days.isdigit()) or len(self.days) > 3:
            return None
        life = timedelta(days=int(self.days))
        return life if timedelta(0) < life <= LONGEST_LIFE else None


@dataclass(frozen=True, slots=True)
class EditorView:
    """`problem`: why the body is none; `impact_old`: what is shown is of another body."""

    title: str
    basis: str
    said: Said
    name_fixed: bool
    sections: tuple[Section, ...]
    remarks: tuple[Remark, ...]
    problem: str
    verdict: str
    verdict_tone: str
    can_undo: bool
    can_redo: bool
    differs: bool
    json: str
    words: tuple[str, ...]
    lines: tuple[Unified, ...]
    summary: str
    simulation: Simulation
    simulated: str
    impact_old: bool
    why_not_simulate: str
    why_not_propose: str
    busy: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What follows from a body under one state of the world."""

    draft: Draft | None
    problem: str
    remarks: tuple[LintRemark, ...]


def words_of(read: Read, subject: str) -> tuple[str, ...]:
    if read.draft is None or not isinstance(read.draft.body, Policy):
        return ()
    return tuple(policy_words(read.draft.body, subject or _("this policy")))


def verdict_of(read: Read) -> tuple[str, str]:
    """In a line, and its tone."""
    if read.problem:
        return _("Not valid yet"), "danger"
    if read.draft is None:
        return _("What is in force is not known yet."), "unknown"
    found = {each: sum(r.severity is each for r in read.remarks) for each in Severity}
    if not any(found.values()):
        return _("Nothing to remark"), "ok"
    parts = (
        n_("{count} error", "{count} errors", found[Severity.ERROR]),
        n_("{count} warning", "{count} warnings", found[Severity.WARNING]),
        n_("{count} note", "{count} notes", found[Severity.NOTE]),
    )
    text = " · ".join(part for part, count in zip(parts, found.values(), strict=True) if count)
    if found[Severity.ERROR]:
        return text, "danger"
    return text, "stale" if found[Severity.WARNING] else "pending"


def difference_of(before: JsonObject | None, after: JsonObject) -> tuple[tuple[Unified, ...], str]:
    try:
        pairs = side_by_side([] if before is None else pretty(before), pretty(after))
    except ValueError:
        pairs = ()
    added, removed = counts(pairs)
    text = _("{added} added · {removed} removed").format(added=added, removed=removed)
    return unified(pairs), text

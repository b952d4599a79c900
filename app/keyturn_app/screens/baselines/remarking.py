"""What a lint says of a baseline, in words. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keyturn.policy.remarks import LintCode, LintRemark, Severity
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.states import Look


@dataclass(frozen=True, slots=True)
class Remark:
    look: Look
    text: str


def remark_of(remark: LintRemark) -> Remark:
    return Remark(_look(remark.severity), text_of(remark))


def text_of(remark: LintRemark) -> str:
    """A sentence; of a code that baselines do not have, the code and its values."""
    words = _WORDS.get(remark.code)
    if words is not None:
        return words(_named(remark))
    values = ", ".join(f"{name} {value}" for name, value in remark.values)
    return f"{remark.code.value.replace('-', ' ')}: {values}" if values else remark.code.value


def _look(severity: Severity) -> Look:
    return {
        Severity.ERROR: Look(_("Error"), "danger", "octagon-x"),
        Severity.WARNING: Look(_("Warning"), "stale", "triangle-alert"),
        Severity.NOTE: Look(_("Note"), "pending", "info"),
    }[severity]


def _named(remark: LintRemark) -> dict[str, str]:
    """With the place, and times as people write them."""
    found = {"place": remark.place or _("the baseline"), **remark.named}
    for name in ("until", "ends"):
        if name in found:
            found[name] = wording.moment(datetime.fromisoformat(found[name]))
    return found


_WORDS: dict[LintCode, Callable[[dict[str, str]], str]] = {
    LintCode.VALUES_ENDED: lambda _v: _("Every value has ended: no node can pass by it."),
    LintCode.VALUE_ENDED: lambda v: _("{what} counts no more: it ended {until}.").format(**v),
    LintCode.VALUE_ENDS_BEFORE: lambda v: _(
        "{what} ends {until}, before the statement does ({ends})."
    ).format(**v),
    LintCode.VALUE_BY_HAND: lambda v: _(
        "{what} is by hand: only its reason can be checked."
    ).format(**v),
    LintCode.NO_PROVENANCE: lambda v: _("{what} has no provenance, only a source.").format(**v),
    LintCode.REVOKED: lambda v: _(
        "{value} is revoked; in force, this statement ends the revocation."
    ).format(value=wording.digest(v["target"])),
    LintCode.UNUSED: lambda v: _("No policy in force names the baseline {subject}.").format(**v),
    LintCode.POLICY_NEVER_MET: lambda v: _(
        "With it, no evidence could satisfy the policy {policy}."
    ).format(**v),
    LintCode.DUPLICATE_VALUE: lambda v: _("{place} says the same as number {other}.").format(**v),
    LintCode.SHADOWED_VALUE: lambda v: _(
        "{place} adds nothing: number {other} accepts all that it does."
    ).format(**v),
}

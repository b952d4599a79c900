"""One machine check, and how it came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn_app.i18n import _, n_


class Outcome(Enum):
    MET = "met"
    WARNING = "warning"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"  # cannot be checked here


@dataclass(frozen=True, slots=True)
class Check:
    outcome: Outcome
    text: str
    found: str = ""
    expected: str = ""


def met(text: str, found: str = "") -> Check:
    return Check(Outcome.MET, text, found)


def warning(text: str, found: str = "", expected: str = "") -> Check:
    return Check(Outcome.WARNING, text, found, expected)


def not_met(text: str, found: str = "", expected: str = "") -> Check:
    return Check(Outcome.NOT_MET, text, found, expected)


def unknown(text: str) -> Check:
    return Check(Outcome.UNKNOWN, text)


def tally(checks: Sequence[Check]) -> str:
    """What does not stand as it should, counted; or that all is met."""
    bad = sum(each.outcome is Outcome.NOT_MET for each in checks)
    odd = sum(each.outcome is Outcome.WARNING for each in checks)
    parts = []
    if bad:
        parts.append(n_("{count} not met", "{count} not met", bad))
    if odd:
        parts.append(n_("{count} warning", "{count} warnings", odd))
    return " · ".join(parts) or _("nothing to point at")

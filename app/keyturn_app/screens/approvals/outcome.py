"""One machine check, and how it came out."""

from dataclasses import dataclass
from enum import Enum


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

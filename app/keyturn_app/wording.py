"""How values are written for people: ages, times, sizes, digests, errors. No Qt in here."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from keyturn.base.errors import KeyturnError
from keyturn.quorum.kinds import Kind
from keyturn_app.i18n import _, n_

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SESSION = re.compile(r"(un)?seal-[0-9a-f]{32}")


def age(seconds: float) -> str:
    """Like `41 s`, `12 min`, `3 h`, `2 days`; rounded down."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return _("{count} s").format(count=whole)
    if whole < 2 * _HOUR:
        return _("{count} min").format(count=whole // _MINUTE)
    if whole < 2 * _DAY:
        return _("{count} h").format(count=whole // _HOUR)
    return n_("{count} day", "{count} days", whole // _DAY)


def ago(moment: datetime | None, now: datetime) -> str:
    """`never` where there is no moment."""
    if moment is None:
        return _("never")
    return _("{age} ago").format(age=age((now - moment).total_seconds()))


def until(moment: datetime, now: datetime) -> str:
    """Like `in 3 h`, or `12 min ago` once it is over."""
    left = (moment - now).total_seconds()
    return _("in {age}").format(age=age(left)) if left >= 0 else ago(moment, now)


def moment(value: datetime) -> str:
    """`2026-11-29 10:02:11 UTC`."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: int) -> str:
    """Bytes in decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def digest(text: str) -> str:
    """`sha256 dd93 03ce … 41aa`: first and last groups; the full value is a tooltip away."""
    name, colon, digits = text.rpartition(":")
    if len(digits) <= 20:
        return text
    short = f"{digits[:4]} {digits[4:8]} … {digits[-4:]}"
    return f"{name} {short}" if colon else short


def ceremony_id(ceremony: str) -> str:
    """A ceremony's id; that of a keyholder's session, 32 digits behind its kind, by first and last
    groups."""
    _kind, _dash, digits = ceremony.partition("-")
    return digest(digits) if _SESSION.fullmatch(ceremony) else ceremony


def grouped(text: str) -> str:
    """All digits in groups of four."""
    name, colon, digits = text.rpartition(":")
    groups = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return f"{name} {groups}" if colon else groups


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell must not begin: a spreadsheet would run it."""


def harmless(text: str) -> str:
    """A cell for a spreadsheet, marked as text where it would be a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def tabbed(cells: Iterable[str]) -> str:
    """One row for the clipboard: no cell is two, or a formula."""
    return "\t".join(harmless(" ".join(each.split())) for each in cells)


def reading(done: int, total: int) -> str:
    """How far a long log is read."""
    return _("Reading the log: {done} of {total} entries").format(
        done=f"{done:,}", total=f"{total:,}"
    )


def error_text(error: KeyturnError) -> str:
    """Found, expected and what to do, in one paragraph."""
    text = str(error)
    if error.hint and text and text[-1] not in ".!?:…":
        text += "."
    return f"{text} {error.hint}".strip()


def kind_name(kind: Kind) -> str:
    """A kind of statement, as officers read it."""
    return {
        Kind.ROSTER: _("Roster"),
        Kind.KEYS: _("Keys"),
        Kind.POLICY: _("Policy"),
        Kind.REFERENCE_VALUES: _("Reference values"),
        Kind.PLATFORMS: _("Platforms"),
        Kind.TRUST_ANCHORS: _("Trust anchors"),
        Kind.MODEL: _("Model"),
        Kind.CEREMONY: _("Ceremony"),
        Kind.REVOCATION: _("Revocation"),
        Kind.RESTORE: _("Restore"),
    }[kind]

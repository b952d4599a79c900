"""When statements expire and ceremonies may be held, as a calendar for any program (RFC 5545).

The same statements give the same bytes: each event is stamped by its statement's own time.
Names of officers are not in it.
"""

from collections.abc import Iterable
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.expiry import WARNING
from keyturn.quorum.statements import Statement

_LINE = 75  # octets, RFC 5545 §3.1
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})  # §3.3.11


def calendar_of(statements: Iterable[Statement], authority: Digest, *, simulated: bool) -> bytes:
    """One event at the end of each statement that has one, with an alarm 14 days before.

    And one for the time of each ceremony and restore, with an alarm a day before.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Keyturn//expiries//EN"]
    ending = [each for each in statements if each.expires is not None]
    for each in sorted(ending, key=lambda each: (each.expires, each.digest)):
        lines += _event(each, authority, simulated=simulated)
        if isinstance(each.body, Ceremony | Restore):
            lines += _window(each, each.body, authority, simulated=simulated)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _event(statement: Statement, authority: Digest, *, simulated: bool) -> list[str]:
    assert statement.expires is not None  # the caller left out what never ends
    what = f"{statement.kind.value} {statement.subject}"
    mark = "SIMULATED: " if simulated else ""
    renew = f"keyturn proposal renew {what}"
    return [
        "BEGIN:VEVENT",
        f"UID:{statement.digest.removeprefix('sha256:')}@keyturn",
        f"DTSTAMP:{_time(statement.time)}",
        f"DTSTART:{_time(statement.expires)}",
        f"SUMMARY:{_text(f'{mark}{what} expires')}",
        f"DESCRIPTION:{_text(f'Version {statement.version}, authority {authority}. {renew}')}",
        "TRANSP:TRANSPARENT",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"TRIGGER:-P{WARNING.days}D",
        f"DESCRIPTION:{_text(f'{mark}{what} expires in {WARNING.days} days')}",
        "END:VALARM",
        "END:VEVENT",
    ]


def _window(
    statement: Statement, body: Ceremony | Restore, authority: Digest, *, simulated: bool
) -> list[str]:
    kind = f"{body.ceremony.value} ceremony" if isinstance(body, Ceremony) else "restore of the KEK"
    mark = "SIMULATED: " if simulated else ""
    what = f"{mark}{kind} {statement.subject}"
    token = (
        f"Token {body.token}, authority {authority}." if body.token else f"Authority {authority}."
    )
    return [
        "BEGIN:VEVENT",
        f"UID:window-{statement.digest.removeprefix('sha256:')}@keyturn",
        f"DTSTAMP:{_time(statement.time)}",
        f"DTSTART:{_time(body.window.not_before)}",
        f"DTEND:{_time(body.window.not_after)}",
        f"SUMMARY:{_text(f'{what} may be held')}",
        f"DESCRIPTION:{_text(token)}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-P1D",
        f"DESCRIPTION:{_text(f'{what} may be held from tomorrow')}",
        "END:VALARM",
        "END:VEVENT",
    ]


def _time(value: datetime) -> str:
    return value.strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    return value.translate(_ESCAPED)


def _folded(line: str) -> str:
    """At most 75 octets a line, no character cut in two; what follows begins with a space."""
    parts, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _LINE:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += octets
    return "\r\n".join(parts)

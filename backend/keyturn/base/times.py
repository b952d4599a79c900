"""Times of the protocol: RFC 3339, UTC, whole seconds, one spelling (`2026-11-23T08:00:00Z`)."""

import re
from datetime import UTC, datetime

from keyturn.base.errors import MalformedError

FIRST_YEAR = 2000
LAST_YEAR = 9000

_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z\Z")


def parse_time(text: str, *, what: str = "time") -> datetime:
    """Read one time. Raises MalformedError on any other spelling or an impossible date."""
    match = _TIME.match(text)
    if match is None:
        raise MalformedError(
            f"{what} is not a time", found=repr(text[:40]), expected="YYYY-MM-DDThh:mm:ssZ"
        )
    year, month, day, hour, minute, second = map(int, match.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:  # so that adding a life or a skew never overflows
        raise MalformedError(
            f"{what} is out of range", found=text, expected=f"years {FIRST_YEAR} to {LAST_YEAR}"
        )
    try:  # strptime takes four times as long
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise MalformedError(f"{what} is not a time: {error}", found=repr(text)) from error


def format_time(moment: datetime) -> str:
    """Write one time, cut to whole seconds. Raises ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    # Not strftime: it writes the year 999 in three digits.
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"

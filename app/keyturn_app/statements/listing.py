"""Lists and long values inside sentences: cut where they get long, and how many are left. No Qt."""

import re
from collections.abc import Collection, Iterator

from keyturn_app import wording
from keyturn_app.i18n import n_

SHOWN = 40
"""Items of one list."""
_LONGEST = 200
_HEX = re.compile(r"(?:[0-9a-f]{2}){16,}")


def listed(names: Collection[str]) -> str:
    """In order, digits in groups."""
    found = [value(each) for each in sorted(names)]
    left = len(found) - SHOWN
    text = ", ".join(found[:SHOWN])
    return text + " " + n_("and {count} more", "and {count} more", left) if left > 0 else text


def or_any(names: Collection[str] | None, anything: str, some: str) -> str:
    return anything if names is None else some.format(list=listed(names))


def left_over(count: int) -> Iterator[str]:
    """How many of `count` are not shown, if any."""
    if count > SHOWN:
        yield n_("and {count} more", "and {count} more", count - SHOWN)


def value(text: str) -> str:
    """Digits in groups, names as they are."""
    return wording.grouped(text) if _HEX.fullmatch(text) else brief(text)


def brief(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"

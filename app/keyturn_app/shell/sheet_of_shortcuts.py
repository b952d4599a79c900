"""The `?` sheet: every shortcut that there is, read from the registered actions. No Qt in here."""

from collections.abc import Iterable
from dataclasses import dataclass

from keyturn_app.actions import Action
from keyturn_app.i18n import _


@dataclass(frozen=True, slots=True)
class Group:
    """Shortcuts of one page, or of every page."""

    title: str
    rows: tuple[tuple[str, str], ...]  # keys, what they do


def groups(actions: Iterable[Action], page: str, title: str) -> tuple[Group, ...]:
    """What works everywhere, then what works on the page in front."""
    bound = [each for each in actions if each.shortcut]
    found = (
        Group(_("Everywhere"), _rows(bound, "")),
        Group(title, _rows(bound, page) if page else ()),
    )
    return tuple(each for each in found if each.rows)


def _rows(actions: list[Action], page: str) -> tuple[tuple[str, str], ...]:
    return tuple((each.shortcut, each.text) for each in actions if each.page == page)

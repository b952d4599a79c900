"""Filters that the officer has given a name. Kept as one text; what is unreadable is dropped."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyturn_app.i18n import _
from keyturn_app.screens.fleet.filtering import FilterError, parse
from keyturn_app.settings import Preferences

KEY = "fleet.views"
MAX_VIEWS, MAX_NAME = 50, 60
ATTENTION = "state:refused,quarantined,stale,unknown,pending"


@dataclass(frozen=True, slots=True)
class SavedView:
    """`own`: the officer's, who may remove it."""

    name: str
    query: str
    own: bool = True


def default_views() -> tuple[SavedView, ...]:
    return (
        SavedView(_("Needs attention"), ATTENTION, own=False),
        SavedView(_("All"), "", own=False),
    )


class SavedViews:
    """The default views, then the officer's own."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._own = _read(preferences.get(KEY))

    def __iter__(self) -> Iterator[SavedView]:
        return iter((*default_views(), *self._own))

    def save(self, name: str, query: str) -> None:
        """Under a name that is new, or the officer's own already. Raises FilterError."""
        parse(query)
        name = " ".join(name.split())[:MAX_NAME]
        kept = [each for each in self._own if each.name != name]
        if name and name not in {each.name for each in default_views()}:
            self._keep([*kept, SavedView(name, query)][-MAX_VIEWS:])

    def remove(self, name: str) -> None:
        self._keep([each for each in self._own if each.name != name])

    def _keep(self, views: Sequence[SavedView]) -> None:
        self._own = tuple(views)
        document = [{"name": each.name, "query": each.query} for each in views]
        self._preferences.set(KEY, json.dumps(document, ensure_ascii=False))


def _read(text: str | None) -> tuple[SavedView, ...]:
    try:
        document = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    found = document if isinstance(document, list) else []
    return tuple(view for each in found[:MAX_VIEWS] if (view := _view(each)) is not None)


def _view(each: object) -> SavedView | None:
    if not isinstance(each, dict):
        return None
    name, query = each.get("name"), each.get("query")
    if not isinstance(name, str) or not isinstance(query, str) or not 0 < len(name) <= MAX_NAME:
        return None
    try:
        parse(query)
    except FilterError:
        return None
    return SavedView(name, query)

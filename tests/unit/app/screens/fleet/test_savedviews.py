"""Saved views are the officer's own; what was kept is read with care."""

import json

import pytest

from keyturn_app.screens.fleet.filtering import FilterError, parse
from keyturn_app.screens.fleet.savedviews import KEY, SavedViews, default_views
from keyturn_app.settings import MemoryPreferences


def names(views: SavedViews) -> list[str]:
    return [each.name for each in views]


def test_a_view_is_kept_and_removed() -> None:
    preferences = MemoryPreferences()
    views = SavedViews(preferences)
    views.save("  My   sites ", "site:fra-*")
    views.save("My sites", "site:dub-*")
    again = SavedViews(preferences)
    assert names(again) == ["Needs attention", "All", "My sites"]
    assert list(again)[-1].query == "site:dub-*"
    again.remove("My sites")
    assert names(SavedViews(preferences)) == ["Needs attention", "All"]


def test_a_default_view_is_never_replaced_and_a_view_is_a_filter() -> None:
    views = SavedViews(MemoryPreferences())
    views.save("All", "state:refused")
    assert list(views) == list(default_views())
    with pytest.raises(FilterError):
        views.save("Broken", "sate:x")


@pytest.mark.parametrize(
    "text",
    ["no json", "{}", "[1]", '[{"name": "x"}]', '[{"name": "", "query": ""}]', "[null]"],
)
def test_what_is_unreadable_is_dropped(text: str) -> None:
    assert names(SavedViews(MemoryPreferences({KEY: text}))) == ["Needs attention", "All"]


def test_a_kept_filter_that_is_none_any_more_is_dropped() -> None:
    kept = json.dumps([{"name": "a", "query": "gone:x"}, {"name": "b", "query": "x"}])
    assert names(SavedViews(MemoryPreferences({KEY: kept})))[2:] == ["b"]


def test_the_default_views_are_filters() -> None:
    for each in default_views():
        parse(each.query)


def test_what_was_kept_and_is_nested_without_end_is_as_if_nothing_was() -> None:
    views = SavedViews(MemoryPreferences({KEY: "[" * 100_000}))
    assert len(names(views)) == len(default_views())

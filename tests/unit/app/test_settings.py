"""Settings: kept as texts, read with care, told when changed."""

from dataclasses import replace

import pytest

from keyturn_app.settings import (
    Appearance,
    Choices,
    Density,
    MemoryPreferences,
    Overridden,
    Settings,
)


def test_what_was_chosen_is_there_again() -> None:
    kept = MemoryPreferences()
    chosen = Choices(Appearance.LIGHT, Density.COMPACT, 5, 60, True, "de")
    Settings(kept).choose(chosen)
    assert Settings(kept).choices == chosen


@pytest.mark.parametrize(
    "name", ["appearance", "density", "idle_minutes", "clipboard_seconds", "reduce_motion"]
)
@pytest.mark.parametrize("text", ["", "never", "0", "-1", "1e9"])
def test_what_cannot_be_read_is_as_if_nobody_had_chosen(name: str, text: str) -> None:
    assert Settings(MemoryPreferences({f"settings.{name}": text})).choices == Choices()


def test_listeners_are_told_of_changes_only() -> None:
    settings, told = Settings(), list[int]()
    settings.listeners.add(lambda: told.append(settings.choices.idle_minutes))
    settings.choose(settings.choices)
    settings.choose(replace(settings.choices, idle_minutes=5))
    assert told == [5]


def test_only_what_differs_is_kept() -> None:
    kept = MemoryPreferences()
    settings = Settings(kept)
    settings.choose(replace(settings.choices, reduce_motion=True))
    assert kept.texts == {"settings.reduce_motion": "yes"}


def test_what_is_given_for_this_run_is_not_kept() -> None:
    kept = MemoryPreferences({"settings.appearance": "dark"})
    settings = Settings(Overridden(kept, {"settings.appearance": "light"}))
    assert settings.choices.appearance is Appearance.LIGHT
    assert kept.get("settings.appearance") == "dark"
    settings.choose(replace(settings.choices, appearance=Appearance.SYSTEM))
    assert kept.get("settings.appearance") == "system"

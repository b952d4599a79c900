"""The settings page: each choice is kept at once; versions for a report."""

from pathlib import Path

import pytest

from keyturn_app.screens.settings.presenter import SettingsPresenter
from keyturn_app.screens.settings.viewmodel import (
    about,
    about_text,
    appearances,
    clipboard_times,
    densities,
    idle_times,
    languages,
)
from keyturn_app.settings import (
    CLIPBOARD_SECONDS,
    IDLE_MINUTES,
    Appearance,
    Choices,
    Density,
    MemoryPreferences,
    Settings,
)


@pytest.fixture
def kept() -> MemoryPreferences:
    return MemoryPreferences()


def test_each_choice_is_kept_at_once(kept: MemoryPreferences) -> None:
    presenter, told = SettingsPresenter(Settings(kept)), list[Choices]()
    presenter.listeners.add(lambda: told.append(presenter.view().choices))
    presenter.choose_appearance(Appearance.LIGHT)
    presenter.choose_density(Density.COMPACT)
    presenter.choose_idle_minutes(5)
    presenter.choose_clipboard_seconds(60)
    presenter.choose_reduce_motion(True)
    presenter.choose_language("de")
    wanted = Choices(Appearance.LIGHT, Density.COMPACT, 5, 60, True, "de")
    assert told[-1] == wanted
    assert Settings(kept).choices == wanted


def test_everything_that_can_be_kept_can_be_chosen() -> None:
    assert [each.value for each in appearances()] == list(Appearance)
    assert [each.value for each in densities()] == list(Density)
    assert tuple(each.value for each in idle_times()) == IDLE_MINUTES
    assert tuple(each.value for each in clipboard_times()) == CLIPBOARD_SECONDS
    assert [each.text for each in idle_times()][:2] == ["1 minute", "2 minutes"]


def test_languages_are_those_that_have_a_catalogue(tmp_path: Path) -> None:
    made = tmp_path / "de" / "LC_MESSAGES"
    made.mkdir(parents=True)
    (made / "keyturn-app.mo").write_bytes(b"")
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    assert [each.value for each in languages(tmp_path)] == ["", "en", "de"]
    assert [each.value for each in languages(tmp_path / "none")] == ["", "en"]


def test_the_versions_of_what_runs_here() -> None:
    rows = about()
    assert [part for part, _version in rows[:3]] == ["Keyturn", "Qt for Python", "Python"]
    assert all(version for _part, version in rows)
    assert about_text([("Keyturn", "1"), ("Python", "3")]) == "Keyturn: 1\nPython: 3"

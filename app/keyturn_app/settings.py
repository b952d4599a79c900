"""What an officer prefers: kept as short texts by key, read with care, changed while running.

Nothing secret is kept here, and nothing here changes what is shown as fact. No Qt in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Protocol

from keyturn_app.presenting import Listeners


class Preferences(Protocol):
    """Texts by key, kept between runs."""

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, text: str) -> None: ...


class MemoryPreferences:
    """Kept as long as the process: for tests, pictures and a profile that cannot be written."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = dict(texts or {})

    def get(self, key: str) -> str | None:
        return self.texts.get(key)

    def set(self, key: str, text: str) -> None:
        self.texts[key] = text


class Overridden:
    """Preferences of which some are given for this run, and not kept unless chosen again."""

    def __init__(self, kept: Preferences, given: Mapping[str, str]) -> None:
        self._kept, self._given = kept, dict(given)

    def get(self, key: str) -> str | None:
        return self._given.get(key) or self._kept.get(key)

    def set(self, key: str, text: str) -> None:
        self._given.pop(key, None)
        self._kept.set(key, text)


class Appearance(Enum):
    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


class Density(Enum):
    ROOMY = "roomy"
    COMPACT = "compact"


IDLE_MINUTES = (1, 2, 5, 10, 15, 30)
CLIPBOARD_SECONDS = (10, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class Choices:
    """Every setting, with what holds until somebody chooses. There is no *never lock*."""

    appearance: Appearance = Appearance.SYSTEM
    density: Density = Density.ROOMY
    idle_minutes: int = 10
    clipboard_seconds: int = 30
    reduce_motion: bool = False
    language: str = ""  # empty: the system's


class Settings:
    """The choices now, and who wants to know when they change."""

    def __init__(self, preferences: Preferences | None = None) -> None:
        self.preferences = preferences or MemoryPreferences()
        self.listeners = Listeners()
        self._choices = _read(self.preferences)

    @property
    def choices(self) -> Choices:
        return self._choices

    def choose(self, choices: Choices) -> None:
        """Keep what differs from before, and tell."""
        before, self._choices = self._choices, choices
        for each in fields(Choices):
            if getattr(before, each.name) != getattr(choices, each.name):
                self.preferences.set(f"settings.{each.name}", _text(getattr(choices, each.name)))
        if before != choices:
            self.listeners.tell()


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _read(preferences: Preferences) -> Choices:
    """What cannot be read is as if nobody had chosen it."""

    def kept(name: str) -> str:
        return preferences.get(f"settings.{name}") or ""

    default = Choices()
    found = replace(
        default, reduce_motion=kept("reduce_motion") == "yes", language=kept("language")[:20]
    )
    if kept("appearance") in {each.value for each in Appearance}:
        found = replace(found, appearance=Appearance(kept("appearance")))
    if kept("density") in {each.value for each in Density}:
        found = replace(found, density=Density(kept("density")))
    return replace(
        found,
        idle_minutes=_one_of(kept("idle_minutes"), IDLE_MINUTES, default.idle_minutes),
        clipboard_seconds=_one_of(
            kept("clipboard_seconds"), CLIPBOARD_SECONDS, default.clipboard_seconds
        ),
    )


def _one_of(text: str, allowed: tuple[int, ...], default: int) -> int:
    return next((each for each in allowed if str(each) == text), default)

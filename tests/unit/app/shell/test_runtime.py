"""Garbage is collected while nobody looks."""

import gc

import pytest

from keyturn_app.shell.runtime import (
    IDLE_SECONDS,
    MIDDLE,
    PAUSE_SECONDS,
    YOUNG,
    Collecting,
    collect_young,
)


def test_only_while_the_officer_is_idle_and_not_too_often() -> None:
    at = [0.0]
    collecting = Collecting(lambda: at[0])
    assert not collecting.tick(IDLE_SECONDS)  # the start was just now
    at[0] = PAUSE_SECONDS
    assert not collecting.tick(IDLE_SECONDS - 1)
    assert collecting.tick(IDLE_SECONDS)
    assert not collecting.tick(IDLE_SECONDS)
    at[0] = 2 * PAUSE_SECONDS
    assert collecting.tick(IDLE_SECONDS)


def test_the_windows_thread_collects_when_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: asked.append(generation))
    for counts in ((YOUNG - 1, MIDDLE, 0), (YOUNG, MIDDLE - 1, 0), (YOUNG, MIDDLE, 0)):
        monkeypatch.setattr(gc, "get_count", lambda found=counts: found)
        collect_young()
    assert asked == [0, 1]

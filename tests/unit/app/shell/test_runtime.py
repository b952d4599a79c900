"""Garbage is collected while nobody looks."""

from keyturn_app.shell.runtime import IDLE_SECONDS, PAUSE_SECONDS, Collecting


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

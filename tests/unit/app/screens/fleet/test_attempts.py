"""Attestations and refusals are counted by the log's own times, each leaf once."""

from datetime import timedelta

from keyturn.keyrelease.entries import grant_entry, refusal_entry
from keyturn_app.screens.fleet.attempts import INTERVAL, KEPT, WINDOW, Attempts
from support.fleets import MODELS, NOW, grant, refusal
from support.windowed import windowed

MODEL = MODELS["orion-8b"]


def granted(ago: float, node: str = "a") -> bytes:
    return grant_entry(NOW - timedelta(seconds=ago), grant(node, "p", MODEL, NOW))


def refused(ago: float, node: str = "a") -> bytes:
    return refusal_entry(NOW - timedelta(seconds=ago), refusal(node, "p", MODEL, "because"))


def test_each_entry_stands_in_its_interval() -> None:
    attempts = Attempts()
    attempts.extend([granted(WINDOW + 50), granted(25), refused(15), granted(0), granted(0)])
    series = attempts.series(NOW.timestamp())
    assert len(series.ends) == len(series.granted) == WINDOW // INTERVAL
    assert series.ends[-1] == 0
    assert series.granted[-3:] == (1, 0, 2)
    assert series.refused[-3:] == (0, 1, 0)
    assert sum(series.granted) == 3


def test_a_growing_log_is_read_on_and_another_one_from_the_start() -> None:
    attempts, first = Attempts(), [granted(30), granted(20)]
    attempts.extend(first)
    attempts.extend([*first, refused(5)])
    series = attempts.series(NOW.timestamp())
    assert (sum(series.granted), sum(series.refused)) == (2, 1)
    attempts.extend([granted(9)])
    assert sum(attempts.series(NOW.timestamp()).granted) == 1
    attempts.extend([])
    assert attempts.series(NOW.timestamp()).empty


def test_refused_nodes_since() -> None:
    attempts = Attempts()
    attempts.extend([refused(KEPT - 1, "old"), refused(100, "b"), refused(10, "c")])
    assert attempts.refused_since(NOW.timestamp() - 50) == {"c"}
    assert attempts.refused_since(NOW.timestamp() - KEPT) == {"old", "b", "c"}


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    attempts = Attempts()
    attempts.extend([refused(2 * KEPT, "old"), granted(0)])
    assert attempts.refused_since(0) == frozenset()


def test_of_a_long_log_what_is_at_hand_is_counted() -> None:
    entries = [granted(800 - each) for each in range(700)]
    attempts = Attempts()
    attempts.extend(windowed(entries, 2))
    assert sum(attempts.series(NOW.timestamp()).granted) == 700 - 512
    attempts.extend(windowed([*entries, granted(9)], 2))
    assert sum(attempts.series(NOW.timestamp()).granted) == 701 - 512
    more = [granted(8) for _ in range(900)]
    attempts.extend(windowed([*entries, granted(9), *more], 5))  # more than stays at hand
    assert sum(attempts.series(NOW.timestamp()).granted) == 1601 - 5 * 256

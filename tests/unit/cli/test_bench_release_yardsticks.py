import pytest

from keyturn.cli.bench_release_yardsticks import Times, Yardstick, measure, quantile


def test_yardsticks_take_turns_and_the_first_turn_is_not_measured():
    turns = []
    yardsticks = [Yardstick(name, lambda name=name: turns.append(name)) for name in ("a", "b")]
    found: dict[str, Times] = {}
    measure(yardsticks, 2, found)
    assert turns == ["a", "b"] * 3
    assert {name: len(times.wall) for name, times in found.items()} == {"a": 2, "b": 2}


def test_a_later_round_adds_to_the_earlier_ones():
    found: dict[str, Times] = {}
    for _ in range(3):
        measure([Yardstick("a", lambda: None)], 4, found)
    assert len(found["a"].wall) == len(found["a"].cpu) == 12


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_quantiles(share, value):
    assert quantile(range(100, 0, -1), share) == value

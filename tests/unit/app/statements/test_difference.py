"""Texts compared for reading."""

import pytest

from keyturn_app.statements.difference import (
    LONGEST,
    Pair,
    Sign,
    counts,
    pretty,
    side_by_side,
    unified,
    words,
)


def texts(pairs: tuple[Pair, ...]) -> list[tuple[str | None, str | None]]:
    return [(p.before and p.before.text, p.after and p.after.text) for p in pairs]


def test_equal_texts_have_no_sign() -> None:
    pairs = side_by_side(["a", "b"], ["a", "b"])
    assert all(pair.same for pair in pairs)
    assert counts(pairs) == (0, 0)


def test_lines_of_one_name_stand_beside_each_other() -> None:
    pairs = side_by_side(
        ['  "lease": 60,', '  "gpu": 1', "}"], ['  "extra": true,', '  "lease": 30,', "}"]
    )
    assert texts(pairs) == [
        (None, '  "extra": true,'),
        ('  "lease": 60,', '  "lease": 30,'),
        ('  "gpu": 1', None),
        ("}", "}"),
    ]
    assert counts(pairs) == (2, 2)


def test_a_word_that_changed_is_marked_on_both_sides() -> None:
    gone, come = words('"lease": 60,', '"lease": 3600,')
    assert (gone, come) == (((9, 11),), ((9, 13),))


def test_numbers_are_those_of_each_side() -> None:
    pairs = side_by_side(["a", "x", "b"], ["a", "b", "c"])
    assert [(p.before and p.before.number, p.after and p.after.number) for p in pairs] == [
        (1, 1),
        (2, None),
        (3, 2),
        (None, 3),
    ]
    assert [(u.before, u.after, u.line.sign) for u in unified(pairs)] == [
        (1, 1, Sign.SAME),
        (2, None, Sign.REMOVED),
        (3, 2, Sign.SAME),
        (None, 3, Sign.ADDED),
    ]


def test_of_a_block_what_goes_stands_before_what_comes() -> None:
    lines = unified(side_by_side(['"a": 1', '"b": 1'], ['"a": 2', '"b": 2']))
    assert [each.line.sign.value for each in lines] == ["-", "-", "+", "+"]


def test_a_large_block_is_paired_in_order() -> None:
    pairs = side_by_side([f"old {n}" for n in range(80)], [f"new {n}" for n in range(90)])
    assert len(pairs) == 90
    assert pairs[85].before is None


def test_everything_is_new_against_nothing() -> None:
    pairs = side_by_side([], pretty({"a": [1]}))
    assert counts(pairs) == (5, 0)


def test_too_long_is_said() -> None:
    with pytest.raises(ValueError, match="too long"):
        side_by_side(["x"] * LONGEST, ["y"])


def test_a_comma_at_the_end_makes_no_difference_by_itself() -> None:
    pairs = side_by_side(["[", '  "a"', "]"], ["[", '  "a",', '  "b"', "]"])
    assert counts(pairs) == (1, 0)
    assert texts(pairs)[1] == ('  "a"', '  "a",')

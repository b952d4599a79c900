"""Hints about new passphrases: only the length is insisted on."""

import pytest

from keyturn_app.screens.welcome.passphrases import Strength, said, strength


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", Strength.UNFIT),
        ("nine char", Strength.UNFIT),
        ("x" * 1025, Strength.UNFIT),
        ("ten chars!", Strength.WEAK),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", Strength.WEAK),
        ("three short words", Strength.FAIR),
        ("four words, and a comma", Strength.GOOD),
    ],
)
def test_by_length_and_variety(typed: str, found: Strength) -> None:
    assert strength(typed) is found
    assert said(found)

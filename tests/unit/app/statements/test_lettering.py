"""Characters that nobody sees are named, and seen."""

import pytest

from keyturn_app.statements.lettering import foreign, texts_in, unseen, visible


@pytest.mark.parametrize("text", ["serving", "Łódź", "東京", "naïve — yes", "a\nb\tc"])
def test_what_is_seen_is_left_alone(text: str) -> None:
    assert unseen(text) == ""
    assert visible(text) == text


def test_what_is_not_seen_is_an_escape() -> None:
    assert visible("a\u200bb\u3164") == "a\\u200bb\\u3164"
    assert unseen("a\u200bb\u3164") == "U+200B"
    assert visible("\U000e0041") == "\\udb40\\udc41"


def test_a_letter_of_another_alphabet() -> None:
    assert foreign("s\u0435rving") == "U+0435"
    assert foreign("serving-2") == ""


def test_every_text_of_a_document() -> None:
    found = texts_in({"a": ["b", {"c": "d"}], "e": 1, "f": None})
    assert sorted(found) == ["a", "b", "c", "d", "e", "f"]

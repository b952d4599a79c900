"""The root error: what was found and expected stand in its text, the hint does not."""

import pytest

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


@pytest.mark.parametrize(
    ("found", "expected", "text"),
    [
        ("", "", "no"),
        ("1", "", "no; found 1"),
        ("", "2", "no; expected 2"),
        ("1", "2", "no; found 1; expected 2"),
    ],
)
def test_the_text_says_found_and_expected(found: str, expected: str, text: str) -> None:
    error = KeyturnError("no", found=found, expected=expected, hint="ask an officer")
    assert str(error) == text
    assert error.hint == "ask an officer"


def test_the_three_kinds_are_apart() -> None:
    kinds = (MalformedError, UntrustedError, UnreachableError)
    for kind in kinds:
        assert issubclass(kind, KeyturnError)
        assert [other for other in kinds if issubclass(kind, other)] == [kind]

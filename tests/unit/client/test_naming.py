"""A name means one thing, or it is refused."""

import pytest

from keyturn.client.errors import NotFound
from keyturn.client.naming import matches, only

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize("name", [DIGEST, "abab", "sha256:abab", "label"])
def test_it_is_called(name: str) -> None:
    assert matches(name, DIGEST, "label")


@pytest.mark.parametrize("name", ["aba", "", "baba", "Label", "lab"])
def test_it_is_not_called(name: str) -> None:
    assert not matches(name, DIGEST, "label")


def test_only_one() -> None:
    assert only([7], "a", "model") == 7
    for found, words in (([], "no model"), ([7, 8], "more than one model")):
        with pytest.raises(NotFound, match=words):
            only(found, "a", "model")

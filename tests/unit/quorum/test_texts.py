"""Texts that are signed: names, values and list items, at any depth (our protocol §2.2)."""

import pytest

from keyturn.base.strictjson import JsonObject
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.texts import check_texts


@pytest.mark.parametrize("document", [{"a\x1b": 1}, {"a": "\x1b"}, {"a": [{"b": ["c\u202e"]}]}])
def test_hidden_characters_are_found_anywhere(document: JsonObject) -> None:
    with pytest.raises(MalformedStatement, match=r"^it: .*U\+(001B|202E)"):
        check_texts(document, "it")


def test_everything_else_passes() -> None:
    check_texts({"a": ["one\n\ttwo é שלום", 1, None, True, {}]}, "it")

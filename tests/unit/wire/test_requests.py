"""A request says itself what may be asked twice, and is one only with both its ends."""

import pytest

from keyturn.base.strictjson import Fields, JsonObject
from keyturn.wire.requests import Request


def test_a_request_without_both_ends_is_none() -> None:
    class Half(Request[int]):
        def document(self) -> JsonObject:
            return {}

    with pytest.raises(TypeError):
        Half()  # type: ignore[abstract]


def test_asking_twice_does_no_more_than_asking_once_unless_it_says_so() -> None:
    class Whole(Request[int]):
        op = "whole"

        def document(self) -> JsonObject:
            return {"op": self.op}

        def read(self, answer: Fields) -> int:
            return answer.integer("number")

    assert Whole().repeatable
    assert Whole().read(Fields({"number": 3}, "answer")) == 3

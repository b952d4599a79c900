"""The control plane hands questions to a ceremony's host on, those of the list and no others."""

import asyncio
from typing import Any, cast

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.control.ceremonies import FORWARDED, Forwarded, forward
from keyturn.control.errors import NotFound
from keyturn.wire.ceremonies import RewrapKeys, SignStep


class NoContext:
    """Whatever is asked of it, it was not to be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.mark.parametrize("op", ["hello", "submit", "release", "ceremony-rewrap", "", "ceremonies "])
def test_no_other_question_passes(op: str) -> None:
    with pytest.raises((NotFound, MalformedError)):
        asyncio.run(forward(cast("Any", NoContext()), {"op": op}))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"op": 1},
        {"op": "ceremonies", "more": 1},
        {"op": "ceremony", "ceremony": "genesis-1"},
        {"op": "ceremony-sign", "ceremony": "genesis-1", "envelope": "*", "attached": []},
    ],
)
def test_a_malformed_question_does_not_pass(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        asyncio.run(forward(cast("Any", NoContext()), document))


def test_keys_are_rewrapped_at_the_keyholders_own_socket_alone() -> None:
    assert RewrapKeys.op not in FORWARDED
    assert SignStep.op in FORWARDED


def test_the_answer_goes_back_as_it_came() -> None:
    question = Forwarded({"op": "ceremonies"})
    answer = Fields({"ok": True, "host": "aGk=", "new": [1, {"x": None}]}, "answer")
    assert answer.boolean("ok")
    assert question.read(answer) == {"host": "aGk=", "new": [1, {"x": None}]}
    answer.done()
    assert question.document() == {"op": "ceremonies"}
    assert not question.repeatable

"""Step signatures and words as documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyturn.base.dsse import parse_envelope
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import (
    STEP_TYPE,
    WORD_TYPE,
    Word,
    parse_said,
    parse_step_signature,
)
from support.authority import sign
from support.ceremonies import Cast, Play, genesis_plan, playing_genesis

PLAY = Play(Cast(), genesis_plan(Cast()))
STEP = PLAY.signature("viktor", Part.WITNESS)
WORD = PLAY.word(Word.NOTE, "a text", "hana", Part.ADMINISTRATOR)
Change = Callable[[dict[str, Any]], object]


def bent(raw: bytes, change: Change) -> bytes:
    envelope = parse_envelope(raw)
    document = json.loads(envelope.payload)
    change(document)
    return sign(envelope.payload_type, dump(document), PLAY.cast.key("hana"))


def test_a_step_signature_is_read_back() -> None:
    assert (STEP.step, STEP.officer, STEP.part) == ("open", "viktor", Part.WITNESS)
    assert STEP.place == PLAY.course.place
    assert STEP.entered == {"phrase": PLAY.course.phrase}
    assert parse_step_signature(STEP.raw) == STEP


def test_what_is_attached_is_read_back() -> None:
    play = next(each for each in playing_genesis() if each.step.id == "prove-shares")
    assert len(play.signature("ada", Part.CUSTODIAN).attached) == 2


def test_a_word_is_read_back() -> None:
    said = parse_said(WORD)
    assert (said.word, said.text, said.officer) == (Word.NOTE, "a text", "hana")
    assert said.place == PLAY.course.place


EITHER: list[Change] = [
    lambda it: it.update(more=1),
    lambda it: it.pop("previous"),
    lambda it: it.update(type="ceremony"),
    lambda it: it.update(format=2),
    lambda it: it.update(rehearsal=None),
    lambda it: it.update(seq="1"),
    lambda it: it.update(previous="sha256:00"),
    lambda it: it.update(part="king"),
    lambda it: it.update(time="now"),
    lambda it: it.update(officer=""),
]


@pytest.mark.parametrize(
    "change",
    [
        *EITHER,
        lambda it: it.update(step="x" * 41),
        lambda it: it.update(entered=[]),
        lambda it: it.update(entered={"phrase": 1}),
        lambda it: it.update(entered={"phrase": "x" * 2001}),
        lambda it: it.update(entered={"phrase": "a\u202eb"}),
        lambda it: it.update(attached=["x"]),
        lambda it: it.update(attached=[f"sha256:{each:064}" for each in range(17)]),
    ],
)
def test_no_other_step_signature(change: Change) -> None:
    with pytest.raises(MalformedError):
        parse_step_signature(bent(STEP.raw, change))


@pytest.mark.parametrize(
    "change",
    [
        *EITHER,
        lambda it: it.update(word="shout"),
        lambda it: it.update(text=""),
        lambda it: it.update(text="x" * 2001),
        lambda it: it.update(text="a\x1bb"),
    ],
)
def test_no_other_word(change: Change) -> None:
    with pytest.raises(MalformedError):
        parse_said(bent(WORD, change))


def test_one_is_not_the_other() -> None:
    with pytest.raises(MalformedError):
        parse_said(STEP.raw)
    with pytest.raises(MalformedError):
        parse_step_signature(WORD)
    word = parse_envelope(WORD).payload
    with pytest.raises(MalformedError):
        parse_step_signature(sign(STEP_TYPE, word, PLAY.cast.key("hana")))
    with pytest.raises(MalformedError):
        parse_said(sign(WORD_TYPE, STEP.envelope.payload, PLAY.cast.key("hana")))

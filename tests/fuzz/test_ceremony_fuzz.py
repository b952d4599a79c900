"""Whatever comes as a ceremony's document, it is refused or read; no bent transcript holds."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import dump
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.factreading import read_facts, read_failed, read_opened
from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.plan import PLAN_TYPE, parse_plan, read_plan
from keyturn.ceremony.records import parse_record
from keyturn.ceremony.script import Action, parse_script
from keyturn.ceremony.steps import STEP_TYPE, WORD_TYPE, parse_said, parse_step_signature
from keyturn.ceremony.transcript import make_transcript, parse_transcript, verify_transcript
from support.authority import sign
from support.ceremonies import Cast, played_genesis
from support.fuzzing import examples, flipped
from unit.ceremony.every_fact import EVERY

PLAYED = played_genesis(eventful=True)
RECORDS = PLAYED.raw
RAW = PLAYED.transcript()
CAST = Cast()
MORE = settings(max_examples=examples(150), deadline=None)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
READERS: list[Callable[[bytes], object]] = [
    parse_script,
    parse_plan,
    read_plan,
    parse_record,
    parse_step_signature,
    parse_said,
    parse_transcript,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a document."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [found for key, each in inner for found in [(*path, key), *places(each, (*path, key))]]


def bent(raw: bytes, data: st.DataObject) -> bytes:
    """A document with something else in one place, or without it."""
    document = json.loads(raw)
    *path, last = data.draw(st.sampled_from(places(document)))
    inner = document
    for each in path:
        inner = inner[each]
    if data.draw(st.booleans()):
        inner[last] = data.draw(VALUES)
    else:
        del inner[last]
    return dump(document)


@pytest.mark.parametrize("read", READERS)
@given(raw=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@MORE
def test_any_bytes(read: Callable[[bytes], object], raw: bytes) -> None:
    with suppress(KeyturnError):
        read(raw)


@given(data=st.data())
@MORE
def test_a_bent_script(data: st.DataObject) -> None:
    raw = bent(PLAYED.course.script.to_bytes(), data)
    with suppress(MalformedError):
        assert parse_script(raw).to_bytes()


@given(data=st.data())
@MORE
def test_a_bent_plan(data: st.DataObject) -> None:
    with suppress(MalformedError):
        payload = bent(PLAYED.plan.to_payload(), data)
        assert read_plan(payload).to_payload() == payload


@given(data=st.data())
@MORE
def test_bent_signatures_and_words(data: st.DataObject) -> None:
    step = parse_step_signature(json_signed(1))
    payload = bent(step.envelope.payload, data)
    with suppress(MalformedError):
        parse_step_signature(sign(STEP_TYPE, payload, CAST.key("hana")))
    with suppress(MalformedError):
        parse_said(sign(WORD_TYPE, payload, CAST.key("hana")))
    with suppress(MalformedError):
        parse_plan(sign(PLAN_TYPE, payload, CAST.key("hana")))


def json_signed(seq: int) -> bytes:
    return PLAYED.course.records[seq].signed[0]


@pytest.mark.parametrize("action", Action)
@given(data=st.data())
@settings(max_examples=examples(30), deadline=None)
def test_bent_facts(action: Action, data: st.DataObject) -> None:
    facts = {"facts": dict(EVERY[action].document())}
    document = json.loads(bent(dump(facts), data)).get("facts")
    if isinstance(document, dict):
        for read in (lambda it: read_facts(action, it), read_opened, read_failed):
            with suppress(MalformedError):
                read(document)


@given(data=st.data())
@MORE
def test_no_bent_record_holds_in_its_transcript(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(RECORDS) - 1))
    raw = bent(RECORDS[at], data)
    transcript = make_transcript([*RECORDS[:at], raw, *RECORDS[at + 1 :]])
    if raw == RECORDS[at]:
        return
    with pytest.raises((CeremonyRefused, MalformedError)):
        verify_transcript(parse_transcript(transcript))


@given(order=st.permutations(range(len(RECORDS))), many=st.integers(1, len(RECORDS)))
@MORE
def test_records_hold_in_their_order_alone(order: list[int], many: int) -> None:
    some = [RECORDS[each] for each in order[:many]]
    if some == list(RECORDS[:many]):
        return
    with pytest.raises((CeremonyRefused, MalformedError)):
        verify_transcript(parse_transcript(make_transcript(some)))


def test_no_flipped_bit_holds() -> None:
    """In the first records: what they say is signed over by those that follow."""
    for at in (0, 1, 4):
        step = max(1, len(RECORDS[at]) // examples(60))
        for raw in flipped(RECORDS[at], range(0, len(RECORDS[at]), step)):
            document = {**json.loads(RAW), "records": list(map(b64, RECORDS))}
            document["records"][at] = b64(raw)
            with pytest.raises(KeyturnError):
                verify_transcript(parse_transcript(dump(document)))


@given(many=st.integers(1, len(RECORDS)))
@settings(max_examples=examples(20), deadline=None)
def test_minutes_are_made_of_whatever_holds(many: int) -> None:
    found = verify_transcript(parse_transcript(make_transcript(RECORDS[:many])))
    assert make_minutes(found).sections

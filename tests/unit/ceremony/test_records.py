"""Records as documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.ceremony.records import Event, Record, make_record, parse_record
from support.ceremonies import START, played_genesis

RECORDS = played_genesis(eventful=True).course.records
DONE = next(each for each in RECORDS if each.event is Event.DONE)
Change = Callable[[dict[str, Any]], object]


def bent(record: Record, change: Change) -> bytes:
    document = json.loads(record.raw)
    change(document)
    return dump(document)


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: f"{each.seq}-{each.event.value}")
def test_a_record_is_read_back_as_it_was_written(record: Record) -> None:
    assert parse_record(record.raw) == record
    assert record.digest == digest_of(record.raw)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(more=1),
        lambda it: it.pop("facts"),
        lambda it: it.update(type="record"),
        lambda it: it.update(format=2),
        lambda it: it.update(rehearsal=0),
        lambda it: it.update(seq=-1),
        lambda it: it.update(seq=0),
        lambda it: it.update(previous=None),
        lambda it: it.update(previous="sha256:00"),
        lambda it: it.update(event="opened"),
        lambda it: it.update(event="note"),
        lambda it: it.update(event="rejoiced"),
        lambda it: it.update(step=None),
        lambda it: it.update(time="2026-11-30"),
        lambda it: it.update(signed=["===="]),
        lambda it: it.update(signed=it["signed"][:1] * 2),
        lambda it: it.update(signed=["eA=="] * 221),
        lambda it: it.update(facts=[]),
    ],
)
def test_anything_else_is_refused(change: Change) -> None:
    with pytest.raises(MalformedError):
        parse_record(bent(DONE, change))


def test_the_first_record_opens_and_has_none_before_it() -> None:
    with pytest.raises(MalformedError):
        parse_record(bent(RECORDS[0], lambda it: it.update(previous=DONE.digest)))
    with pytest.raises(MalformedError):
        parse_record(bent(RECORDS[0], lambda it: it.update(event="note")))


def test_what_cannot_be_read_is_not_made() -> None:
    with pytest.raises(MalformedError):
        make_record(
            "genesis-1",
            rehearsal=False,
            seq=1,
            previous=None,
            event=Event.NOTE,
            step=None,
            time=START,
            signed=(),
            facts={},
        )

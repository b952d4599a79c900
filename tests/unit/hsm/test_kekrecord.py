import json
from dataclasses import replace

import pytest

from keyturn.base.signatures import KeyId
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekrecord import KekRecord, RecordedKek, parse_record
from keyturn.hsm.kekwork import MAX_KEKS, KekOrigin, KekProfile, KekState


def kek(number: int, state: KekState = KekState.DEACTIVATED) -> RecordedKek:
    name, canary = bytes([number]) * 16, bytes([number]) * 72
    profile = KekProfile.RECOVERABLE
    return RecordedKek(name, KeyId(f"{number:064x}"), profile, state, KekOrigin.MADE, canary)


BEGUN = replace(kek(9, KekState.PRE_ACTIVATION), id=None, canary=None)
RECORD = KekRecord((kek(1, KekState.DESTROYED), kek(2), kek(3, KekState.ACTIVE), BEGUN))


def test_a_record_is_read_as_written() -> None:
    assert parse_record(RECORD.to_bytes()) == RECORD
    assert [each.is_there for each in RECORD] == [False, True, True, False]


def test_activating_deactivates_the_one_before() -> None:
    record = KekRecord((kek(1, KekState.ACTIVE), kek(2, KekState.PRE_ACTIVATION)))
    moved = record.activated(KeyId(f"{2:064x}"))
    assert [each.state for each in moved] == [KekState.DEACTIVATED, KekState.ACTIVE]


def test_what_was_never_finished_is_dropped_by_name() -> None:
    assert BEGUN not in RECORD.without_unfinished().keks
    done = kek(9, KekState.PRE_ACTIVATION)
    assert RECORD.changed(BEGUN.name, done).keks[-1] == done


def test_an_unknown_kek_and_one_too_many_are_refused() -> None:
    with pytest.raises(HsmRequestError, match="no such KEK"):
        RECORD.by_id(KeyId("ab" * 32))
    full = KekRecord(tuple(kek(number) for number in range(MAX_KEKS)))
    with pytest.raises(HsmRequestError, match="too many"):
        full.plus(kek(200))


@pytest.mark.parametrize(
    "record",
    [
        KekRecord((kek(1, KekState.ACTIVE), kek(2, KekState.ACTIVE))),
        KekRecord((kek(1), kek(1))),
        KekRecord((kek(1), replace(kek(2), name=kek(1).name))),
        KekRecord((replace(kek(1), id=None),)),
        KekRecord((replace(kek(1), canary=None),)),
    ],
    ids=["two active", "same twice", "same name", "no id in use", "no canary in use"],
)
def test_a_record_that_contradicts_itself_is_refused(record: KekRecord) -> None:
    with pytest.raises(TokenError):
        parse_record(record.to_bytes())


def test_a_damaged_record_is_refused() -> None:
    document = json.loads(RECORD.to_bytes())
    for field in document:
        without = {name: value for name, value in document.items() if name != field}
        with pytest.raises(TokenError, match=field):
            parse_record(json.dumps(without).encode())
    for raw in (b"", b"{}", RECORD.to_bytes()[:-1], RECORD.to_bytes() + b" {}"):
        with pytest.raises(TokenError, match="damaged"):
            parse_record(raw)
    for field in document["keks"][0]:
        short = dict(document["keks"][0])
        del short[field]
        with pytest.raises(TokenError, match=field):
            parse_record(json.dumps({**document, "keks": [short]}).encode())

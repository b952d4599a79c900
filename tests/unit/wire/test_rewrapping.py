import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.wire.ceremonies import MAX_REWRAP, REWRAP_ITEM
from keyturn.wire.rewrapping import (
    ItemOutcome,
    ItemToRewrap,
    RewrappedItem,
    pack_answer,
    pack_items,
    unpack_answer,
    unpack_items,
)

_models = st.binary(min_size=32, max_size=32).map(lambda raw: Digest("sha256:" + raw.hex()))
_wrapped = st.binary(min_size=40, max_size=40)


@given(st.lists(st.builds(ItemToRewrap, _models, _wrapped), max_size=5))
def test_items_are_read_as_written(items: list[ItemToRewrap]) -> None:
    assert unpack_items(pack_items(items)) == tuple(items)


def test_answers_are_read_as_written() -> None:
    done = [RewrappedItem(each, b"w" * 40 if each.is_kept else None) for each in ItemOutcome]
    assert unpack_answer(pack_answer(done), len(done)) == tuple(done)


def test_a_wrapped_key_of_another_size_shifts_no_other() -> None:
    with pytest.raises(MalformedError, match="41 bytes"):
        pack_items([ItemToRewrap(Digest("sha256:" + "00" * 32), bytes(41))])


@pytest.mark.parametrize("size", [1, REWRAP_ITEM - 1, (MAX_REWRAP + 1) * REWRAP_ITEM])
def test_a_batch_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="batch"):
        unpack_items(bytes(size))


@pytest.mark.parametrize(
    "raw",
    [bytes(40), bytes(41), b"\x06" + b"w" * 40, b"\x05" + b"w" * 40, b"\x00" + b"w" * 80],
    ids=["cut", "no key", "unknown", "a key too much", "two"],
)
def test_an_answer_that_cannot_be_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        unpack_answer(raw, 1)

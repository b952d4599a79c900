import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.keyholder.logdisk_errors import LogDamaged
from keyturn.keyholder.logdisk_tail import EMPTY_TAIL, HEADER_SIZE, Tail, parse_tail
from keyturn.tlog.merkle import leaf_hash

entries = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def test_a_tail_is_written_as_described() -> None:
    raw = EMPTY_TAIL.extended([b"entry"]).to_bytes()
    assert raw == (
        b"keyturn-tail-v1\n" + bytes(8) + bytes(8) + b"\x00\x05" + leaf_hash(b"entry") + b"entry"
    )


@given(entries, st.integers(0, 1000))
def test_what_is_written_reads_back(given_entries: list[bytes], bundle: int) -> None:
    tail = Tail(bundle * 256, (), (), HEADER_SIZE).extended(given_entries)
    assert parse_tail(tail.to_bytes()) == tail
    assert tail.length == len(tail.to_bytes())


@given(entries, entries)
def test_records_are_what_is_appended(first: list[bytes], more: list[bytes]) -> None:
    tail = EMPTY_TAIL.extended(first)
    longer = tail.extended(more)
    assert tail.to_bytes() + longer.records(len(first)) == longer.to_bytes()


@given(entries, st.data())
def test_a_cut_leaves_the_whole_records_before_it(leaves: list[bytes], data: st.DataObject) -> None:
    raw = EMPTY_TAIL.extended(leaves).to_bytes()
    cut = data.draw(st.integers(HEADER_SIZE, len(raw)))
    found = parse_tail(raw[:cut])
    assert found.entries == tuple(leaves[: len(found.entries)])
    assert found.to_bytes() == raw[: found.length]
    assert found.length <= cut


@given(entries.filter(bool), st.data())
def test_a_flipped_bit_ends_the_tail_there(leaves: list[bytes], data: st.DataObject) -> None:
    raw = bytearray(EMPTY_TAIL.extended(leaves).to_bytes())
    place = data.draw(st.integers(HEADER_SIZE, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    found = parse_tail(bytes(raw))
    assert len(found.entries) < len(leaves)
    assert found.entries == tuple(leaves[: len(found.entries)])
    assert found.length <= place


def test_a_record_of_another_place_is_not_one_of_ours() -> None:
    stale = EMPTY_TAIL.extended([b"first", b"second"])
    raw = EMPTY_TAIL.to_bytes() + stale.records(1)
    assert parse_tail(raw).entries == ()


def test_what_follows_a_stored_bundle() -> None:
    leaves = [b"%d" % each for each in range(300)]
    rest = EMPTY_TAIL.extended(leaves).after(256)
    assert (rest.start, rest.entries) == (256, tuple(leaves[256:]))
    assert parse_tail(rest.to_bytes()) == rest


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        EMPTY_TAIL.to_bytes()[:-1],
        b"keyturn-tail-v2\n" + bytes(8),
        b"keyturn-tail-v1\n" + (255).to_bytes(8, "big"),
        b"keyturn-tail-v1\n" + b"\xff" * 7 + b"\x00",
    ],
)
def test_a_wrong_header_is_damage(raw: bytes) -> None:
    with pytest.raises(LogDamaged, match="header"):
        parse_tail(raw)

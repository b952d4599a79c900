import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.tlog.bundles import MAX_ENTRY, bundle_bytes, parse_bundle
from keyturn.tlog.errors import MalformedTile

entries = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20)


def test_two_bytes_of_length_before_each_entry() -> None:
    assert bundle_bytes([b"a", b"bc"]) == b"\x00\x01a\x00\x02bc"


@given(entries)
def test_what_is_written_reads_back(given_entries: list[bytes]) -> None:
    raw = bundle_bytes(given_entries)
    assert parse_bundle(raw, len(given_entries)) == tuple(given_entries)


def test_the_largest_entry() -> None:
    entry = bytes(MAX_ENTRY)
    assert parse_bundle(bundle_bytes([entry]), 1) == (entry,)


@pytest.mark.parametrize("entry", [b"", bytes(MAX_ENTRY + 1)], ids=["empty", "too large"])
def test_an_entry_of_an_impossible_size_is_refused(entry: bytes) -> None:
    with pytest.raises(MalformedTile, match="impossible size"):
        bundle_bytes([b"good", entry])


@given(entries, st.integers(1, 50))
def test_a_cut_bundle_is_refused(given_entries: list[bytes], cut: int) -> None:
    raw = bundle_bytes(given_entries)
    with pytest.raises(MalformedTile, match="cut or empty"):
        parse_bundle(raw[: -min(cut, len(raw))], len(given_entries))


@pytest.mark.parametrize(("raw", "width"), [(b"\x00\x01aX", 1), (b"\x00\x01a\x00\x01b", 1)])
def test_bytes_after_the_last_entry_are_refused(raw: bytes, width: int) -> None:
    with pytest.raises(MalformedTile, match="after its last"):
        parse_bundle(raw, width)


def test_zeros_are_not_entries() -> None:
    with pytest.raises(MalformedTile, match="cut or empty"):
        parse_bundle(bytes(8), 4)

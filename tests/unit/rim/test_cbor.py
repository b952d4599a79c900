"""CBOR read strictly: one item, plain values, and nothing that makes the reader work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.errors import MalformedEvidence
from keyturn.rim.cbor import MAX_CBOR, Tag, read_cbor, write_cbor


def test_plain_values_come_back() -> None:
    value = {1: ["a", b"b", True, None, -3], "k": Tag(37, b"\x00")}
    assert read_cbor(write_cbor(value), "test") == value


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("a201010102", "a key twice"),
        ("9f01ff", "no length"),
        ("d81c81d81d00", "a reference to itself"),
        ("0101", "bytes too many"),
        ("f97e00", "a float"),
        ("fb3ff0000000000000", "a float"),
        ("c249ffffffffffffffffff", "a big number"),
        ("c48201187b", "a decimal number"),
        ("d8236161", "a regular expression"),
        ("d9010280", "a set"),
        ("f7", "undefined"),
        ("e0", "a simple value"),
        ("a18001", "a list as key"),
        ("81" * 40 + "01", "too deep"),
        ("5b7fffffffffffffff00", "longer than all"),
        ("9b00000000ffffffff", "more than all"),
        ("", "nothing"),
    ],
)
def test_anything_else_is_refused(raw: str, what: str) -> None:
    with pytest.raises(MalformedEvidence):
        read_cbor(bytes.fromhex(raw), what)


def test_sizes_and_numbers_of_items_are_bounded() -> None:
    with pytest.raises(MalformedEvidence, match="too large"):
        read_cbor(bytes(MAX_CBOR + 1), "test")
    many = b"\x9a\x00\x02\x00\x00" + bytes(0x20000)
    with pytest.raises(MalformedEvidence, match="too many items"):
        read_cbor(many, "test")


def test_items_are_counted_as_far_as_lengths_are_said() -> None:
    """What has no length ends the count: the reader refuses it for itself."""
    with pytest.raises(MalformedEvidence, match="is not CBOR"):
        read_cbor(b"\x9f" + bytes(0x20000), "test")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_cbor(raw, "test")
    except MalformedEvidence:
        return

"""DER is read in its one spelling (X.690 §8, §10)."""

from datetime import UTC, datetime

import pytest

from keyturn.attest.der import INTEGER, SEQUENCE, DerReader
from keyturn.attest.errors import MalformedEvidence


def read(text: str) -> DerReader:
    return DerReader(bytes.fromhex(text), "test")


@pytest.mark.parametrize(
    ("text", "value"), [("020100", 0), ("02017f", 127), ("02020080", 128), ("0201ff", -1)]
)
def test_integers(text: str, value: int) -> None:
    assert read(text).integer() == value


@pytest.mark.parametrize("text", ["0200", "0202007f", "0202ffff", "0101ff", "0203 0000"])
def test_other_integers_are_refused(text: str) -> None:
    with pytest.raises(MalformedEvidence):
        read(text).integer()


@pytest.mark.parametrize(
    "text",
    [
        "3080",  # indefinite
        "308100",  # long form of a short length
        "30820001aa",  # leading zero in the length
        "3084000000010a",  # length of a length that nothing here needs
        "3081",  # length cut off
        "3002aa",  # longer than what holds it
        "",
    ],
)
def test_lengths_in_another_form_are_refused(text: str) -> None:
    with pytest.raises(MalformedEvidence):
        read(text).element(SEQUENCE)


def test_an_inner_element_may_not_leave_its_outer() -> None:
    outer = read("3003020200 ffff")
    with pytest.raises(MalformedEvidence, match="longer than what holds it"):
        outer.inside(SEQUENCE).element(INTEGER)


def test_what_is_left_over_is_refused() -> None:
    reader = read("02010100")
    reader.integer()
    with pytest.raises(MalformedEvidence, match="1 bytes too many"):
        reader.done()


def test_object_identifiers() -> None:
    assert read("0606 2b0601040101").oid() == "1.3.6.1.4.1.1"
    assert read("0603 881403").oid() == "2.964.3"


@pytest.mark.parametrize("text", ["0600", "060181", "0603 2b8001"])
def test_other_object_identifiers_are_refused(text: str) -> None:
    with pytest.raises(MalformedEvidence):
        read(text).oid()


def test_booleans_and_bit_strings() -> None:
    assert read("0101ff").boolean() is True
    assert read("0302 00aa").bits() == b"\xaa"
    with pytest.raises(MalformedEvidence):
        read("010101").boolean()
    with pytest.raises(MalformedEvidence):
        read("0302 01aa").bits()


def test_times() -> None:
    utc = b"\x17\x0d491231235959Z"
    assert DerReader(utc, "t").time() == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    last = b"\x18\x0f99991231235959Z"
    assert DerReader(last, "t").time() == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [b"\x17\x0b4912312359Z", b"\x18\x0f20230230000000Z", b"\x18\x0f2023010100000Zx", b"\x05\0"],
)
def test_other_times_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        DerReader(raw, "t").time()


def long_form(tag: int, content: bytes) -> DerReader:
    size = len(content).to_bytes(2, "big")
    return DerReader(bytes((tag, 0x82)) + size + content, "test")


def test_numbers_too_long_to_be_written_are_refused() -> None:
    """Python raises ValueError for them later, where nobody expects it."""
    with pytest.raises(MalformedEvidence, match="huge arc"):
        long_form(6, b"\x2a" + b"\xff" * 2100 + b"\x7f").oid()
    with pytest.raises(MalformedEvidence, match="an integer of 2000 bytes"):
        long_form(2, b"\x7f" * 2000).integer()


@pytest.mark.parametrize(("raw", "value"), [("0a0100", 0), ("0a0102", 2), ("0a017f", 127)])
def test_enumerated(raw: str, value: int) -> None:
    reader = DerReader(bytes.fromhex(raw), "test")
    assert reader.enumerated() == value
    reader.done()


@pytest.mark.parametrize("raw", ["0a00", "0a0180", "0a020001", "020101", "0a0101"[:4]])
def test_another_enumerated_is_refused(raw: str) -> None:
    with pytest.raises(MalformedEvidence):
        DerReader(bytes.fromhex(raw), "test").enumerated()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3080", "indefinite, huge"),
        ("3084000000010a", "indefinite, huge"),
        ("308180", "longer than what holds it"),
        ("3083ffff", "cut off"),
        ("30840000ff", "indefinite, huge"),
        ("308100", "shortest form"),
        ("30820001aa", "shortest form"),
        ("308101aa", "shortest form"),
        ("30820080" + "aa" * 128, "shortest form"),
        ("3002aa", "longer than what holds it"),
    ],
)
def test_a_length_is_refused_for_what_is_wrong_with_it(text: str, why: str) -> None:
    with pytest.raises(MalformedEvidence, match=why):
        read(text).element(SEQUENCE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0300", "whole bytes"),
        ("030107", "whole bytes"),
    ],
)
def test_a_bit_string_without_bytes_is_refused(text: str, why: str) -> None:
    with pytest.raises(MalformedEvidence, match=why):
        read(text).bits()


@pytest.mark.parametrize(
    "text",
    [
        b"\x04\x0d261123080000Z",
        b"\x04\x0f20261123080000Z",
        b"\x18\x1020261123080000Zx",
        b"\x18\x1120261123080000Z00",
        b"\x17\x0d2611230800 0Z",
        b"\x17\x0d261123080000X",
    ],
    ids=["another kind", "octets", "longer", "longer still", "no digits", "another zone"],
)
def test_a_time_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        DerReader(text, "test").time()

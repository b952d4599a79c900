"""Evidence field by field: every byte in exactly one field, and never an exception."""

from collections.abc import Iterator

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.fields import (
    LONGEST_VALUE,
    Field,
    Section,
    as_hex,
    as_text,
    big,
    laid_out,
    little,
    mask,
    reserved,
    section,
)


def tiles(found: Section, raw: bytes) -> None:
    """Asserts that the fields follow each other without a gap and are the bytes themselves."""
    at = 0
    for each in found.fields:
        assert each.offset == at, each.name
        assert raw[at : at + each.size] == each.raw, each.name
        at += each.size
    assert at == len(raw)


def value_of(found: Section, name: str) -> str:
    (only,) = [each.value for each in found.fields if each.name == name]
    return only


def test_bytes_are_shown_as_numbers_masks_texts_and_hex() -> None:
    assert (little(b"\x01\x02"), big(b"\x01\x02"), mask(b"\x01\x02")) == ("513", "258", "0x201")
    assert (as_text(b"535.1\0\0"), as_text(b"\xff\xfe"), as_text(b"a\nb")) == (
        "535.1",
        "fffe",
        "610a62",
    )
    assert (reserved(bytes(3)), reserved(b"\0\1"), as_hex(b"\x0a")) == ("zero", "0001", "0a")


def test_what_is_cut_off_is_said() -> None:
    found = list(laid_out(b"abc", (("A", 2, as_hex), ("B", 4, as_hex), ("C", 1, as_hex))))
    assert [(each.name, each.offset, each.raw) for each in found] == [
        ("A", 0, b"ab"),
        ("B", 2, b"c"),
    ]
    assert found[1].note == "cut off: 1 of 4 bytes"


def test_a_long_value_is_shortened_and_its_bytes_are_not() -> None:
    (found,) = laid_out(bytes(1000), (("A", 1000, as_hex),))
    assert len(found.value) == LONGEST_VALUE + 1
    assert found.size == 1000


def test_what_cannot_be_read_is_a_field_with_a_note() -> None:
    def read(raw: bytes) -> Iterator[Field]:
        yield Field("A", 0, raw[:1], "x")
        raise MalformedEvidence("it ends too early", found="1 byte")

    found = section("title", "a specification", b"ab", read)
    assert [each.name for each in found.fields] == ["A", "(unreadable)"]
    assert (found.fields[1].raw, found.fields[1].note) == (b"ab", "it ends too early: 1 byte")


def test_other_errors_are_not_hidden() -> None:
    def read(raw: bytes) -> Iterator[Field]:
        raise ZeroDivisionError
        yield

    with pytest.raises(ZeroDivisionError):
        section("title", "a specification", b"", read)

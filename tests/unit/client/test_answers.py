"""Answers are read leniently in what they add, strictly in what they say."""

import pytest

from keyturn.client.answers import (
    optional_integer,
    optional_text,
    optional_texts,
    parse_answer,
)
from keyturn.client.errors import MalformedAnswer


def test_fields_that_a_newer_server_adds_are_left_alone() -> None:
    assert parse_answer(b'{"a": 1, "new": 2.5}', "answer").integer("a") == 1


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"nonsense", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse_answer(raw, "answer")


@pytest.mark.parametrize(
    ("raw", "found"), [(b"{}", None), (b'{"n": null}', None), (b'{"n": 7}', 7), (b'{"n": 7.9}', 7)]
)
def test_numbers_may_be_absent_and_may_have_a_point(raw: bytes, found: int | None) -> None:
    assert optional_integer(parse_answer(raw, "answer"), "n") == found


@pytest.mark.parametrize("raw", [b'{"n": "7"}', b'{"n": true}', b'{"n": [7]}'])
def test_what_is_no_number_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="not a number"):
        optional_integer(parse_answer(raw, "answer"), "n")


def test_texts_may_be_absent() -> None:
    fields = parse_answer(b'{"t": "x", "none": null, "list": ["a", "a", 1]}', "answer")
    assert (optional_text(fields, "t"), optional_text(fields, "none")) == ("x", None)
    assert optional_text(fields, "absent") is None
    assert optional_texts(fields, "list") == ("a", "a")
    assert optional_texts(fields, "absent") == ()

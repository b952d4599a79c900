"""A cursor over binary structures: nothing is read beyond the end, nothing is left unread."""

import pytest

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence


def test_numbers_of_both_orders_and_a_place() -> None:
    big, little = (Cursor(b"\x01\x02\x03", "test", order) for order in ("big", "little"))
    assert (big.number(2), big.at, big.left) == (0x0102, 2, 1)
    assert little.number(3) == 0x030201
    little.done()
    assert big.peek() == b"\x03"


def test_the_end_is_the_end() -> None:
    body = Cursor(b"\x00\x05abc", "test", "big")
    with pytest.raises(MalformedEvidence, match="test is cut off"):
        body.sized(2, 100)
    with pytest.raises(MalformedEvidence, match="cut off"):
        Cursor(b"", "test", "big").number(1)


def test_what_is_too_long_is_refused_before_it_is_taken() -> None:
    with pytest.raises(MalformedEvidence, match="too long"):
        Cursor(b"\xff\xff\xff\xff", "test", "big").sized(4, 64)


def test_bytes_that_nobody_read_are_too_many() -> None:
    body = Cursor(b"ab", "test", "big")
    body.take(1)
    with pytest.raises(MalformedEvidence, match="1 bytes too many"):
        body.done()

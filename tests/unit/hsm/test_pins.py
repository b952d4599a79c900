import os

import pytest

from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.pins import new_pin, pin_file, read_pin


def test_a_pin_is_hex_of_128_bits() -> None:
    assert new_pin(bytes(range(16))) == b"000102030405060708090a0b0c0d0e0f"
    with pytest.raises(ValueError, match="16"):
        new_pin(bytes(15))


def test_many_may_read_one_memory_file() -> None:
    descriptor = pin_file(bytearray(b"1234"))
    try:
        assert [bytes(read_pin(descriptor)) for _ in range(2)] == [b"1234", b"1234"]
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("raw", [b"1234", b"1234\n"])
def test_a_pipe_is_read_to_its_end_or_its_lines_end(raw: bytes) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, raw)
        os.close(writing)
        assert read_pin(reading) == b"1234"
    finally:
        os.close(reading)


@pytest.mark.parametrize("raw", [b"", b"\n", b"x" * 257])
def test_no_pin_and_too_long_ones_are_refused(raw: bytes) -> None:
    descriptor = pin_file(bytearray(raw))
    try:
        with pytest.raises(HsmRequestError, match="wrong size"):
            read_pin(descriptor)
    finally:
        os.close(descriptor)


def test_a_closed_descriptor_is_an_error_without_its_content() -> None:
    descriptor = pin_file(bytearray(b"1234"))
    os.close(descriptor)
    with pytest.raises(HsmRequestError) as refused:
        read_pin(descriptor)
    assert "1234" not in repr(refused.value)

"""The bytes of add-checkpoint, by C2SP's own example and by hostile hands."""

import base64

import pytest

from keyturn.base.errors import MalformedError
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import parse_note
from keyturn.wire.witness import AddCheckpoint, parse_add_checkpoint, parse_size, with_lines

HASHES = tuple(Hash(bytes([each]) * 32) for each in range(3))
NOTE = "a.example/log\n3\nAAAA\n\n— a.example/log AAAAAAAA\n".encode()
LINE = "— w.example BBBBBBBB\n".encode()


def test_it_is_written_and_read_by_the_words_of_c2sp() -> None:
    lines = b"".join(base64.b64encode(each) + b"\n" for each in HASHES)
    raw = b"old 20852014\n" + lines + b"\n" + NOTE
    asked = AddCheckpoint(20852014, HASHES, NOTE)

    assert asked.to_bytes() == raw
    assert parse_add_checkpoint(raw) == asked
    assert parse_add_checkpoint(b"old 0\n\n" + NOTE) == AddCheckpoint(0, (), NOTE)


@pytest.mark.parametrize(
    "raw",
    [
        b"old 0\n" + NOTE,
        b"old\n\n" + NOTE,
        b"old 00\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"Old 1\n\n" + NOTE,
        b"old 1\r\n\n" + NOTE,
        b"old 1\nAAAA\n\n" + NOTE,
        b"old 1" + b"\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + NOTE,
        b"old 1\n\n" + b"x" * 80_000,
    ],
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_add_checkpoint(raw)


def test_a_size_is_read() -> None:
    assert (parse_size(b"0\n"), parse_size(b"20852014\n")) == (0, 20852014)
    for wrong in (b"", b"1", b"01\n", b"-1\n", b"1\n\n", b"\xff\n"):
        with pytest.raises(MalformedError):
            parse_size(wrong)


def test_lines_are_put_under_the_note() -> None:
    assert with_lines(parse_note(NOTE), [LINE]).to_bytes() == NOTE + LINE
    with pytest.raises(MalformedError):
        with_lines(parse_note(NOTE), [b"no line\n"])

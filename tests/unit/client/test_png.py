"""PNG files as programs write them, and files that are none."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.client.errors import MalformedPart
from keyturn.client.png import MAX_PIXELS, read_grey

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int],
    depth: int,
    colour: int,
    lines: bytes,
    *,
    palette: bytes = b"",
    lace: int = 0,
) -> bytes:
    head = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, lace)
    made = SIGNATURE + chunk(b"IHDR", head)
    if palette:
        made += chunk(b"PLTE", palette)
    return made + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "colour", "lines", "palette"),
    [
        (1, 0, b"\0\x40", b""),
        (2, 0, b"\0\x30", b""),
        (4, 0, b"\0\x0f", b""),
        (8, 0, b"\0\x00\xff", b""),
        (8, 2, b"\0\x00\x00\x00\xff\xff\xff", b""),
        (8, 4, b"\0\x00\xff\xff\xff", b""),
        (8, 6, b"\0\x00\x00\x00\xff\xff\xff\xff\xff", b""),
        (1, 3, b"\0\x40", b"\0\0\0\xff\xff\xff"),
        (8, 3, b"\0\x00\x01", b"\0\0\0\xff\xff\xff"),
        (8, 0, b"\1\x00\xff", b""),
    ],
)
def test_black_and_white_of_every_kind(
    depth: int, colour: int, lines: bytes, palette: bytes
) -> None:
    found = read_grey(png((2, 1), depth, colour, lines, palette=palette), "a.png")
    assert (found.width, found.height, found.pixels) == (2, 1, b"\0\xff")


@given(st.lists(st.sampled_from(range(5)), min_size=1, max_size=6))
def test_every_filter_is_undone(kinds: list[int]) -> None:
    """Filtered here by the specification's own formulas."""
    width = 5
    rows = [
        bytes((at * 37 + place * 91) & 255 for at in range(width)) for place in range(len(kinds))
    ]
    lines, above = b"", bytes(width)
    for kind, row in zip(kinds, rows, strict=True):
        made = bytearray()
        for at, value in enumerate(row):
            left, corner = (row[at - 1], above[at - 1]) if at else (0, 0)
            up = above[at]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda each: abs(guess - each))
            less = (0, left, up, (left + up) // 2, paeth)[kind]
            made.append((value - less) & 255)
        lines += bytes([kind]) + made
        above = row
    assert read_grey(png((width, len(rows)), 8, 0, lines), "a.png").pixels == b"".join(rows)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GIF89a",
        SIGNATURE,
        SIGNATURE + b"\0\0",
        png((2, 1), 8, 0, b"\0\0"),
        png((2, 1), 8, 0, b"\7\0\0"),
        png((2, 1), 16, 0, b"\0\0\0\0\0"),
        png((2, 1), 8, 5, b"\0\0\0"),
        png((2, 1), 8, 0, b"\0\0\0", lace=1),
        png((0, 1), 8, 0, b"\0"),
        png((MAX_PIXELS, 2), 8, 0, b"\0"),
        png((2, 1), 8, 0, b"\0\0\0").replace(b"IDAT", b"IDAX"),
        png((2, 1), 8, 0, b"\0\0\0")[:-30],
        SIGNATURE + chunk(b"IHDR", b"\0" * 5),
    ],
)
def test_what_is_no_such_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedPart):
        read_grey(raw, "a.png")


@given(st.binary(max_size=400))
def test_no_bytes_bring_it_down(raw: bytes) -> None:
    for each in (raw, SIGNATURE + raw, png((3, 3), 8, 2, raw)):
        try:
            read_grey(each, "a.png")
        except MalformedPart:
            continue

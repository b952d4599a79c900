"""PNG files as grey pixels, for reading QR codes: what programs and screen grabs write.

8 bits a sample or fewer, not interlaced (W3C PNG, third edition). Checksums are not looked at: the
codes have their own. Sizes are limited before anything is unpacked.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from keyturn.client.errors import MalformedPart

MAX_FILE = 16 << 20
MAX_PIXELS = 9_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""How many samples a pixel has, by colour type."""
_GREY, _PALETTE = 0, 3


@dataclass(frozen=True, slots=True)
class Grey:
    """One byte a pixel, row by row."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class _Head:
    width: int
    height: int
    depth: int
    colour: int

    @property
    def samples(self) -> int:
        return _SAMPLES[self.colour]

    @property
    def stride(self) -> int:
        return (self.width * self.samples * self.depth + 7) // 8


def read_grey(raw: bytes, name: str) -> Grey:
    """Raises MalformedPart; `name` is what the message calls it."""
    try:
        head, palette, data = _parts(raw, name)
        rows = _unfiltered(head, data, name)
        return Grey(head.width, head.height, _greyed(head, palette, rows))
    except (struct.error, zlib.error, IndexError) as error:
        raise MalformedPart(f"{name} is not a whole PNG picture") from error


def _parts(raw: bytes, name: str) -> tuple[_Head, bytes, bytes]:
    if not raw.startswith(_SIGNATURE):
        raise MalformedPart(f"{name} is not a PNG picture", expected="a file named .png")
    head: _Head | None = None
    palette, data = b"", []
    for kind, body in _chunks(raw):
        if kind == b"IHDR":
            head = _head(body, name)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            data.append(body)
        elif kind == b"IEND":
            break
    if head is None:
        raise MalformedPart(f"{name} is not a whole PNG picture")
    return head, palette, b"".join(data)


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(raw):
        size, kind = struct.unpack_from(">I4s", raw, at)
        yield kind, raw[at + 8 : at + 8 + size]
        at += 12 + size


def _head(body: bytes, name: str) -> _Head:
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", body)
    if not (width and height and width * height <= MAX_PIXELS):
        raise MalformedPart(
            f"{name} has a wrong size",
            found=f"{width} × {height}",
            expected=f"at most {MAX_PIXELS} pixels",
        )
    deep = depth == 8 or (depth in (1, 2, 4) and colour in (_GREY, _PALETTE))
    if colour not in _SAMPLES or not deep or packing or filtering or interlaced:
        raise MalformedPart(
            f"{name} is a kind of PNG picture that is not read here",
            found=f"{depth} bits, colour type {colour}, interlacing {interlaced}",
            expected="8 bits a sample or fewer, not interlaced",
        )
    return _Head(width, height, depth, colour)


def _unfiltered(head: _Head, data: bytes, name: str) -> list[bytes]:
    wanted = (head.stride + 1) * head.height
    unpacked = zlib.decompressobj().decompress(data, wanted)
    if len(unpacked) != wanted:
        raise MalformedPart(f"{name} is not a whole PNG picture")
    step = max(1, head.samples * head.depth // 8)
    before = bytearray(head.stride)
    rows: list[bytes] = []
    for at in range(0, wanted, head.stride + 1):
        line = bytearray(unpacked[at + 1 : at + 1 + head.stride])
        _unfilter(unpacked[at], line, before, step, name)
        rows.append(bytes(line))
        before = line
    return rows


def _unfilter(kind: int, line: bytearray, above: bytearray, step: int, name: str) -> None:
    """In place (§9 of the specification)."""
    if kind == 0:
        return
    if kind == 1:
        for at in range(step, len(line)):
            line[at] = (line[at] + line[at - step]) & 255
    elif kind == 2:
        for at, up in enumerate(above):
            line[at] = (line[at] + up) & 255
    elif kind == 3:
        for at, up in enumerate(above):
            left = line[at - step] if at >= step else 0
            line[at] = (line[at] + (left + up) // 2) & 255
    elif kind == 4:
        _unpaeth(line, above, step)
    else:
        raise MalformedPart(f"{name} has a filter that PNG does not know", found=str(kind))


def _unpaeth(line: bytearray, above: bytearray, step: int) -> None:
    for at, up in enumerate(above):
        left, corner = (line[at - step], above[at - step]) if at >= step else (0, 0)
        guess = left + up - corner
        by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
        if by_left <= by_up and by_left <= by_corner:
            best = left
        else:
            best = up if by_up <= by_corner else corner
        line[at] = (line[at] + best) & 255


def _greyed(head: _Head, palette: bytes, rows: list[bytes]) -> bytes:
    """Of colours the green: black and white are told apart by any."""
    if head.colour == _PALETTE:
        green = palette[1::3].ljust(256, b"\0")[:256]
        return b"".join(_spread(head, row).translate(green) for row in rows)
    if head.colour == _GREY:
        scale = bytes(min(255, each * 255 // ((1 << head.depth) - 1)) for each in range(256))
        return b"".join(_spread(head, row).translate(scale) for row in rows)
    offset = 1 if head.samples >= 3 else 0
    return b"".join(row[offset :: head.samples] for row in rows)


def _spread(head: _Head, row: bytes) -> bytes:
    """One byte for each sample."""
    if head.depth == 8:
        return row
    each, mask = 8 // head.depth, (1 << head.depth) - 1
    table = [
        bytes((value >> (8 - head.depth * (place + 1))) & mask for place in range(each))
        for value in range(256)
    ]
    return b"".join(table[value] for value in row)[: head.width]

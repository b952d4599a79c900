"""A proposal file as texts for QR pictures, and back (our protocol §8.4). Pure: no pictures here.

The digest in each part finds damage and mixed-up pictures; it proves nothing about who wrote it.
What is joined is verified as every proposal file is.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.client.errors import ForeignPart, MalformedPart, PartsMissing

MAGIC = b"KTQ\x01"
ID_SIZE = 8
MAX_PAYLOAD = 800
"""Bytes of one part: a picture that a camera still reads from a screen."""
MAX_PARTS = 256
MAX_WHOLE = 1 << 20
MAX_TEXT = 2048
_HEAD = len(MAGIC) + ID_SIZE + 4
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


@dataclass(frozen=True, slots=True)
class Part:
    """`index` counts from 1 to `count`."""

    transfer: bytes
    index: int
    count: int
    payload: bytes

    @property
    def name(self) -> str:
        """Of the transfer, for people."""
        return self.transfer.hex()

    def text(self) -> str:
        head = MAGIC + self.transfer + self.index.to_bytes(2) + self.count.to_bytes(2)
        return base45(head + self.payload)


def split(whole: bytes) -> tuple[str, ...]:
    """The text of each picture, in order. Raises MalformedPart when it is too large."""
    if not 0 < len(whole) <= MAX_WHOLE:
        raise _too_large(len(whole))
    packed = zlib.compress(whole, 9)
    pieces = [packed[at : at + MAX_PAYLOAD] for at in range(0, len(packed), MAX_PAYLOAD)]
    if len(pieces) > MAX_PARTS:
        raise MalformedPart(
            "too large for pictures", found=f"{len(pieces)} parts", expected=f"at most {MAX_PARTS}"
        )
    transfer = transfer_of(whole)
    return tuple(
        Part(transfer, place, len(pieces), piece).text()
        for place, piece in enumerate(pieces, start=1)
    )


def is_part(text: str) -> bool:
    """Whether a code claims to be one of ours: others may stand in the same picture."""
    return text.startswith(_CLAIM)


def parse_part(text: str) -> Part:
    """Raises MalformedPart."""
    if len(text) > MAX_TEXT:
        raise MalformedPart(
            "a picture's text is too long", found=str(len(text)), expected=f"at most {MAX_TEXT}"
        )
    raw = unbase45(text)
    if raw[: len(MAGIC)] != MAGIC:
        raise MalformedPart(
            "not a part of a proposal", found=raw[: len(MAGIC)].hex(), expected=MAGIC.hex()
        )
    head, payload = raw[:_HEAD], raw[_HEAD:]
    if not 0 < len(payload) <= MAX_PAYLOAD:
        raise MalformedPart(
            "a part of the wrong size", found=str(len(payload)), expected=f"1 to {MAX_PAYLOAD}"
        )
    index, count = int.from_bytes(head[12:14]), int.from_bytes(head[14:16])
    if not 1 <= index <= count <= MAX_PARTS:
        raise MalformedPart(
            "a part's number is wrong",
            found=f"{index} of {count}",
            expected=f"1 to the count, at most {MAX_PARTS}",
        )
    return Part(head[len(MAGIC) : len(MAGIC) + ID_SIZE], index, count, payload)


def join(parts: Iterable[Part]) -> bytes:
    """The whole, from parts in any order, each as often as it comes.

    Raises ForeignPart, PartsMissing, MalformedPart.
    """
    found: dict[int, Part] = {}
    first: Part | None = None
    for each in parts:
        first = first or each
        _check_same(first, each)
        known = found.setdefault(each.index, each)
        if known.payload != each.payload:
            raise MalformedPart(
                f"part {each.index} of transfer {each.name} comes twice, and differs",
                hint="Take the pictures again.",
            )
    if first is None:
        raise MalformedPart("no picture holds a part of a proposal")
    missing = tuple(place for place in range(1, first.count + 1) if place not in found)
    if missing:
        raise PartsMissing(missing, first.count)
    return _unpacked(b"".join(found[place].payload for place in sorted(found)), first)


def transfer_of(whole: bytes) -> bytes:
    return hashlib.sha256(whole).digest()[:ID_SIZE]


def base45(data: bytes) -> str:
    """RFC 9285: the letters of a QR code's alphanumeric mode."""
    letters: list[str] = []
    for at in range(0, len(data), 2):
        value, size = int.from_bytes(data[at : at + 2]), len(data[at : at + 2]) + 1
        for _place in range(size):
            value, letter = divmod(value, 45)
            letters.append(_ALPHABET[letter])
    return "".join(letters)


def unbase45(text: str) -> bytes:
    """Raises MalformedPart."""
    made = bytearray()
    for at in range(0, len(text), 3):
        letters = text[at : at + 3]
        value = 0
        for letter in reversed(letters):
            if letter not in _VALUES:
                raise MalformedPart("a picture's text is not base45", found=ascii(letter))
            value = value * 45 + _VALUES[letter]
        size = len(letters) - 1
        if size == 0 or value >> (8 * size):
            raise MalformedPart("a picture's text is not base45", found=ascii(letters))
        made += value.to_bytes(size)
    return bytes(made)


_CLAIM = base45(MAGIC)


def _check_same(first: Part, other: Part) -> None:
    if other.transfer != first.transfer:
        raise ForeignPart(other.index, found=other.name, expected=first.name)
    if other.count != first.count:
        raise MalformedPart(
            f"parts of transfer {first.name} do not agree how many there are",
            found=str(other.count),
            expected=str(first.count),
        )


def _unpacked(packed: bytes, first: Part) -> bytes:
    """Bounded: what would grow beyond the limit is not unpacked."""
    unpacking = zlib.decompressobj()
    try:
        whole = unpacking.decompress(packed, MAX_WHOLE + 1)
    except zlib.error as error:
        raise MalformedPart(f"transfer {first.name} is damaged: it does not unpack") from error
    if len(whole) > MAX_WHOLE:
        raise _too_large(len(whole))
    if not unpacking.eof or unpacking.unused_data:
        raise MalformedPart(f"transfer {first.name} is damaged: its end is not where it should be")
    if transfer_of(whole) != first.transfer:
        raise MalformedPart(
            "the pictures are damaged: the whole has another digest",
            found=transfer_of(whole).hex(),
            expected=first.name,
        )
    return whole


def _too_large(size: int) -> MalformedPart:
    found = f"more than {MAX_WHOLE} bytes" if size > MAX_WHOLE else f"{size} bytes"
    return MalformedPart(
        "not a size for pictures", found=found, expected=f"1 to {MAX_WHOLE} bytes; use a file"
    )

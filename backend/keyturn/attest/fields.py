"""Evidence as it came, field by field, each by the name that its specification gives it.

For people who compare with the specification: nothing here is proved, and nothing is read back into
trust. Whatever cannot be read is one field with a note, never an exception.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from keyturn.attest.errors import REFUSALS

Show = Callable[[bytes], str]
Place = tuple[str, int, Show]
"""A specification's name of a field, its size, and how its bytes are shown."""

LONGEST_VALUE = 200  # characters of a value; the bytes themselves are always all there


@dataclass(frozen=True, slots=True)
class Field:
    """`offset` into the section's bytes, None where a field has none (a part of a certificate).

    `value` is for people; `note` says more: bits that are set, or what is wrong.
    """

    name: str
    offset: int | None
    raw: bytes = field(repr=False)
    value: str
    note: str = ""

    @property
    def size(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class Section:
    """One structure; `specification` names the document and table that its names are from."""

    title: str
    specification: str
    fields: tuple[Field, ...]


def as_hex(raw: bytes) -> str:
    return raw.hex()


def as_text(raw: bytes) -> str:
    """Printable ASCII with what pads it cut off; hex where it is no text."""
    text = raw.rstrip(b"\0").decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else raw.hex()


def little(raw: bytes) -> str:
    return str(int.from_bytes(raw, "little"))


def big(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big"))


def mask(raw: bytes) -> str:
    """A little-endian number in hex."""
    return f"{int.from_bytes(raw, 'little'):#x}"


def mask_big(raw: bytes) -> str:
    return f"{int.from_bytes(raw, 'big'):#x}"


def reserved(raw: bytes) -> str:
    return "zero" if not any(raw) else raw.hex()


def laid_out(raw: bytes, places: Sequence[Place], start: int = 0) -> Iterator[Field]:
    """Fields of fixed size one behind the other. What is cut off is said; the rest is left out."""
    at = start
    for name, size, show in places:
        part = raw[at : at + size]
        if len(part) < size:
            yield Field(name, at, part, part.hex(), f"cut off: {len(part)} of {size} bytes")
            return
        yield Field(name, at, part, _short(show(part)))
        at += size


def section(
    title: str, specification: str, raw: bytes, read: Callable[[bytes], Iterator[Field]]
) -> Section:
    """What `read` yields of some bytes, as far as it comes."""
    fields: list[Field] = []
    try:
        for each in read(raw):
            fields.append(each)
    except REFUSALS as refusal:
        note = f"{refusal.message}: {refusal.found}" if refusal.found else refusal.message
        fields.append(Field("(unreadable)", None, raw, f"{len(raw)} bytes", note))
    return Section(title, specification, tuple(fields))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"

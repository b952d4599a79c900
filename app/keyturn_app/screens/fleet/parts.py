"""A request's evidence, part by part and field by field, and its bytes as hex. No Qt."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyturn.attest.fields import Field, Section
from keyturn.base.encoding import b64
from keyturn.base.strictjson import JsonObject
from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.branches import Branch, Bytes, Detail

WIDE = 16
"""Bytes in a line of hex."""
EVENTS = "Event log"
"""The title of the section that the events' tab shows."""


def columns() -> tuple[str, ...]:
    return (_("Field"), _("Offset"), _("Size"), _("Value"))


def parts(sections: Sequence[Section]) -> tuple[Branch, ...]:
    """A branch for each part, a leaf for each field, in the order in which it is verified."""
    return tuple(_part(section, place) for place, section in enumerate(sections))


def _part(section: Section, place: int) -> Branch:
    whole = whole_of(section)
    count = n_("{count} field", "{count} fields", len(section.fields))
    size = "" if whole is None else n_("{count} byte", "{count} bytes", len(whole))
    return Branch(
        key=f"part.{place}",
        cells=(section.title, "", size, section.specification),
        icon="file-search",
        details=(
            Detail(_("Part"), section.title),
            Detail(_("Specification"), section.specification),
            Detail(_("Holds"), ", ".join(each for each in (count, size) if each)),
        ),
        data=None if whole is None else Bytes(whole, 0, 0),
        children=tuple(
            _field(each, section, whole, f"part.{place}.{number}")
            for number, each in enumerate(section.fields)
        ),
        document=section_document(section),
        open=place < 2,
    )


def _field(found: Field, section: Section, whole: bytes | None, key: str) -> Branch:
    offset = "" if found.offset is None else f"0x{found.offset:04x}"
    size = str(found.size) if found.size else ""
    value = f"{found.value}  ({found.note})" if found.note else found.value
    details = [Detail(_("Field"), found.name), Detail(_("Value"), found.value, _digits(found))]
    if found.note:
        details.append(Detail(_("Meaning"), found.note))
    if found.offset is not None:
        text = _("{offset} ({number}), in {part}")
        where = text.format(offset=offset, number=found.offset, part=section.title)
        details.append(Detail(_("Offset"), where))
    if found.size:
        details.append(Detail(_("Size"), n_("{count} byte", "{count} bytes", found.size)))
    details.append(Detail(_("Specification"), section.specification))
    return Branch(
        key=key,
        cells=(found.name, offset, size, value),
        details=tuple(details),
        data=_bytes(found, whole),
        document=field_document(found),
    )


def _bytes(found: Field, whole: bytes | None) -> Bytes | None:
    if whole is not None and found.offset is not None:
        return Bytes(whole, found.offset, found.offset + found.size)
    return Bytes(found.raw, 0, found.size) if found.raw else None


def _digits(found: Field) -> bool:
    return len(found.value) >= 16 and found.value.lower() == found.raw.hex()[: len(found.value)]


def whole_of(section: Section) -> bytes | None:
    """The section's bytes, where its fields lie one behind the other; else None."""
    at = 0
    for each in section.fields:
        if each.offset != at:
            return None
        at += each.size
    return b"".join(each.raw for each in section.fields) if section.fields else None


def field_at(part: Branch, place: int) -> Branch | None:
    """The field that a byte of a part belongs to."""
    for each in part.children:
        if each.data is not None and each.data.start <= place < each.data.end:
            return each
    return None


_LONG = re.compile(r"[0-9a-f]{24,}")


def readable(text: str) -> str:
    """Long digits in groups of four bytes, so that they can be read and lines can end."""
    return _LONG.sub(lambda found: " ".join(re.findall(".{1,8}", found[0])), text)


# ---- hex ----


@dataclass(frozen=True, slots=True)
class HexLine:
    """Up to WIDE bytes: their offset, each as two digits, and as ASCII with dots."""

    offset: int
    digits: tuple[str, ...]
    text: str


def hex_line(raw: bytes, number: int) -> HexLine:
    at = number * WIDE
    part = raw[at : at + WIDE]
    return HexLine(
        at,
        tuple(f"{each:02x}" for each in part),
        "".join(chr(each) if 32 <= each < 127 else "." for each in part),
    )


def hex_lines(raw: bytes) -> int:
    """How many lines there are."""
    return (len(raw) + WIDE - 1) // WIDE


def dump_text(raw: bytes, start: int, end: int) -> str:
    """Lines of `offset  digits  text`, from the line of `start` to that of `end`: for copying."""
    first, last = start // WIDE, max(start, end - 1) // WIDE
    return "\n".join(_written(hex_line(raw, each)) for each in range(first, last + 1))


def _written(found: HexLine) -> str:
    return f"{found.offset:08x}  {' '.join(found.digits):<{WIDE * 3 - 1}}  {found.text}"


# ---- events of a boot ----


def event_columns() -> tuple[str, ...]:
    return (_("Event"), _("PCR"), _("Type"), _("Digest"), _("Data"))


def events(sections: Sequence[Section]) -> tuple[Branch, ...]:
    """A boot's events, one a branch; empty where the evidence has no log."""
    return tuple(
        _event(name, fields, section)
        for section in sections
        if section.title == EVENTS
        for name, fields in _by_event(section.fields)
    )


def _by_event(fields: Sequence[Field]) -> Iterator[tuple[str, list[Field]]]:
    name, kept = "", list[Field]()
    for each in fields:
        own = each.name.partition(":")[0]
        if own != name and kept:
            yield name, kept
            kept = []
        name = own
        kept.append(each)
    if kept:
        yield name, kept


def _event(name: str, fields: Sequence[Field], section: Section) -> Branch:
    """What cannot be read of a log is a branch of its own, with the note that says why."""
    register, comma, kind = fields[0].value.partition(", ")
    data = fields[-1]
    digests = [each for each in fields if ": digest" in each.name]
    details = [Detail(each.name.partition(": ")[2] or each.name, _noted(each)) for each in fields]
    return Branch(
        key=f"event.{name}",
        cells=(
            name.removeprefix("event "),
            register if comma else "",
            kind if comma else fields[0].note,
            digests[-1].raw.hex() if digests else "",
            data.value,
        ),
        details=(*details, Detail(_("Specification"), section.specification)),
        data=Bytes(data.raw, 0, data.size) if data.raw else None,
        document=[field_document(each) for each in fields],
    )


def _noted(found: Field) -> str:
    return f"{found.value} ({found.note})" if found.note else found.value


# ---- as JSON ----


def section_document(section: Section) -> JsonObject:
    return {
        "title": section.title,
        "specification": section.specification,
        "fields": [field_document(each) for each in section.fields],
    }


def field_document(found: Field) -> JsonObject:
    return {
        "name": found.name,
        "offset": found.offset,
        "size": found.size,
        "value": found.value,
        "note": found.note,
        "bytes": b64(found.raw),
    }

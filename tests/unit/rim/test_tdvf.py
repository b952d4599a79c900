"""MRTD of made-up firmware images, beside a straightforward computation; every bad form refused."""

import hashlib
import struct
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.rim.tdvf import MAX_IMAGE, PageOrder, SectionType, mrtd, read_sections

PAGE = 4096
BFV, CFV, HOB, TEMP, PERM = range(5)


@dataclass(frozen=True)
class Part:
    """A section as a descriptor lists it."""

    kind: int
    offset: int
    size: int
    address: int
    memory: int
    attributes: int


BOOT = Part(BFV, PAGE, 2 * PAGE, 0xFFFFD000, 3 * PAGE, 1)
GOOD = (
    BOOT,
    Part(CFV, 0, PAGE, 0xFFFFC000, PAGE, 0),
    Part(TEMP, 0, 0, 0x810000, 2 * PAGE, 0),
    Part(HOB, 0, 0, 0x809000, PAGE, 0),
    Part(TEMP, 0, 0, 0x820000, PAGE, 1),
    Part(PERM, 0, 0, 0x900000, 64 * PAGE, 2),
)


def image(*parts: Part, table: bool = True, version: int = 1, count: int | None = None) -> bytes:
    """Three pages of data, the last of which ends with descriptor, GUID table and reset vector."""
    body = bytearray(hashlib.shake_256(b"firmware").digest(4 * PAGE))
    descriptor = b"TDVF" + struct.pack("<III", 16 + 32 * len(parts), version, count or len(parts))
    for each in parts:
        descriptor += struct.pack(
            "<IIQQII",
            each.offset,
            each.size,
            each.address,
            each.memory,
            each.kind,
            each.attributes,
        )
    place = 4 * PAGE - 1024
    body[place : place + len(descriptor)] = descriptor
    if table:
        entry = struct.pack("<IH", 1024, 22) + UUID("e47a6535-984a-4798-865e-4685a7bf8ec2").bytes_le
        other = b"data" + struct.pack("<H", 22) + bytes(16)
        footer = struct.pack("<H", 62) + UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
        whole = other + entry + footer
        body[-32 - len(whole) : -32] = whole
    else:
        body[-32:-28] = struct.pack("<I", place)
    return bytes(body)


def oracle(raw: bytes, parts: tuple[Part, ...], *, by_section: bool) -> bytes:
    """All that the TDX module hashes, as one long text."""
    text = b""
    for part in parts:
        if part.attributes & 2:
            continue
        content = raw[part.offset : part.offset + part.size] + bytes(part.memory - part.size)
        adds, extends = [], []
        for number in range(part.memory // PAGE):
            gpa = part.address + number * PAGE
            adds.append(b"MEM.PAGE.ADD\0\0\0\0" + struct.pack("<Q104x", gpa))
            chunks = b""
            for at in range(0, PAGE, 256):
                chunks += b"MR.EXTEND" + bytes(7) + struct.pack("<Q104x", gpa + at)
                chunks += content[number * PAGE + at :][:256]
            extends.append(chunks if part.attributes & 1 else b"")
        if by_section:
            text += b"".join(adds) + b"".join(extends)
        else:
            text += b"".join(a + e for a, e in zip(adds, extends, strict=True))
    return hashlib.sha384(text).digest()


@pytest.mark.parametrize("table", [True, False])
def test_mrtd_is_what_the_module_would_hash(table: bool) -> None:
    raw = image(*GOOD, table=table)
    assert mrtd(raw) == oracle(raw, GOOD, by_section=False)
    assert mrtd(raw, PageOrder.SECTION) == oracle(raw, GOOD, by_section=True)
    assert mrtd(raw) != mrtd(raw, PageOrder.SECTION)
    assert [each.kind for each in read_sections(raw)] == [SectionType(each.kind) for each in GOOD]


def test_what_is_measured_changes_it_and_what_is_not_does_not() -> None:
    raw = image(*GOOD)
    boot, settings = bytearray(raw), bytearray(raw)
    boot[PAGE] ^= 1
    settings[0] ^= 1
    assert mrtd(bytes(boot)) != mrtd(raw)
    assert mrtd(bytes(settings)) == mrtd(raw)
    moved = (replace(GOOD[2], address=0x830000), *GOOD[:2], *GOOD[3:])
    assert mrtd(image(*moved)) != mrtd(raw)


@pytest.mark.parametrize(
    "part",
    [
        replace(BOOT, kind=5),
        replace(BOOT, kind=0xFFFFFFFF),
        replace(BOOT, address=0xFFFFD001),
        replace(BOOT, memory=3 * PAGE + 1),
        replace(BOOT, memory=0),
        replace(BOOT, memory=PAGE),
        replace(BOOT, size=0),
        replace(BOOT, offset=3 * PAGE),
        replace(BOOT, offset=0xFFFFFFFF),
        replace(BOOT, attributes=3),
        replace(BOOT, attributes=2),
        replace(BOOT, attributes=4),
        replace(BOOT, attributes=0),
        replace(BOOT, address=1 << 60),
        replace(BOOT, memory=1 << 40),
        Part(HOB, 0, 0, 0x809000, PAGE, 1),
        Part(TEMP, 0, PAGE, 0x809000, PAGE, 0),
        Part(TEMP, 0, 0, 0xFFFFD000, PAGE, 0),
    ],
)
def test_a_section_that_no_vmm_should_load_is_refused(part: Part) -> None:
    parts = (part, *GOOD[1:]) if part.kind not in (HOB, TEMP) else (*GOOD[:1], part)
    with pytest.raises(MalformedEvidence):
        mrtd(image(*parts))


def test_a_descriptor_of_another_form_is_refused() -> None:
    for raw in (
        b"",
        bytes(32),
        bytes(PAGE),
        b"\xff" * PAGE,
        image(*GOOD, version=2),
        image(*GOOD, count=7),
        image(*GOOD, count=1 << 31),
        image(*GOOD)[:-1],
        image(*GOOD).replace(b"TDVF", b"TDVX"),
        image(),
        bytes(MAX_IMAGE + 1),
    ):
        with pytest.raises(MalformedEvidence):
            mrtd(raw)


def test_a_table_of_guids_cannot_lead_outside_or_in_circles() -> None:
    raw = image(*GOOD)
    at = len(raw) - 32
    for place, value in (
        (at - 18, 0),
        (at - 18, 0xFFFF),
        (at - 18, 17),
        (at - 36, 0),
        (at - 36, 9),
    ):
        bent = bytearray(raw)
        bent[place : place + 2] = struct.pack("<H", value)
        with pytest.raises(MalformedEvidence):
            mrtd(bytes(bent))
    for offset in (0, 3, 0xFFFFFFFF, len(raw) + 1):
        bent = bytearray(raw)
        bent[at - 40 : at - 36] = struct.pack("<I", offset)
        with pytest.raises(MalformedEvidence):
            mrtd(bytes(bent))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (Part(5, 0, 0, 0x810000, PAGE, 0), "the VMM's, or unknown"),
        (Part(TEMP, 0, 0, 0x810000, PAGE, 4), "attributes that are not known"),
        (Part(TEMP, 0, 0, 0x810000, PAGE, 3), "attributes that are not known"),
        (Part(TEMP, 0, 0, 0x810001, PAGE, 0), "whole pages"),
        (Part(TEMP, 0, 0, 0x810000, PAGE + 1, 0), "whole pages"),
        (Part(TEMP, 0, 0, 0x810000, 0, 0), "whole pages"),
        (Part(TEMP, 0, 0, 1 << 52, PAGE, 0), "whole pages"),
        (Part(CFV, 0, 2 * PAGE, 0x810000, PAGE, 0), "more data than there are"),
        (Part(CFV, 4 * PAGE - 8, PAGE, 0x810000, PAGE, 0), "more data than there are"),
        (Part(CFV, 0, 0, 0x810000, PAGE, 0), "other data than it may have"),
        (Part(TEMP, 0, 8, 0x810000, PAGE, 0), "other data than it may have"),
        (Part(CFV, 0, PAGE, 0x810000, PAGE, 2), "not loaded"),
        (Part(HOB, 0, 0, 0x810000, PAGE, 1), "measured TD HOB"),
        (Part(TEMP, 0, 0, 0x810000, 65 << 20, 0), "too much memory"),
        (Part(TEMP, 0, 0, 0xFFFFF000, PAGE, 0), "overlap"),
    ],
)
def test_each_fault_of_a_section_beside_a_good_volume_is_named(part: Part, says: str) -> None:
    with pytest.raises(MalformedEvidence, match=says):
        read_sections(image(BOOT, part))


def test_a_volume_that_is_not_measured_says_nothing() -> None:
    for parts in ((replace(BOOT, attributes=0),), (GOOD[2],)):
        with pytest.raises(MalformedEvidence, match="no measured boot volume"):
            read_sections(image(*parts))


def test_memory_that_is_added_later_is_no_part_of_what_is_loaded() -> None:
    large = Part(PERM, 0, 0, 0xFFF00000, 1 << 30, 2)
    assert mrtd(image(BOOT, large)) == mrtd(image(BOOT))


def test_each_fault_of_a_descriptor_is_named() -> None:
    many = tuple(replace(GOOD[2], address=0x1000000 + n * 2 * PAGE) for n in range(64))
    short, header = bytes(16), image(BOOT)[3 * PAGE :].index(b"TDVF") + 3 * PAGE
    for raw, says in (
        (bytes(MAX_IMAGE + 1), "too large"),
        (short, "too short"),
        (image(), "descriptor of another size"),
        (with_room(BOOT, *many), "descriptor of another size"),
        (image(BOOT, count=2), "descriptor of another size"),
        (image(BOOT, version=2), "another version"),
        (pointing(image(BOOT), 4, b"TDVF"), "no TDX descriptor"),
        (pointing(image(BOOT), 16, image(BOOT)[header : header + 16]), "inside its descriptor"),
        # Counted from the end, as a careless reader would, this is the descriptor again.
        (pointing(image(BOOT), 4 * PAGE + 1024), "no TDX descriptor"),
    ):
        with pytest.raises(MalformedEvidence, match=says):
            read_sections(raw)


def with_room(*parts: Part) -> bytes:
    """Too many sections for the place that `image` has: the descriptor stands at the front."""
    descriptor = b"TDVF" + struct.pack("<III", 16 + 32 * len(parts), 1, len(parts))
    for each in parts:
        descriptor += struct.pack(
            "<IIQQII",
            each.offset,
            each.size,
            each.address,
            each.memory,
            each.kind,
            each.attributes,
        )
    raw = bytearray(image(BOOT))
    raw[: len(descriptor)] = descriptor
    return pointing(bytes(raw), len(raw))


def pointing(raw: bytes, back: int, tail: bytes = b"") -> bytes:
    """The table's descriptor stands `back` bytes before the image's end, which is `tail`."""
    bent = bytearray(raw)
    bent[len(raw) - 72 : len(raw) - 68] = struct.pack("<I", back)
    bent[len(raw) - len(tail) :] = tail
    return bytes(bent)


def test_each_fault_of_a_table_is_named() -> None:
    raw, at = image(BOOT), 4 * PAGE - 32
    metadata = raw[at - 34 : at - 18]
    for place, value, says in (
        (at - 18, b"\0\0", "impossible size"),
        (at - 18, b"\x11\0", "impossible size"),
        (at - 18, b"\xff\xff", "impossible size"),
        (at - 36, b"\0\0", "impossible entry"),
        (at - 36, b"\x11\0", "impossible entry"),
        (at - 36, b"\xff\0", "impossible entry"),
        (at - 34, bytes(16), "not made for TDX"),
        (at - 56, metadata, "not made for TDX"),
        (at - 36, b"\x12\0" + metadata + b"\x24\0", "not made for TDX"),  # without a value
    ):
        bent = bytearray(raw)
        bent[place : place + len(value)] = value
        with pytest.raises(MalformedEvidence, match=says):
            read_sections(bytes(bent))


def test_a_footer_without_room_for_its_length_is_no_table() -> None:
    footer = UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
    with pytest.raises(MalformedEvidence, match="no TDX descriptor"):
        read_sections(b"\0" + footer + b"\xff" * 32)

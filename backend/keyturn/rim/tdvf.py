"""MRTD of a TD from its virtual firmware (TDVF): what a VMM loads, measured as the TDX module does.

Sources: Intel TDX Virtual Firmware Design Guide §11 (descriptor, sections, attributes); Intel TDX
Module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND (128 bytes each, the latter followed by 256 bytes of
the page); edk2 OvmfPkg/ResetVector/X64/OvmfMetadata (table of GUIDs before the reset vector).
Little endian. Every page that is added is measured by its address, pages of a section with EXTENDMR
also by their content. The sections' order is the descriptor's.

Not computed here: an image that leaves what is measured to the VMM (a measured TD HOB, a payload).
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import pairwise
from uuid import UUID

from keyturn.attest.errors import MalformedEvidence

MAX_IMAGE = 64 << 20
PAGE = 4096
CHUNK = 256
MAX_MEMORY = 64 << 20
MAX_SECTIONS = 64
_SIGNATURE = b"TDVF"
_HEADER, _SECTION = 16, 32
_EXTENDMR, _PAGE_AUG = 1, 2
_FOOTER = UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
_METADATA = UUID("e47a6535-984a-4798-865e-4685a7bf8ec2").bytes_le
_BEHIND_TABLE = 32  # reset vector and what stands between
_ENTRY = 18  # length (2), GUID (16), behind the entry's data
_WHAT = "TDVF image"


class SectionType(IntEnum):
    """Design guide, table "TDVF section type"."""

    BFV = 0
    CFV = 1
    TD_HOB = 2
    TEMP_MEM = 3
    PERM_MEM = 4


class PageOrder(Enum):
    """When a VMM extends MRTD by the content of pages that it added."""

    PAGE = "page"  # each page right after it was added, as KVM does (Linux 6.16)
    SECTION = "section"  # a section's pages after all of them were added, as older VMMs do


@dataclass(frozen=True, slots=True)
class Section:
    """One section: where its data stand in the image and in the TD's memory, in bytes."""

    kind: SectionType
    data_offset: int
    data_size: int
    address: int
    memory_size: int
    attributes: int

    @property
    def measured(self) -> bool:
        return bool(self.attributes & _EXTENDMR)

    @property
    def added(self) -> bool:
        """Whether its pages are part of the TD before it starts."""
        return not self.attributes & _PAGE_AUG


def mrtd(image: bytes, order: PageOrder = PageOrder.PAGE) -> bytes:
    """48 bytes. Raises MalformedEvidence for an image that no VMM should load."""
    digest = hashlib.sha384()
    for section in read_sections(image):
        if not section.added:
            continue
        places = range(section.address, section.address + section.memory_size, PAGE)
        if order is PageOrder.SECTION:
            for gpa in places:
                digest.update(_added(gpa))
        for gpa in places:
            if order is PageOrder.PAGE:
                digest.update(_added(gpa))
            if section.measured:
                digest.update(_extended(gpa, _content(image, section, gpa)))
    return digest.digest()


def read_sections(image: bytes) -> tuple[Section, ...]:
    """The descriptor's sections, in its order. Raises MalformedEvidence."""
    if len(image) > MAX_IMAGE:
        raise _bad("is too large", f"{len(image)} bytes", f"at most {MAX_IMAGE}")
    at = _descriptor(image)
    if at < 0 or at + _HEADER > len(image) or image[at : at + 4] != _SIGNATURE:
        raise _bad("has no TDX descriptor where it says", str(at), "'TDVF' inside the image")
    size, version, count = struct.unpack_from("<III", image, at + 4)
    if version != 1:
        raise _bad("has a descriptor of another version", str(version), "1")
    if not 1 <= count <= MAX_SECTIONS or size != _HEADER + count * _SECTION:
        raise _bad("has a descriptor of another size", f"{count} sections in {size} bytes")
    if at + size > len(image):
        raise _bad("ends inside its descriptor", f"{len(image)} bytes")
    sections = tuple(_section(image, at + _HEADER + place * _SECTION) for place in range(count))
    _check_memory(sections)
    return sections


def _descriptor(image: bytes) -> int:
    """Its offset: from the table of GUIDs, or, as the design guide has it, by a pointer."""
    table = _table(image)
    if table is not None:
        found = [data for guid, data in table if guid == _METADATA]
        if len(found) != 1 or len(found[0]) != 4:
            raise _bad("is not made for TDX", f"{len(found)} descriptors", "one in its GUID table")
        return len(image) - int.from_bytes(found[0], "little")
    if len(image) < _BEHIND_TABLE:
        raise _bad("is too short", f"{len(image)} bytes")
    return int(struct.unpack_from("<I", image, len(image) - _BEHIND_TABLE)[0])


def _table(image: bytes) -> Sequence[tuple[bytes, bytes]] | None:
    """GUIDs with their data, the last first; None without a table."""
    end = len(image) - _BEHIND_TABLE
    if end < _ENTRY or image[end - 16 : end] != _FOOTER:
        return None
    size = int.from_bytes(image[end - _ENTRY : end - 16], "little")
    begin, end = end - size, end - _ENTRY
    if size < _ENTRY or begin < 0:
        raise _bad("has a GUID table of an impossible size", f"{size} bytes")
    found = []
    while end > begin:
        length = int.from_bytes(image[end - _ENTRY : end - 16], "little")
        if length < _ENTRY or end - length < begin:
            raise _bad("has a GUID table with an impossible entry", f"{length} bytes")
        found.append((image[end - 16 : end], image[end - length : end - _ENTRY]))
        end -= length
    return found


def _section(image: bytes, at: int) -> Section:
    offset, size, address, memory, kind, attributes = struct.unpack_from("<IIQQII", image, at)
    if kind not in set(SectionType):
        raise _bad(
            "has a section whose content is the VMM's, or unknown",
            f"type {kind}",
            ", ".join(each.name for each in SectionType),
        )
    found = Section(SectionType(kind), offset, size, address, memory, attributes)
    if attributes & ~(_EXTENDMR | _PAGE_AUG) or (found.measured and not found.added):
        raise _bad("has a section with attributes that are not known", f"{attributes:#x}")
    if address % PAGE or memory % PAGE or not memory or address + memory > 1 << 52:
        raise _bad("has a section that is not of whole pages", f"{memory:#x} at {address:#x}")
    if size > memory or offset + size > len(image):
        raise _bad("has a section of more data than there are", f"{size} bytes at {offset}")
    _check_kind(found)
    return found


def _check_kind(section: Section) -> None:
    """What each type may be (design guide, §11.2)."""
    volumes = section.kind in {SectionType.BFV, SectionType.CFV}
    if bool(section.data_size) != volumes:
        expected = "some" if volumes else "none"
        raise _bad(
            f"has a {section.kind.name} section with other data than it may have",
            f"{section.data_size} bytes",
            expected,
        )
    if volumes and not section.added:
        raise _bad(
            f"has a {section.kind.name} section that is not loaded",
            "PAGE.AUG",
            "loaded at the start",
        )
    if section.kind is SectionType.TD_HOB and section.measured:
        raise _bad("has a measured TD HOB, whose content is the VMM's", "EXTENDMR", "not measured")


def _check_memory(sections: Sequence[Section]) -> None:
    added = sorted((each for each in sections if each.added), key=lambda each: each.address)
    if sum(each.memory_size for each in added) > MAX_MEMORY:
        raise _bad("loads too much memory", expected=f"at most {MAX_MEMORY} bytes")
    for one, other in pairwise(added):
        if one.address + one.memory_size > other.address:
            raise _bad("has sections that overlap", f"at {other.address:#x}", "each page once")
    if not any(each.kind is SectionType.BFV and each.measured for each in added):
        raise _bad("has no measured boot volume: MRTD would say nothing", expected="a BFV")


def _content(image: bytes, section: Section, gpa: int) -> bytes:
    """One page: the section's data, and zeros behind them."""
    start = gpa - section.address
    end = max(start, min(start + PAGE, section.data_size))
    return image[section.data_offset + start : section.data_offset + end].ljust(PAGE, b"\0")


def _added(gpa: int) -> bytes:
    """TDH.MEM.PAGE.ADD: 128 bytes, name and address in them at 0 and 16."""
    return b"MEM.PAGE.ADD".ljust(16, b"\0") + gpa.to_bytes(8, "little") + bytes(104)


def _extended(gpa: int, page: bytes) -> bytes:
    """TDH.MR.EXTEND for each 256 bytes: 128 bytes as above, and the content."""
    parts = []
    for start in range(0, PAGE, CHUNK):
        place = (gpa + start).to_bytes(8, "little")
        parts.append(b"MR.EXTEND".ljust(16, b"\0") + place + bytes(104))
        parts.append(page[start : start + CHUNK])
    return b"".join(parts)


def _bad(why: str, found: str = "", expected: str = "") -> MalformedEvidence:
    return MalformedEvidence(f"{_WHAT} {why}", found=found, expected=expected)

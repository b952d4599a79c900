"""What a manifest says: a SWID tag (ISO/IEC 19770-2:2015) with NVIDIA's measurements.

Read from signed bytes only (`keyturn.rim.verify`), and strictly: an element, a kind of resource
or a value that is not known here could be a condition, so it is refused, not skipped. Source:
NVIDIA nvtrust rim/__init__.py (parse_measurements), golden_measurement.py.
"""

import re

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.nvidia_rims import Rim, kind_of
from keyturn.rim.xmltree import Element, XmlDocument

MAX_INDEX = 254
MAX_ALTERNATIVES = 64
MAX_VALUE = 64
_SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_HASH = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+\Z")
_FIELDS = frozenset({"type", "index", "active", "alternatives", "name", "size"})
_ACTIVE = {"True": True, "False": False}


def read_swid(content: bytes, source: str) -> Rim:
    """Read what was signed. `source` says of the manifest who signed it.

    Raises MalformedEvidence.
    """
    root = XmlDocument(content).root
    if root.tag != f"{_SWID}SoftwareIdentity":
        raise _bad("is no SoftwareIdentity", root.tag, "SoftwareIdentity")
    unknown = {child.tag for child in root.children} - {
        f"{_SWID}{name}" for name in ("Entity", "Meta", "Payload")
    }
    if unknown or root.text.strip():
        raise _bad("has an unknown part", min(unknown, default="text"), "Entity, Meta, Payload")
    meta, payload = _one(root, "Meta"), _one(root, "Payload")
    version = _attribute(meta, "colloquialVersion").upper()
    edition = _attribute(meta, "edition")
    kind = kind_of(edition, version)
    if kind is None:
        raise _bad(
            "is of no kind that is known here",
            f"edition {edition}, version {version}",
            "a GPU driver, a VBIOS or a switch BIOS",
        )
    tag = _attribute(root, "tagId")
    return Rim(
        kind=kind,
        product=_attribute(meta, "product"),
        version=version,
        active=_active(payload),
        source=f"NVIDIA RIM {kind.value} {version}, tag {tag[:16]}, {source}",
    )


def _active(payload: Element) -> dict[int, frozenset[bytes]]:
    """The active measurements; each index stands once, active or not."""
    seen: set[int] = set()
    active: dict[int, frozenset[bytes]] = {}
    if payload.text.strip():
        raise _bad("has text among its measurements", payload.text.strip(), "none")
    for resource in payload.children:
        index, values, is_active = _measurement(resource)
        if index in seen:
            raise _bad("names an index twice", str(index), "each once")
        seen.add(index)
        if is_active:
            active[index] = values
    if not active:
        raise _bad("has no active measurement", "none", "at least one")
    return active


def _measurement(resource: Element) -> tuple[int, frozenset[bytes], bool]:
    if resource.tag != f"{_SWID}Resource" or resource.attributes.get("type") != "Measurement":
        raise _bad("has an unknown resource", str(dict(resource.attributes)), "a Measurement")
    if resource.children or resource.text.strip():
        raise _bad("has something inside a measurement", resource.text.strip(), "nothing")
    index = _number(resource, "index", 0, MAX_INDEX)
    count = _number(resource, "alternatives", 1, MAX_ALTERNATIVES)
    size = _number(resource, "size", 1, MAX_VALUE)
    names = [f"{_HASH}{number}" for number in range(count)]
    if resource.attributes.keys() != _FIELDS | set(names):
        raise _bad(
            f"has measurement {index} with other fields",
            ", ".join(sorted(resource.attributes.keys() ^ (_FIELDS | set(names)))),
            f"{count} alternatives",
        )
    active = _ACTIVE.get(resource.attributes["active"])
    if active is None:
        raise _bad(
            "has a measurement that is neither", resource.attributes["active"], "True, False"
        )
    return index, frozenset(_value(resource.attributes[n], size) for n in names), active


def _value(text: str, size: int) -> bytes:
    if not _HEX.match(text) or len(text) != 2 * size:
        raise _bad("has a value of another form", text, f"{size} bytes in hex")
    return bytes.fromhex(text)


def _number(element: Element, name: str, low: int, high: int) -> int:
    text = _attribute(element, name)
    if not _NUMBER.match(text) or not low <= int(text) <= high:
        raise _bad(f"has another {name}", text, f"{low} to {high}")
    return int(text)


def _attribute(element: Element, name: str) -> str:
    value = element.attributes.get(name, "")
    if not value or len(value) > 200 or not value.isprintable():
        raise _bad(f"has no usable {name}", value, "a short text")
    return value


def _one(root: Element, name: str) -> Element:
    found = root.named(f"{_SWID}{name}")
    if len(found) != 1:
        raise _bad(f"has not one {name}", str(len(found)), "1")
    return found[0]


def _bad(thing: str, found: str, expected: str) -> MalformedEvidence:
    return MalformedEvidence(f"manifest {thing}", found=found[:200], expected=expected)

"""XML as frozen values, from a parser that is given nothing to play with; and Canonical XML.

The one module that knows lxml, which comes with the roles `app` and `control`. Refused before
the parser sees them: document types (so entities), comments, CDATA, processing instructions,
other encodings than UTF-8, too many or too large pieces. Without comments, `xml:` attributes and
document subsets, Canonical XML 1.1 and 1.0 (inclusive) write the same bytes.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.errors import UnreachableError

MAX_XML = 256 << 10
MAX_DEPTH = 8
MAX_TAGS = 1024
MAX_ATTRIBUTES = 4096
_DECLARATION = re.compile(
    rb"""<\?xml version=["']1\.0["'](?: encoding=["'](?:utf-8|UTF-8)["'])?"""
    rb"""(?: standalone=["'](?:yes|no)["'])?\s*\?>"""
)
_XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"
_HINT = "Install Keyturn's role control or app: pip install 'keyturn[control]'."


@dataclass(frozen=True, slots=True)
class Element:
    """Names are `{namespace}name`. `text` is all text directly inside, in order."""

    tag: str
    attributes: Mapping[str, str] = field(hash=False)
    text: str
    children: tuple["Element", ...]

    def named(self, tag: str) -> tuple["Element", ...]:
        """The children of this name."""
        return tuple(child for child in self.children if child.tag == tag)

    def count(self, tag: str) -> int:
        """How many elements of this name there are, this one and all below it."""
        return (self.tag == tag) + sum(child.count(tag) for child in self.children)


class XmlDocument:
    """One parsed document. Raises MalformedEvidence; UnreachableError where lxml is missing."""

    def __init__(self, raw: bytes) -> None:
        _check_bytes(raw)
        self._etree = _library()
        self._top = _parse(self._etree, raw)
        self.root = _element(self._top, 1)

    def canonical(self, *path: int) -> bytes:
        """The element that these child numbers lead to, as inclusive Canonical XML."""
        found = self._top
        for number in path:
            found = found[number]
        return self._write(found)

    def canonical_without(self, number: int) -> bytes:
        """The document without its root's child of this number (the enveloped transform)."""
        top = deepcopy(self._top)
        removed = top[number]
        if removed.tail:  # text after an element belongs to what is around it
            before = removed.getprevious()
            if before is None:
                top.text = (top.text or "") + removed.tail
            else:
                before.tail = (before.tail or "") + removed.tail
        top.remove(removed)
        return self._write(top)

    def _write(self, element: Any) -> bytes:
        try:
            written = self._etree.tostring(
                element, method="c14n", exclusive=False, with_comments=False
            )
        except self._etree.C14NError as error:
            raise MalformedEvidence(f"XML has no canonical form: {error}") from error
        return bytes(written)


def _check_bytes(raw: bytes) -> None:
    if len(raw) > MAX_XML:
        raise _bad("is too large", f"{len(raw)} bytes", f"at most {MAX_XML} bytes")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvidence("XML is not UTF-8") from error
    declaration = _DECLARATION.match(raw)
    body = raw[declaration.end() :] if declaration else raw
    if not body.lstrip(b"\r\n\t ").startswith(b"<") or b"\0" in raw:
        raise _bad("does not begin with an element", raw[:4].hex(), "<")
    # No raw "<" may stand in text or values: these are markup wherever they stand.
    for markup, what in ((b"<!", "a document type, comment or CDATA"), (b"<?", "an instruction")):
        if markup in body:
            raise _bad("has markup that no manifest needs", what, "elements and text only")
    tags, attributes = body.count(b"<"), body.count(b"=")
    if tags > MAX_TAGS or attributes > MAX_ATTRIBUTES:
        raise _bad("has too many pieces", f"{tags} tags, {attributes} attributes", "fewer")


def _library() -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        raise UnreachableError("no reader of XML is installed", hint=_HINT) from error
    return etree


def _parse(etree: Any, raw: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        strip_cdata=False,
    )
    try:
        return etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedEvidence(f"XML is not well formed: {error}") from error


def _element(node: Any, depth: int) -> Element:
    if depth > MAX_DEPTH:
        raise _bad("is nested too deeply", f"more than {MAX_DEPTH} levels", f"{MAX_DEPTH} levels")
    attributes = {str(name): str(value) for name, value in node.attrib.items()}
    if any(name.startswith(_XML_NAMESPACE) for name in attributes):
        raise _bad("has an xml: attribute", str(sorted(attributes)), "none")
    text = [node.text or "", *(child.tail or "" for child in node)]
    children = tuple(_element(child, depth + 1) for child in node)
    return Element(str(node.tag), MappingProxyType(attributes), "".join(text), children)


def _bad(thing: str, found: str, expected: str) -> MalformedEvidence:
    return MalformedEvidence(f"XML {thing}", found=found[:200], expected=expected)

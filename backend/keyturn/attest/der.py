"""DER (X.690) read strictly: definite minimal lengths, low tag numbers, every byte accounted for.

AMD's VCEK certificates have serial number 0, which common X.509 readers warn about or refuse
(RFC 5280 §4.1.2.2 wants it positive), so certificates are read here.
"""

from datetime import UTC, datetime

from keyturn.attest.errors import MalformedEvidence

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

# Python refuses to write numbers of more than 4,300 digits: none so large gets past here.
_ARC_BITS = 128  # a UUID below 2.25 is the longest arc in use (ITU-T X.667)
_INTEGER_BYTES = 1024  # RSA-4096 has 513


class DerReader:
    """A cursor over the elements between two offsets. Every reader raises MalformedEvidence."""

    __slots__ = ("_at", "_data", "_end", "_what")

    def __init__(self, data: bytes, what: str, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._what = what
        self._at = start
        self._end = len(data) if end is None else end

    @property
    def tag(self) -> int | None:
        """The next element's tag; None at the end."""
        return self._data[self._at] if self._at < self._end else None

    def element(self, tag: int) -> bytes:
        """The content of the next element, which must have `tag`."""
        start, end = self._step(tag)
        return self._data[start:end]

    def whole(self, tag: int) -> bytes:
        """The next element with its header, which must have `tag`."""
        begin = self._at
        _, end = self._step(tag)
        return self._data[begin:end]

    def inside(self, tag: int) -> "DerReader":
        """A reader of the next element's content."""
        start, end = self._step(tag)
        return DerReader(self._data, self._what, start, end)

    def integer(self) -> int:
        """An INTEGER of any sign in its shortest form."""
        content = self.element(INTEGER)
        if len(content) > _INTEGER_BYTES:
            raise self._bad(f"an integer of {len(content)} bytes")
        if not content or (len(content) > 1 and content[0] in (0, 255) and _extends(content)):
            raise self._bad("an integer not in its shortest form")
        return int.from_bytes(content, "big", signed=True)

    def enumerated(self) -> int:
        """An ENUMERATED of one byte, 0 to 127: no format here has more."""
        content = self.element(ENUMERATED)
        if len(content) != 1 or content[0] > 0x7F:
            raise self._bad("an enumerated value that is not one byte")
        return content[0]

    def boolean(self) -> bool:
        content = self.element(BOOLEAN)
        if content not in (b"\x00", b"\xff"):
            raise self._bad("a boolean that is neither 00 nor FF")
        return content == b"\xff"

    def oid(self) -> str:
        """An OBJECT IDENTIFIER in dotted form."""
        return _dotted(self.element(OID), self)

    def bits(self) -> bytes:
        """A BIT STRING of whole bytes."""
        content = self.element(BIT_STRING)
        if not content or content[0] != 0:
            raise self._bad("a bit string that is not whole bytes")
        return content[1:]

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them."""
        tag = self.tag
        if tag not in (UTC_TIME, GENERALIZED_TIME):
            raise self._bad("no time where one belongs")
        text = self.element(tag).decode("latin-1")
        if tag == UTC_TIME and len(text) == 13:
            text = ("20" if text[:2] < "50" else "19") + text
        if len(text) != 15 or not text[:14].isdecimal() or text[14] != "Z":
            raise self._bad("a time in another form than YYYYMMDDHHMMSSZ")
        try:
            year, month, day, hour, minute, second = (
                int(text[a:b]) for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
            )
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise self._bad("an impossible time") from error

    def done(self) -> None:
        """Refuse what was not read."""
        if self._at != self._end:
            raise self._bad(f"{self._end - self._at} bytes too many")

    def _step(self, tag: int) -> tuple[int, int]:
        data, at = self._data, self._at
        if at + 2 > self._end or data[at] != tag:
            found = f"{data[at]:#04x}" if at < self._end else "the end"
            raise self._bad(f"{found} where tag {tag:#04x} belongs")
        size = data[at + 1]
        start = at + 2
        if size >= 0x80:
            octets = size & 0x7F
            start += octets
            if not 1 <= octets <= 3 or start > self._end:
                raise self._bad("a length that is indefinite, huge or cut off")
            size = int.from_bytes(data[at + 2 : start], "big")
            if size < 0x80 or size >> (8 * (octets - 1)) == 0:
                raise self._bad("a length not in its shortest form")
        end = start + size
        if end > self._end:
            raise self._bad("an element longer than what holds it")
        self._at = end
        return start, end

    def _bad(self, thing: str) -> MalformedEvidence:
        return MalformedEvidence(f"{self._what}: DER has {thing}")


def _extends(content: bytes) -> bool:
    return (content[0] == 0) == (content[1] < 0x80)


def _dotted(content: bytes, reader: DerReader) -> str:
    if not content or content[-1] & 0x80:
        raise reader._bad("an object identifier that is cut off")
    arcs: list[int] = []
    value = 0
    for place, octet in enumerate(content):
        if value == 0 and octet == 0x80:
            raise reader._bad(f"an object identifier not in its shortest form at {place}")
        value = (value << 7) | (octet & 0x7F)
        if value >> _ARC_BITS:
            raise reader._bad("an object identifier with a huge arc")
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

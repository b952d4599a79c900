"""CBOR (RFC 8949) read strictly, as reference values of others come. Only here is `cbor2` imported.

Definite lengths, no key twice, bounded depth and size, nothing behind the item; tags that make the
reader do more than read (shared references, regular expressions, big and decimal numbers) are
refused. Values are plain: numbers, texts, bytes, lists, maps, tags.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NoReturn

import cbor2

from keyturn.attest.errors import MalformedEvidence

MAX_CBOR = 1 << 20
MAX_DEPTH = 32
_MAX_ITEMS = 65_536
# Tags with a meaning of their own in the library: each is kept as a tag, or refused.
_KEPT = (0, 1, 32, 37)
_REFUSED = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 43000, 256, 258, 260, 261, 100, 1004, 52, 54)

_STRINGS = (2, 3)  # major types: bytes, text

Tag = cbor2.CBORTag


def read_cbor(raw: bytes, what: str) -> Any:
    """One item. Maps are `dict`, lists `list`, tags `Tag`. Raises MalformedEvidence."""
    if len(raw) > MAX_CBOR:
        raise MalformedEvidence(f"{what} is too large", found=f"{len(raw)} bytes")
    _count(raw, what)
    file = BytesIO(raw)
    try:
        found = cbor2.CBORDecoder(
            file,
            read_size=1,  # so that the file ends where the item does
            semantic_decoders=_DECODERS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        ).decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedEvidence(f"{what} is not CBOR as it is read here: {error}") from error
    rest = file.read()
    if rest:
        raise MalformedEvidence(f"{what} has {len(rest)} bytes too many")
    return _plain(found, what)


def write_cbor(value: Any) -> bytes:
    """As COSE signs it: definite lengths, shortest numbers (RFC 8949 §4.2.1)."""
    return cbor2.dumps(value, canonical=True)


def _keep(number: int) -> Callable[[Any, bool], Any]:
    return lambda value, _: Tag(number, value)


def _refuse(number: int) -> Callable[[Any, bool], NoReturn]:
    def decoder(_value: Any, _immutable: bool) -> NoReturn:
        raise ValueError(f"tag {number} is not read here")

    return decoder


_DECODERS: dict[int, Callable[[Any, bool], Any]] = {
    **{number: _keep(number) for number in _KEPT},
    **{number: _refuse(number) for number in _REFUSED},
}


def _count(raw: bytes, what: str) -> None:
    """Refuse more items than any file has, before the library makes a value of each.

    Items stand one behind the other, however they are nested. What is no definite head (RFC 8949
    §3) ends the count: the library gets that far, and refuses it.
    """
    at = count = 0
    while at < len(raw):
        major, short = raw[at] >> 5, raw[at] & 0x1F
        if short > 27:
            return
        size = 0 if short < 24 else 1 << (short - 24)
        value = int.from_bytes(raw[at + 1 : at + 1 + size], "big") if size else short
        at += 1 + size + (value if major in _STRINGS else 0)
        count += 1
        if count > _MAX_ITEMS:
            raise MalformedEvidence(f"{what} has too many items", expected=f"at most {_MAX_ITEMS}")


def _plain(value: Any, what: str) -> Any:
    """The same in plain types."""
    if value is None or type(value) in (bool, int, str, bytes):
        return value
    if isinstance(value, Tag):
        return Tag(value.tag, _plain(value.value, what))
    if isinstance(value, list | tuple):
        return [_plain(each, what) for each in value]
    if isinstance(value, Mapping):
        keys = [_key(each, what) for each in value]
        return dict(zip(keys, (_plain(each, what) for each in value.values()), strict=True))
    raise MalformedEvidence(f"{what} holds a value of another kind", found=type(value).__name__)


def _key(value: Any, what: str) -> int | str | bytes:
    if type(value) not in (int, str, bytes):
        raise MalformedEvidence(f"{what} has a key of another kind", found=type(value).__name__)
    found: int | str | bytes = value
    return found

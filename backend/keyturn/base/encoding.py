"""Byte encodings of the protocol: length prefixes, digests, base64 and hex, strictly.

Source: our protocol §1 (notation). Everything here accepts exactly one spelling of a value.
"""

import base64
import binascii
import hashlib
import re
from typing import NewType

from keyturn.base.errors import MalformedError

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_NOT_HEX = re.compile(r"[^0-9a-f]")


def lp(data: bytes | bytearray | memoryview) -> bytes:
    """4-byte big-endian length of `data`, then `data` (our protocol §1)."""
    raw = bytes(data)  # a memoryview's own length counts items, which may be wider
    return len(raw).to_bytes(4, "big") + raw


def u32(value: int) -> bytes:
    """4 bytes, big endian."""
    return value.to_bytes(4, "big")


def sha256(data: bytes | bytearray | memoryview) -> bytes:
    """32 bytes."""
    return hashlib.sha256(data).digest()


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """The digest of exact bytes, as text."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def parse_digest(text: str, *, what: str = "digest") -> Digest:
    """Raises MalformedError unless `text` is `sha256:` and 64 lower-case hex digits."""
    if not _DIGEST.match(text):
        raise MalformedError(
            f"{what} is not a digest", found=repr(text[:80]), expected="sha256:<64 hex digits>"
        )
    return Digest(text)


def digest_bytes(digest: Digest) -> bytes:
    """The 32 bytes that a digest's text stands for."""
    return bytes.fromhex(parse_digest(digest)[7:])


def b64(data: bytes | bytearray | memoryview) -> str:
    """Standard base64 with padding (RFC 4648 §4)."""
    return binascii.b2a_base64(data, newline=False).decode()


def unb64(text: str, *, what: str = "value", size: int | None = None) -> bytes:
    """Decode standard base64, accepting only the canonical spelling.

    `size` is the number of bytes demanded. Raises MalformedError.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedError(f"{what} is not base64: {error}") from error
    if b64(data) != text:
        raise MalformedError(f"{what} is base64 in a non-canonical spelling")
    return _sized(data, what, size)


def b64url(data: bytes) -> str:
    """Base64 for URLs without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str, *, what: str = "value") -> bytes:
    """Decode base64url without padding, in its one canonical spelling. Raises MalformedError."""
    padded = text + "=" * (-len(text) % 4)
    try:
        data = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedError(f"{what} is not base64url") from error
    if b64url(data) != text:
        raise MalformedError(f"{what} is base64url in a non-canonical spelling")
    return data


def unhex(text: str, *, what: str = "value", size: int | None = None) -> bytes:
    """Decode lower-case hex. Raises MalformedError on anything else or a wrong size."""
    wrong = _NOT_HEX.search(text)
    if wrong:  # the one character, never the value: it may be a secret (I8)
        found = f"{wrong.group()!r} at {wrong.start()}"
        raise MalformedError(f"{what} is not lower-case hex", found=found, expected="0-9a-f")
    if len(text) % 2:
        raise MalformedError(
            f"{what} is not hex", found=f"{len(text)} digits", expected="an even number"
        )
    return _sized(bytes.fromhex(text), what, size)


def _sized(data: bytes, what: str, size: int | None) -> bytes:
    if size is not None and len(data) != size:
        raise MalformedError(
            f"{what} has the wrong size", found=f"{len(data)} bytes", expected=f"{size} bytes"
        )
    return data

"""An authority's fingerprint as words that two people read to each other.

See docs/decisions/0016.
"""

import re

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.spokenwords import words_of

READ_ALOUD = 16
"""Bytes of the 32: what is read is 128 bits, too many to be matched by another authority."""


def words(fingerprint: Digest) -> tuple[str, ...]:
    """The sixteen words that are read aloud."""
    return words_of(digest_bytes(fingerprint)[:READ_ALOUD])


def is_whole(typed: str) -> bool:
    """Whether a whole fingerprint was typed, in digits or in words; not yet whose."""
    return _digits(typed) is not None or len(_said(typed)) == READ_ALOUD


def agrees(typed: str, fingerprint: Digest) -> bool:
    """Whether what an officer typed is this fingerprint: all its digits, or its sixteen words."""
    digits = _digits(typed)
    if digits is not None:
        return digits == digest_bytes(fingerprint).hex()
    return _said(typed) == [each.casefold() for each in words(fingerprint)]


def _digits(typed: str) -> str | None:
    """64 of them, however they were grouped."""
    text = re.sub(r"[\s:]", "", typed.strip().casefold().removeprefix("sha256:"))
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None


def _said(typed: str) -> list[str]:
    return re.findall(r"[a-z]+", typed.casefold())

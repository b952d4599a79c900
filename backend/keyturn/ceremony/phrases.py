"""What is read back aloud, so that all in a room know they look at the same record (§10.5)."""

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.spokenwords import words_of

PHRASE_BYTES = 8
"""Of the record's digest. Who signs, signs all 32: the phrase is for ears."""


def phrase_of(record: Digest) -> str:
    """Eight words in lower case, with single spaces."""
    return " ".join(words_of(digest_bytes(record)[:PHRASE_BYTES])).lower()


def as_phrase(typed: str) -> str:
    """What somebody typed, in the spelling of a phrase: lower case, single spaces."""
    return " ".join(typed.replace(",", " ").split()).lower()

"""What is read back aloud, and whether what was typed is it (our protocol §10.5). No Qt in here."""

from keyturn.base.encoding import Digest
from keyturn.ceremony.phrases import as_phrase, phrase_of


def phrase(digest: Digest) -> str:
    """The phrase of a record."""
    return phrase_of(digest)


def is_phrase(typed: str, digest: Digest) -> bool:
    return as_phrase(typed) == phrase_of(digest)

"""The words by which people compare a host's key that nothing signs (our protocol §10.7).

A keyholder's machine that is lost took the key with it that signs host keys. Then, for a restore
and its drill alone, a person at the host's machine says that the host's own words are those that
their program shows; the signature with their share carries the words.
"""

from keyturn.base.encoding import sha256
from keyturn.base.spokenwords import words_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.steps import StepSignature

HOST_ENTRY = "host"
"""Its name among what is entered."""
COMPARED = frozenset({ScriptKind.RESTORE, ScriptKind.RESTORE_DRILL})
"""Kinds of ceremony in which it is taken."""
PHRASE_BYTES = 16
"""Of SHA-256 of the key: who makes keys to fit a phrase has 2^128 of them to make."""


def host_phrase(key: bytes) -> str:
    """Sixteen words in lower case, with single spaces, of a host's raw public key."""
    return " ".join(words_of(sha256(key)[:PHRASE_BYTES])).lower()


def may_enter_host(kind: ScriptKind, signature: StepSignature) -> bool:
    """Whether a signature may carry the phrase of the host's key: with a share, in these kinds."""
    return kind in COMPARED and signature.part is Part.CUSTODIAN and len(signature.attached) > 0


def check_host_entry(signature: StepSignature) -> None:
    """Whether what was entered has the form of a host's phrase. Raises CeremonyRefused."""
    words = signature.entered[HOST_ENTRY].split(" ")
    if len(words) != PHRASE_BYTES or not all(each.isascii() and each.islower() for each in words):
        raise CeremonyRefused(
            CeremonyReason.WRONG_PHRASE,
            "what was entered is not the phrase of a host's key",
            found=signature.entered[HOST_ENTRY][:200],
            expected=f"the {PHRASE_BYTES} words that the host shows",
            hint="read them on the host's own terminal, where it was started",
        )


def check_entered_host(kind: ScriptKind, signature: StepSignature, key: bytes) -> None:
    """At the host: whoever compared its key compared this one. Raises CeremonyRefused."""
    said = signature.entered.get(HOST_ENTRY)
    if said is None:
        return
    expected = host_phrase(key) if may_enter_host(kind, signature) else "no phrase of a host's key"
    if said != expected:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PHRASE,
            "the host's key that was compared is not this host's",
            found=said[:200],
            expected=expected,
            hint="Enter no more shares. Look at who answers on this machine's socket.",
        )

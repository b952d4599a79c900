"""May shares be sealed to this host? (our protocol §10.7)

A host's document is believed as far as it proves itself: signed by the authority's keyholder where
the `keys` statement names one, of the pinned authority, with a log that is no older than what this
officer has seen. What nothing proves is said, as caveats.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.base.encoding import Digest, sha256
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import HostDocument, SaidHost, check_host, parse_host
from keyturn.ceremony.hostphrase import COMPARED, HOST_ENTRY, host_phrase
from keyturn.ceremony.phrases import as_phrase
from keyturn.ceremony.script import ScriptKind
from keyturn.quorum.bundle import Authority
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.errors import UntrustedProof
from keyturn.tlog.merkle import Hash
from keyturn.tlog.proofs import verify_consistency

HOST_TRUSTED = "keyholder-host-trusted"
COMPARE = (
    "Compare these words with those that the host process shows on its own terminal, where it was"
    " started. Only if every word is the same is it this host."
)

Prove = Callable[[int, int], list[bytes]]
"""(old size, new size) → consistency proof of the host's log."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What this officer knows of the authority: nothing, at a genesis."""

    fingerprint: Digest | None
    rehearsal: bool
    keyholder: VerifyKey | None = None
    """The `keyholder` key of the `keys` statement in force, where it names one."""
    seen: Checkpoint | None = None
    """The newest checkpoint of this log that was seen."""
    remote: bool = False
    """Whether it answers through a server, which may answer in its place."""
    kind: ScriptKind | None = None
    """Of the ceremony that is held."""
    local: bool = False
    """Whether the host was asked on its own socket, at its machine, and not through a server."""
    compared: str | None = None
    """The host's words, where the person here says that the host's own terminal shows them."""


@dataclass(frozen=True, slots=True)
class TrustedHost:
    """A host that shares may be sealed to, with what has to be said of it."""

    document: HostDocument
    signed: bool
    caveats: tuple[str, ...]
    compared: str | None = None
    """The words by which a person knew it, though the key that should sign it is lost: recorded
    with the share (our protocol §10.7)."""

    @property
    def entered(self) -> dict[str, str]:
        """What is entered with a share that goes there."""
        return {} if self.compared is None else {HOST_ENTRY: self.compared}


class HostNotCompared(CeremonyRefused):
    """The lost keyholder's key cannot sign for this host, and nobody compared its words yet.

    `phrase`: of the key that answered, to be compared; `differs`: other words were compared.
    """

    def __init__(self, phrase: str, *, found: str = "") -> None:
        super().__init__(
            CeremonyReason.BAD_SIGNATURE,
            "nothing signs this host's key, and nobody has compared its words",
            found=found or phrase,
            expected=phrase if found else "somebody at the host's machine who compared them",
            hint=COMPARE if not found else "Enter no share: another key answers on this socket.",
        )
        self.phrase = phrase
        self.differs = bool(found)


def keyholder_key(authority: Authority) -> VerifyKey | None:
    """The key that signs host documents, where the `keys` statement in force names one."""
    for purpose, entry in authority.keys.keys.items():
        if purpose.value == "keyholder":
            return load_verify_key(entry.spki)
    return None


def key_fingerprint(document: HostDocument) -> str:
    """Of the host's key, in groups for reading aloud: the first 16 bytes of its SHA-256, in hex."""
    text = sha256(document.key)[:16].hex()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def trust_host(raw: bytes, expected: Expected, prove: Prove | None = None) -> TrustedHost:
    """Verify a host's document. Raises MalformedError, CeremonyRefused.

    `prove` is asked where the host's log is longer than what was seen; without it that longer log
    is one that nothing ties to what was seen, and is refused.
    """
    said = parse_host(raw)
    document = said.document
    _check_authority(document, expected)
    if expected.remote and (expected.keyholder is None or document.rehearsal):
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            "nothing proves which host this is: the server between may have put its own key there",
            found="a rehearsal's host" if document.rehearsal else "a host key that nobody signed",
            expected="a host key that the authority's keyholder signed",
            hint="Enter no share here. Enter it at the host's own machine, or propose a keys"
            " statement that names the keyholder's key.",
        )
    by_words = _by_words(said, expected)
    if not by_words:
        check_host(said, expected.keyholder)
    _check_log(document, expected.seen, prove)
    compared = _check_compared(document, expected) if by_words else None
    signed = expected.keyholder is not None and not by_words
    # No host proves by evidence of its own where it runs: that is trusted, and said (I3).
    return TrustedHost(document, signed, (HOST_TRUSTED,), compared)


def trust_rehearsal(raw: bytes, *, remote: bool) -> TrustedHost:
    """As `trust_host`, of a rehearsal: its authority is thrown away with its shares, and nobody
    pinned it. That the host is one of rehearsals counts; that no real share goes there, the shares'
    own words see to (our protocol §10.6). Raises MalformedError, CeremonyRefused."""
    named = parse_host(raw).document.authority
    return trust_host(raw, Expected(named, rehearsal=True, remote=remote))


def _by_words(said: SaidHost, expected: Expected) -> bool:
    """Whether a person may vouch for it: nothing signs it, at its own machine, for a restore."""
    if expected.keyholder is None or said.envelope is not None:
        return False
    return expected.local and not expected.rehearsal and expected.kind in COMPARED


def _check_compared(document: HostDocument, expected: Expected) -> str:
    phrase = host_phrase(document.key)
    if expected.compared is None:
        raise HostNotCompared(phrase)
    if as_phrase(expected.compared) != phrase:
        raise HostNotCompared(phrase, found=as_phrase(expected.compared)[:200])
    return phrase


def _check_authority(document: HostDocument, expected: Expected) -> None:
    if document.authority != expected.fingerprint:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "this host is of another authority",
            found=document.authority or "no authority",
            expected=expected.fingerprint or "no authority",
            hint="Enter no share here.",
        )
    if document.rehearsal is not expected.rehearsal:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a rehearsal and a real ceremony are never at one host",
            found="a rehearsal's host" if document.rehearsal else "a real host",
            expected="a rehearsal's host" if expected.rehearsal else "a real host",
            hint="Enter no share here.",
        )


def _check_log(document: HostDocument, seen: Checkpoint | None, prove: Prove | None) -> None:
    if seen is None or seen.size == 0:
        return
    if document.size < seen.size:
        raise _other_log(document, seen, "its log is shorter than the one that you have seen")
    if document.size > seen.size and prove is None:
        raise _other_log(document, seen, "nothing proves that its log extends yours")
    proof = prove(seen.size, document.size) if prove and document.size > seen.size else []
    try:
        verify_consistency(
            seen.size, document.size, proof, seen.root, Hash(bytes.fromhex(document.root))
        )
    except UntrustedProof as error:
        raise _other_log(document, seen, "its log does not extend yours") from error


def _other_log(document: HostDocument, seen: Checkpoint, message: str) -> CeremonyRefused:
    return CeremonyRefused(
        CeremonyReason.WRONG_CEREMONY,
        f"this host's log is not the one that you know: {message}",
        found=f"{document.size} entries, root {document.root[:16]}",
        expected=f"a log that extends {seen.size} entries, root {seen.root.hex()[:16]}",
        hint="Enter no share here. Tell the other custodians and the witness.",
    )

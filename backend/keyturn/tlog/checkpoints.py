"""C2SP checkpoints and cosignatures: a log's signed size and root, and who witnessed it.

Source: c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature (Ed25519, `cosignature/v1`).
A log's key is named by its origin. Times are POSIX seconds; whether one is recent enough is
decided by whoever asks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import VerifyKey
from keyturn.tlog.errors import MalformedNote, UntrustedCheckpoint
from keyturn.tlog.merkle import EMPTY_ROOT, HASH_SIZE, MAX_TREE_SIZE, Hash
from keyturn.tlog.notes import (
    MAX_NAME,
    NoteKey,
    NoteSignature,
    Sign,
    SignatureType,
    SignedNote,
    parse_note,
    sign_note,
    verify_note,
    verify_signature,
)

MAX_TIME = 2**53 - 1

_CONTROL = re.compile(r"[\x00-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log claims of itself. Validated on construction (MalformedNote), not proved."""

    origin: str
    size: int
    root: Hash
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_TREE_SIZE or len(self.root) != HASH_SIZE:
            raise MalformedNote(
                "checkpoint is out of range", found=f"size {self.size}, {len(self.root)}-byte root"
            )
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedNote("checkpoint of an empty log has another root")
        if len(self.origin.encode()) > MAX_NAME:
            raise MalformedNote("checkpoint's origin is too long", expected=f"{MAX_NAME} bytes")
        for line in (self.origin, *self.extensions):
            if not line or _CONTROL.search(line):
                raise MalformedNote("checkpoint has an impossible line", found=repr(line[:80]))

    def to_text(self) -> str:
        """The note text: origin, size, root and extension lines, each with its newline."""
        lines = (self.origin, str(self.size), b64(self.root), *self.extensions)
        return "".join(line + "\n" for line in lines)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint under its log's verified signature, with the note that carries it.

    Made by `verify_checkpoint` and `sign_checkpoint` only; and `kept_checkpoint`.
    """

    checkpoint: Checkpoint
    note: SignedNote

    def to_bytes(self) -> bytes:
        return self.note.to_bytes()


@dataclass(frozen=True, slots=True)
class Witness:
    """A party that cosigns: a name and an Ed25519 key used for nothing else."""

    name: str
    key: VerifyKey

    @property
    def note_key(self) -> NoteKey:
        return NoteKey(self.name, self.key, SignatureType.COSIGNATURE)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: who, and when in POSIX seconds as that witness says."""

    witness: Witness
    time: int


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text. Raises MalformedNote; writing it again gives the same text."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1]:
        raise MalformedNote(
            "checkpoint needs three lines, each ended by a newline", found=f"{len(lines) - 1} lines"
        )
    origin, size, root, *extensions = lines[:-1]
    if not _SIZE.fullmatch(size):
        raise MalformedNote("checkpoint size is no canonical number", found=repr(size[:40]))
    try:
        root_hash = Hash(unb64(root, what="checkpoint root", size=HASH_SIZE))
    except MalformedError as error:
        raise MalformedNote(str(error)) from error
    return Checkpoint(origin, int(size), root_hash, tuple(extensions))


def verify_checkpoint(
    raw: bytes, log_key: VerifyKey, origin: str, *, key_name: str | None = None
) -> SignedCheckpoint:
    """Prove that the log `origin` signed this. `key_name` only where it is not the origin.

    Raises MalformedNote, or UntrustedCheckpoint for another origin, key or signature.
    """
    note = parse_note(raw)
    verify_note(note, NoteKey(key_name or origin, log_key))
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise UntrustedCheckpoint(
            "checkpoint of another log", found=repr(checkpoint.origin[:80]), expected=repr(origin)
        )
    return SignedCheckpoint(checkpoint, note)


def kept_checkpoint(raw: bytes) -> SignedCheckpoint:
    """One that its reader verified when it kept it, by a key that is not at hand any more: what
    comes must extend it. Raises MalformedNote."""
    note = parse_note(raw)
    return SignedCheckpoint(parse_checkpoint(note.text), note)


def sign_checkpoint(checkpoint: Checkpoint, log_key: VerifyKey, sign: Sign) -> SignedCheckpoint:
    """Sign as the log itself, and verify the result. Raises as `sign_note`."""
    note = sign_note(checkpoint.to_text(), NoteKey(checkpoint.origin, log_key), sign)
    return SignedCheckpoint(checkpoint, note)


def cosign(checkpoint: Checkpoint, witness: Witness, time: int, sign: Sign) -> NoteSignature:
    """A witness's line over a checkpoint whose consistency it has checked; `time` in POSIX
    seconds. Raises UntrustedCheckpoint when the signer's answer does not verify."""
    if not 0 <= time <= MAX_TIME:
        raise MalformedNote("cosignature time is out of range", found=str(time))
    key, message = witness.note_key, _cosigned(time, checkpoint.to_text())
    signature = sign(message)
    verify_signature(key, signature, message)
    return NoteSignature(key.name, key.id, time.to_bytes(8, "big") + signature)


def verify_cosignatures(note: SignedNote, witnesses: Iterable[Witness]) -> tuple[Cosignature, ...]:
    """Verify the cosignature of each given witness that signed; lines of others are ignored.

    Raises UntrustedCheckpoint when one of these witnesses' lines is wrong, and MalformedNote
    when two of them share a key: one witness must not count twice.
    """
    asked = tuple(witnesses)
    if len({each.key.key_id for each in asked}) != len(asked):
        raise MalformedNote("two witnesses share a key")
    found = ((each, note.signature_of(each.note_key)) for each in asked)
    return tuple(
        _verified(witness, value, note.text) for witness, value in found if value is not None
    )


def cosignatures_of(note: SignedNote, keys: Iterable[VerifyKey]) -> tuple[Cosignature, ...]:
    """The newest cosignature by each of these keys, under whatever name it signed: a roster
    lists keys without names. Lines of others are ignored.

    Raises as `verify_cosignatures` when one of these keys' lines is wrong.
    """
    found = []
    for key in keys:
        named = (Witness(line.name, key) for line in note.signatures)
        by_key = [each for witness in named for each in verify_cosignatures(note, (witness,))]
        if by_key:
            found.append(max(by_key, key=lambda each: each.time))
    return tuple(found)


def _verified(witness: Witness, value: bytes, text: str) -> Cosignature:
    if len(value) != 72:
        raise MalformedNote(
            f"cosignature by {witness.name} has the wrong size",
            found=f"{len(value)} bytes",
            expected="8-byte time and 64-byte signature",
        )
    time = int.from_bytes(value[:8], "big")
    if time > MAX_TIME:
        raise MalformedNote(f"cosignature by {witness.name} has an impossible time")
    verify_signature(witness.note_key, value[8:], _cosigned(time, text))
    return Cosignature(witness, time)


def _cosigned(time: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()

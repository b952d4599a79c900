"""C2SP signed notes: a text, a blank line, and Ed25519 signature lines by named keys.

Source: c2sp.org/signed-note. Parsed is not trusted: `verify_note` proves it. Signatures by
keys that we do not know are kept and ignored, as the specification demands; one key's
signature twice is refused. Signature types: 0x01 plain, 0x04 timestamped cosignature.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from keyturn.base.encoding import b64, sha256, unb64, unhex
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import Algorithm, VerifyKey, load_verify_key
from keyturn.tlog.errors import MalformedNote, UntrustedCheckpoint

MAX_NOTE = 64 << 10
MAX_SIGNATURES = 64
MAX_NAME = 255
"""Bytes of UTF-8, for key names and origins."""

# RFC 8410 §4: SubjectPublicKeyInfo of Ed25519, before the 32 bytes of the key.
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")

Sign = Callable[[bytes], bytes]
"""Gives the 64-byte Ed25519 signature over exactly these bytes."""


class SignatureType(Enum):
    """The type byte of signed-note: it is part of the key id."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named public key; name and id together say which signature line is its own."""

    name: str
    key: VerifyKey
    type: SignatureType = SignatureType.ED25519

    def __post_init__(self) -> None:
        check_name(self.name)
        raw_ed25519(self.key)

    @property
    def id(self) -> bytes:
        """4 bytes: SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]."""
        return sha256(self.name.encode() + b"\n" + self._material())[:4]

    def to_text(self) -> str:
        """The `vkey` form: name+id+base64(type ‖ public key)."""
        return f"{self.name}+{self.id.hex()}+{b64(self._material())}"

    def _material(self) -> bytes:
        return bytes([self.type.value]) + raw_ed25519(self.key)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, and what follows the id."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {b64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text that ends in a newline, and its signatures in the given order."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_bytes(self) -> bytes:
        return (self.text + "\n" + "".join(each.line for each in self.signatures)).encode()

    def with_signatures(self, *more: NoteSignature) -> "SignedNote":
        """The note with further signatures; one that replaces its key's older line."""
        new = {(each.name, each.key_id) for each in more}
        kept = tuple(each for each in self.signatures if (each.name, each.key_id) not in new)
        return replace(self, signatures=kept + more)

    def signature_of(self, key: NoteKey) -> bytes | None:
        """The bytes of this key's line, not yet verified; None when it did not sign."""
        for each in self.signatures:
            if (each.name, each.key_id) == (key.name, key.id):
                return each.value
        return None


def parse_note(raw: bytes) -> SignedNote:
    """Read a note. Raises MalformedNote; writing it again gives the same bytes."""
    if len(raw) > MAX_NOTE:
        raise MalformedNote(
            "note is too large", found=f"{len(raw)} bytes", expected=f"at most {MAX_NOTE} bytes"
        )
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedNote(f"note is not UTF-8: {error}") from error
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n") or _CONTROL.search(whole):
        raise MalformedNote("note has no text, blank line and signatures, or a control character")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if not len({(s.name, s.key_id) for s in signatures}) == len(signatures) <= MAX_SIGNATURES:
        raise MalformedNote(
            "note is signed twice by one key, or by too many", found=f"{len(signatures)} signatures"
        )
    return SignedNote(text + "\n", signatures)


def verify_note(note: SignedNote, key: NoteKey) -> None:
    """Prove a plain Ed25519 signature by this key. Raises UntrustedCheckpoint."""
    value = note.signature_of(key)
    if key.type is not SignatureType.ED25519 or value is None:
        names = ", ".join(repr(each.name) for each in note.signatures[:4])
        raise UntrustedCheckpoint(
            "note is not signed by the expected key",
            found=f"signatures by {names}",
            expected=f"{key.name}+{key.id.hex()}",
        )
    verify_signature(key, value, note.text.encode())


def verify_signature(key: NoteKey, signature: bytes, message: bytes) -> None:
    """Raises UntrustedCheckpoint unless the Ed25519 signature over `message` is this key's."""
    try:
        key.key.verify(signature, message)
    except UntrustedError as error:
        raise UntrustedCheckpoint(f"signature by {key.name} does not verify") from error


def sign_note(text: str, key: NoteKey, sign: Sign) -> SignedNote:
    """Sign a text, and verify what the signer gave: an HSM can fail, a log must not.

    Raises UntrustedCheckpoint when the signature is not the key's, MalformedNote on a text
    that does not read back.
    """
    signature = NoteSignature(key.name, key.id, sign(text.encode()))
    note = parse_note(SignedNote(text, (signature,)).to_bytes())
    verify_note(note, key)
    return note


def parse_note_key(text: str) -> NoteKey:
    """Read a `vkey`. Raises MalformedNote, on an id that does not match too."""
    parts = text.split("+", 2)
    try:
        name, key_id, material = parts[0], unhex(parts[1], size=4), unb64(parts[2], size=33)
        key = load_verify_key(_ED25519_SPKI + material[1:])
        found = NoteKey(name, key, SignatureType(material[0]))
    except (IndexError, ValueError, MalformedError) as error:
        raise MalformedNote(f"not a verifier key: {error}", found=repr(text[:80])) from error
    if found.id != key_id:
        raise MalformedNote("verifier key has another id", found=parts[1], expected=found.id.hex())
    return found


def raw_ed25519(key: VerifyKey) -> bytes:
    """The 32 bytes of an Ed25519 key (RFC 8032). Raises MalformedNote on another kind."""
    if key.algorithm is not Algorithm.ED25519:
        raise MalformedNote(
            "a key of this kind does not sign notes",
            found=key.algorithm.value,
            expected=Algorithm.ED25519.value,
        )
    return key.spki[len(_ED25519_SPKI) :]


def check_name(name: str) -> None:
    """Raises MalformedNote unless `name` can name a key: no spaces, plus or controls."""
    wrong = not name or len(name.encode()) > MAX_NAME or "+" in name or _CONTROL.search(name)
    if wrong or name.split() != [name]:
        raise MalformedNote("not a name for a key", found=repr(name[:80]))


def _signature(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise MalformedNote("note has a line that is no signature", found=repr(line[:80]))
    check_name(match[1])
    try:
        value = unb64(match[2], what="note signature")
    except MalformedError as error:
        raise MalformedNote(str(error)) from error
    if len(value) < 5:
        raise MalformedNote("note signature is too short", found=f"{len(value)} bytes")
    return NoteSignature(match[1], value[:4], value[4:])

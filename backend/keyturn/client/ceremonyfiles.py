"""KEK files of a ceremony, as a person's program reads them before they go to a host.

A backup and a wrapped KEK (our protocol §10.15, §10.16) are read for what they say that they are:
whether they open, only a token can tell. No HSM in here.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.client.ceremonydoor import CeremonyDoor
from keyturn.client.errors import ServerRefused
from keyturn.wire.ceremonies import AskCeremonyFile, PutCeremonyFile
from keyturn.wire.errors import PeerRefused

BACKUP = "kek-backup.json"
WRAPPED = "wrapped-kek.json"
TRANSPORT_KEY = "transport-key.der"
PREFLIGHT = "preflight.json"
BUNDLE = "authority.bundle"

MAX_KEK_FILE = 16 << 10
"""Of a backup, and of a wrapped KEK, in bytes."""
_WRAPPED, _CANARY = 512, 72
_KEK = re.compile(r"[0-9a-f]{64}\Z")


class WrongFile(UntrustedError):
    """Not the file that this ceremony is about."""


class _Hash(StrEnum):
    SHA256 = "sha256"
    SHA1 = "sha1"


@dataclass(frozen=True, slots=True)
class BackupFile:
    """What a backup says of itself. `key`: the id of the backup key that it is wrapped to."""

    raw: bytes
    kek: KeyId
    made: datetime
    ceremony: str
    token: str
    key: KeyId

    @property
    def digest(self) -> Digest:
        return digest_of(self.raw)


@dataclass(frozen=True, slots=True)
class WrappedFile:
    """What a wrapped KEK says of itself. `key`: the id of the transport key."""

    raw: bytes
    kek: KeyId
    key: KeyId

    @property
    def digest(self) -> Digest:
        return digest_of(self.raw)


KekFile = BackupFile | WrappedFile


def read_backup(raw: bytes) -> BackupFile:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_KEK_FILE, what="KEK backup")
    head = _head(fields, "kek-backup")
    fields.literal("profile", "recoverable")
    kek = _kek(fields)
    made, ceremony = fields.time("made"), fields.text("ceremony", limit=64)
    token, wrapped = fields.text("token", limit=128), _wrapped(fields)
    key = fields.fields("key")
    spki = key.b64("spki", limit=1024)
    sealed = {
        "spki": b64(spki),
        "salt": b64(key.b64("salt", size=32)),
        "nonce": b64(key.b64("nonce", size=12)),
        "ciphertext": b64(key.b64("ciphertext", limit=4096)),
    }
    key.done()
    fields.done()
    said = {"kek": kek, "profile": "recoverable", "made": format_time(made)}
    said |= {"ceremony": ceremony, "token": token}
    _check_form({**head, **said, **wrapped, "key": sealed}, raw, "KEK backup")
    return BackupFile(raw, kek, made, ceremony, token, key_id_of(spki))


def read_wrapped(raw: bytes) -> WrappedFile:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_KEK_FILE, what="wrapped KEK")
    _head(fields, "wrapped-kek")
    kek, spki = _kek(fields), fields.b64("spki", limit=1024)
    _wrapped(fields)
    fields.done()
    return WrappedFile(raw, kek, key_id_of(spki))


def fetch_file(door: CeremonyDoor, ceremony: str, name: str) -> bytes | None:
    """A file of a ceremony as its host gives it; None: it has none. Raises what `door` raises."""
    try:
        return door.ask(AskCeremonyFile(ceremony, name))
    except (PeerRefused, ServerRefused) as error:
        if error.kind != "not-found":
            raise
        return None


def put_file(door: CeremonyDoor, ceremony: str, name: str, raw: bytes) -> None:
    """Hand a file in (our protocol §10.8). Raises what `door` raises, and WrongFile where the host
    says that it has another."""
    kept = door.ask(PutCeremonyFile(ceremony, name, raw))
    if kept != digest_of(raw):
        raise WrongFile("the host kept another file", found=kept, expected=digest_of(raw))


def _head(fields: Fields, kind: str) -> dict[str, object]:
    fields.literal("type", kind)
    fields.literal("format", 1)
    return {"type": kind, "format": 1}


def _kek(fields: Fields) -> KeyId:
    text = fields.text("kek", limit=64)
    if not _KEK.match(text):
        raise MalformedError(f"{fields.what}: not a KEK id", found=text, expected="64 hex digits")
    return KeyId(text)


def _wrapped(fields: Fields) -> dict[str, object]:
    return {
        "oaep_hash": fields.choice("oaep_hash", _Hash).value,
        "wrapped": b64(fields.b64("wrapped", size=_WRAPPED)),
        "canary": b64(fields.b64("canary", size=_CANARY)),
    }


def _check_form(document: dict[str, object], raw: bytes, what: str) -> None:
    if dump(document) != raw:
        raise MalformedError(f"{what}: not in the one form that such a file has")

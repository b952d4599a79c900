"""What the host says of each step that it did, typed (our protocol §10.4).

The host's word, bound into the chain that people sign: a reader of it knows what was said and who
was there, not that the host did it. No secret is in any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast

from keyturn.base.encoding import Digest, b64
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.keyfacts import KeyFacts, TokenFacts
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import ShareSet
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId


class Level(Enum):
    """How a pre-flight ended. A red one is a failed step."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Opened:
    """`custody`: the share sets that stood when the ceremony was opened. `token`: None where
    there is none yet."""

    script: bytes
    software: str
    host: str
    token: TokenFacts | None
    custody: tuple[ShareSet, ...]

    def document(self) -> JsonObject:
        return _json(
            {
                "script": b64(self.script),
                "software": self.software,
                "host": self.host,
                "token": self.token and self.token.document(),
                "custody": [each.document() for each in self.custody],
            }
        )


@dataclass(frozen=True, slots=True)
class Failed:
    """It was tried. `left` says for people what is left of it."""

    reason: CeremonyReason
    found: str
    expected: str
    left: str

    def document(self) -> JsonObject:
        return {
            "reason": self.reason.value,
            "found": self.found,
            "expected": self.expected,
            "left": self.left,
        }


@dataclass(frozen=True, slots=True)
class Attended:
    """`roster`: digest of the roster in force that the host looked up, where the step asks for
    it; `file`: digest of a file that was handed in."""

    roster: Digest | None = None
    file: Digest | None = None

    def document(self) -> JsonObject:
        return {"roster": self.roster, "file": self.file}


@dataclass(frozen=True, slots=True)
class Preflighted:
    """`report`: digest of the whole report, a file of the ceremony; `remarks`: what was amber."""

    report: Digest
    level: Level
    token: TokenFacts
    remarks: tuple[str, ...]

    def document(self) -> JsonObject:
        return _json(
            {
                "report": self.report,
                "level": self.level.value,
                "token": self.token.document(),
                "remarks": list(self.remarks),
            }
        )


@dataclass(frozen=True, slots=True)
class TokenMade:
    """`backup`: digest of the first backup's file, where the KEK is recoverable."""

    token: TokenFacts
    keys: tuple[KeyFacts, ...]
    share_sets: tuple[ShareSet, ...]
    backup: Digest | None

    def document(self) -> JsonObject:
        return _json(
            {
                "token": self.token.document(),
                "keys": [each.document() for each in self.keys],
                "share_sets": [each.document() for each in self.share_sets],
                "backup": self.backup,
            }
        )


@dataclass(frozen=True, slots=True)
class SharesProved:
    """Whose shares were entered again and had the right check value."""

    proved: tuple[tuple[ShareUse, OfficerId], ...]

    def document(self) -> JsonObject:
        return {"proved": [{"use": use.value, "officer": each} for use, each in self.proved]}


@dataclass(frozen=True, slots=True)
class SignedStatement:
    kind: Kind
    version: int
    digest: Digest
    approved_by: tuple[OfficerId, ...]

    def document(self) -> JsonObject:
        return {
            "kind": self.kind.value,
            "version": self.version,
            "digest": self.digest,
            "approved_by": list(self.approved_by),
        }


@dataclass(frozen=True, slots=True)
class StatementsSigned:
    statements: tuple[SignedStatement, ...]

    def document(self) -> JsonObject:
        return {"statements": [each.document() for each in self.statements]}


@dataclass(frozen=True, slots=True)
class LogStands:
    """Of `found` and `continue-log`: the log as it was right after the step. `root`: hex."""

    authority: Digest
    origin: str
    size: int
    root: str

    def document(self) -> JsonObject:
        return {
            "authority": self.authority,
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
        }


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Which set opened what, by whose shares. `identifier` is the set's."""

    use: ShareUse
    identifier: int
    officers: tuple[OfficerId, ...]

    def document(self) -> JsonObject:
        return {
            "use": self.use.value,
            "id": self.identifier,
            "officers": list(self.officers),
        }


@dataclass(frozen=True, slots=True)
class KekMade:
    key: KeyFacts
    replaces: KeyId

    def document(self) -> JsonObject:
        return {"key": _json(self.key.document()), "replaces": self.replaces}


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many DEKs: `total` = `rewrapped` + `already`, or the step is not done."""

    old: KeyId
    new: KeyId
    total: int
    rewrapped: int
    already: int

    def document(self) -> JsonObject:
        return {
            "old": self.old,
            "new": self.new,
            "total": self.total,
            "rewrapped": self.rewrapped,
            "already": self.already,
        }


@dataclass(frozen=True, slots=True)
class KekRetired:
    kek: KeyId

    def document(self) -> JsonObject:
        return {"kek": self.kek}


@dataclass(frozen=True, slots=True)
class KekDestroyed:
    kek: KeyId

    def document(self) -> JsonObject:
        return {"kek": self.kek}


@dataclass(frozen=True, slots=True)
class BackedUp:
    """`backup`: digest of the file; None where the KEK is never extractable."""

    kek: KeyId
    backup: Digest | None

    def document(self) -> JsonObject:
        return {"kek": self.kek, "backup": self.backup}


@dataclass(frozen=True, slots=True)
class BackupProved:
    """The KEK of the backup, restored to a throw-away token, opened the canary."""

    backup: Digest
    kek: KeyId
    token: TokenFacts

    def document(self) -> JsonObject:
        return {
            "backup": self.backup,
            "kek": self.kek,
            "token": _json(self.token.document()),
        }


@dataclass(frozen=True, slots=True)
class KekRestored:
    backup: Digest
    key: KeyFacts

    def document(self) -> JsonObject:
        return {"backup": self.backup, "key": _json(self.key.document())}


@dataclass(frozen=True, slots=True)
class RestoreProved:
    """What opened under the restored or imported KEK: the canary, and models' keys by digest."""

    kek: KeyId
    canary: bool
    models: tuple[Digest, ...]

    def document(self) -> JsonObject:
        return {"kek": self.kek, "canary": self.canary, "models": list(self.models)}


@dataclass(frozen=True, slots=True)
class PinsReplaced:
    share_sets: tuple[ShareSet, ...]

    def document(self) -> JsonObject:
        return _json({"share_sets": [each.document() for each in self.share_sets]})


@dataclass(frozen=True, slots=True)
class ModelKeyDestroyed:
    """`wrapped`: digest of the wrapped key that was deleted; None where none was found."""

    model: Digest
    wrapped: Digest | None

    def document(self) -> JsonObject:
        return {"model": self.model, "wrapped": self.wrapped}


@dataclass(frozen=True, slots=True)
class TransportKeyMade:
    key: KeyFacts

    def document(self) -> JsonObject:
        return {"key": _json(self.key.document())}


@dataclass(frozen=True, slots=True)
class KekImported:
    key: KeyFacts
    transport: KeyId

    def document(self) -> JsonObject:
        return {"key": _json(self.key.document()), "transport": self.transport}


@dataclass(frozen=True, slots=True)
class Nothing:
    """Where the signatures say it all."""

    def document(self) -> JsonObject:
        return {}


Facts = (
    Attended
    | Preflighted
    | TokenMade
    | SharesProved
    | StatementsSigned
    | LogStands
    | Unlocked
    | KekMade
    | Rewrapped
    | KekRetired
    | KekDestroyed
    | BackedUp
    | BackupProved
    | KekRestored
    | RestoreProved
    | PinsReplaced
    | ModelKeyDestroyed
    | TransportKeyMade
    | KekImported
    | Nothing
)


def _json(document: Mapping[str, object]) -> JsonObject:
    return cast("JsonObject", document)

"""What a ceremony has done to a token by a process of its own, and asking for it.

Some acts need a PIN that no worker has, or a secret that no other process may see: they are done
by `ceremonychild`, which lives for one of them. A task goes there on its standard input, PINs and
secrets by file descriptor (I8), and one JSON answer comes back.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.hsm.backup import MAX_BACKUP, BackupKey, KekBackup, parse_backup, parse_backup_key
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.kekmessages import (
    MAX_SPKI,
    pack_items,
    read_kek,
    read_token_report,
    read_wrapped_kek,
    result_document,
    unpack_items,
)
from keyturn.hsm.kekwork import KekProfile, KekReport, RewrapItem, TokenReport, WrappedKek
from keyturn.hsm.messages import keys_document, read_error, read_keys
from keyturn.hsm.process import child_command, child_environment
from keyturn.hsm.protocol import PublicKey, Purpose

MAX_TASK = 64 << 10
_TIMEOUT = 120.0  # seconds: RSA-4096 key generation on a slow machine
R = TypeVar("R")


class Secret(StrEnum):
    """What a task needs by descriptor."""

    SO_PIN = "so-pin"
    PIN = "pin"
    NEW_PIN = "new-pin"
    BACKUP_SECRET = "backup-secret"  # noqa: S105 - a name: 32 bytes as 64 hex digits


class Who(StrEnum):
    USER = "user"
    SO = "so"


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A finished token: its public keys and everything it says of its keys."""

    serial: str
    keys: dict[Purpose, PublicKey]
    report: TokenReport
    backup_key: BackupKey | None
    wrapped: WrappedKek | None
    """With a backup key: the KEK wrapped to it, for the first backup."""


class Task(Generic[R]):
    """One act. `needs` are read from descriptors; those in `may_need` if they are given."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[Secret]]
    may_need: ClassVar[frozenset[Secret]] = frozenset()

    def document(self) -> dict[str, object]:
        raise NotImplementedError

    def read(self, answer: Fields) -> R:
        """Raises MalformedError."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class MakeToken(Task[TokenMade]):
    """Initialise a free slot: PINs, KEK, key pairs; with a backup secret also a backup key.

    A recoverable KEK that has no backup key yet can have one later (`MakeBackupKey`).
    """

    name: ClassVar[str] = "make-token"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.SO_PIN, Secret.PIN})
    may_need: ClassVar[frozenset[Secret]] = frozenset({Secret.BACKUP_SECRET})
    profile: KekProfile

    def document(self) -> dict[str, object]:
        return {"task": self.name, "profile": self.profile.value}

    def read(self, answer: Fields) -> TokenMade:
        return read_made(answer)


@dataclass(frozen=True, slots=True)
class SetPin(Task[None]):
    """From PIN (of the user, or SO_PIN of the SO) to NEW_PIN."""

    name: ClassVar[str] = "set-pin"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.NEW_PIN})
    may_need: ClassVar[frozenset[Secret]] = frozenset({Secret.PIN, Secret.SO_PIN})
    who: Who

    def document(self) -> dict[str, object]:
        return {"task": self.name, "who": self.who.value}

    def read(self, answer: Fields) -> None:
        answer.literal("done", self.name)


@dataclass(frozen=True, slots=True)
class MakeBackupKey(Task[BackupKey]):
    """A new backup key: its public half TRUSTED on the token, its private half encrypted."""

    name: ClassVar[str] = "make-backup-key"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.SO_PIN, Secret.BACKUP_SECRET})

    def document(self) -> dict[str, object]:
        return {"task": self.name}

    def read(self, answer: Fields) -> BackupKey:
        return parse_backup_key(answer.b64("backup_key", limit=MAX_BACKUP))


@dataclass(frozen=True, slots=True)
class TrustKey(Task[None]):
    """Put an RSA-4096 public key on the token as TRUSTED: KEKs may be wrapped to it then."""

    name: ClassVar[str] = "trust-key"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.SO_PIN})
    spki: bytes

    def document(self) -> dict[str, object]:
        return {"task": self.name, "spki": b64(self.spki)}

    def read(self, answer: Fields) -> None:
        answer.literal("done", self.name)


@dataclass(frozen=True, slots=True)
class Restore(Task[TokenMade]):
    """Initialise a free slot and put the backup's KEK on it, active; new key pairs.

    The KEK is in clear in that process's memory, and in no other place (I1).
    """

    name: ClassVar[str] = "restore"
    needs: ClassVar[frozenset[Secret]] = frozenset(
        {Secret.SO_PIN, Secret.PIN, Secret.BACKUP_SECRET}
    )
    backup: KekBackup

    def document(self) -> dict[str, object]:
        return {"task": self.name, "backup": b64(self.backup.to_bytes())}

    def read(self, answer: Fields) -> TokenMade:
        return read_made(answer)


@dataclass(frozen=True, slots=True)
class ProveRestore(Task[KekReport]):
    """The token has the backup's KEK, opens the backup's canary, and the models' keys if any."""

    name: ClassVar[str] = "prove-restore"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.PIN})
    backup: KekBackup
    models: tuple[RewrapItem, ...] = ()

    def document(self) -> dict[str, object]:
        return {
            "task": self.name,
            "backup": b64(self.backup.to_bytes()),
            "models": b64(pack_items(self.models)),
        }

    def read(self, answer: Fields) -> KekReport:
        return read_kek(answer)


@dataclass(frozen=True, slots=True)
class Zeroise(Task[int]):
    """Destroy every object of ours, and initialise the token anew. How many there were.

    Without the user PIN the token is initialised only, which destroys them all by the standard.
    """

    name: ClassVar[str] = "zeroise"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.SO_PIN})
    may_need: ClassVar[frozenset[Secret]] = frozenset({Secret.PIN})

    def document(self) -> dict[str, object]:
        return {"task": self.name}

    def read(self, answer: Fields) -> int:
        return answer.integer("destroyed")


@dataclass(frozen=True, slots=True)
class MakeTransport(Task[bytes]):
    """On the token that is to take a KEK: a key pair to wrap it to. The SPKI.

    Its private half opens in the form of a recoverable KEK only. One from before is destroyed.
    """

    name: ClassVar[str] = "make-transport"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.PIN})

    def document(self) -> dict[str, object]:
        return {"task": self.name}

    def read(self, answer: Fields) -> bytes:
        return answer.b64("spki", limit=MAX_SPKI)


@dataclass(frozen=True, slots=True)
class ImportKek(Task[KekReport]):
    """Take a KEK that another token wrapped to the transport key, which is destroyed then.

    `activate`: it becomes the active one; else it is deactivated and opens what lies under it.
    """

    name: ClassVar[str] = "import-kek"
    needs: ClassVar[frozenset[Secret]] = frozenset({Secret.PIN})
    wrapped: WrappedKek
    activate: bool

    def document(self) -> dict[str, object]:
        document = result_document(self.wrapped)
        return {"task": self.name, "wrapped": document, "activate": self.activate}

    def read(self, answer: Fields) -> KekReport:
        return read_kek(answer)


AnyTask = (
    MakeToken
    | SetPin
    | MakeBackupKey
    | TrustKey
    | Restore
    | ProveRestore
    | Zeroise
    | MakeTransport
    | ImportKek
)


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a token is: the module, its label, and SoftHSM's configuration if it is one."""

    module: Path
    label: str
    softhsm_configuration: Path | None = None


def run_task(task: Task[R], place: TokenPlace, secrets: Mapping[Secret, int]) -> R:
    """Have it done. `secrets` are descriptors, which stay open and unread here.

    Raises PinRefused, TokenError, HsmError, HsmRequestError, BackupRefused, HsmUnreachable.
    """
    given = frozenset(secrets)
    if not task.needs <= given <= task.needs | task.may_need:
        raise ValueError(f"{task.name} needs {sorted(task.needs)}, given {sorted(given)}")
    command = child_command(
        "keyturn.hsm.ceremonychild",
        *("--module", str(place.module), "--label", place.label, "--parent", str(os.getpid())),
        *(part for name, fd in secrets.items() for part in (f"--{name.value}-fd", str(fd))),
    )
    with tempfile.TemporaryFile() as stdin:  # public: a task holds no secret
        stdin.write(dump(task.document()))
        stdin.seek(0)
        try:
            done = subprocess.run(
                command,
                env=child_environment(place.module, place.softhsm_configuration),
                pass_fds=tuple(secrets.values()),
                stdin=stdin,
                stdout=subprocess.PIPE,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HsmUnreachable(f"{task.name} did not come to an end") from error
    if not done.stdout:
        raise HsmUnreachable(f"{task.name} was cut off", found=f"status {done.returncode}")
    fields = parse_object(done.stdout, limit=1 << 20, what=f"answer to {task.name}")
    if fields.has("error"):
        raise read_error(fields.fields("error"))
    answer = fields.fields("ok")
    result = task.read(answer)
    answer.done()
    fields.done()
    return result


def parse_task(raw: bytes) -> AnyTask:
    """At the other end. Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_TASK, what="ceremony task")
    name = fields.text("task", limit=40)
    reader = _READERS.get(name)
    if reader is None:
        raise MalformedError("unknown ceremony task", found=name)
    task = reader(fields)
    fields.done()
    return task


def _backup(fields: Fields) -> KekBackup:
    return parse_backup(fields.b64("backup", limit=MAX_BACKUP))


def _prove(fields: Fields) -> AnyTask:
    raw = fields.b64("models", limit=MAX_TASK)
    return ProveRestore(_backup(fields), unpack_items(raw) if raw else ())


def _import(fields: Fields) -> AnyTask:
    inner = fields.fields("wrapped")
    wrapped = read_wrapped_kek(inner)
    inner.done()
    return ImportKek(wrapped, fields.boolean("activate"))


_READERS: Mapping[str, Callable[[Fields], AnyTask]] = {
    MakeToken.name: lambda f: MakeToken(f.choice("profile", KekProfile)),
    SetPin.name: lambda f: SetPin(f.choice("who", Who)),
    MakeBackupKey.name: lambda _: MakeBackupKey(),
    TrustKey.name: lambda f: TrustKey(f.b64("spki", limit=MAX_SPKI)),
    Restore.name: lambda f: Restore(_backup(f)),
    ProveRestore.name: _prove,
    Zeroise.name: lambda _: Zeroise(),
    MakeTransport.name: lambda _: MakeTransport(),
    ImportKek.name: _import,
}


def made_document(made: TokenMade) -> dict[str, object]:
    return {
        "serial": made.serial,
        "keys": keys_document(made.keys),
        "report": result_document(made.report),
        "backup_key": None if made.backup_key is None else b64(made.backup_key.to_bytes()),
        "wrapped": None if made.wrapped is None else result_document(made.wrapped),
    }


def read_made(fields: Fields) -> TokenMade:
    report = fields.fields("report")
    made = TokenMade(
        fields.text("serial", limit=64, empty=True),
        read_keys(fields),
        read_token_report(report),
        fields.nullable(
            "backup_key", lambda name: parse_backup_key(fields.b64(name, limit=MAX_BACKUP))
        ),
        fields.nullable("wrapped", lambda name: _whole_wrapped(fields.fields(name))),
    )
    report.done()
    return made


def _whole_wrapped(fields: Fields) -> WrappedKek:
    wrapped = read_wrapped_kek(fields)
    fields.done()
    return wrapped

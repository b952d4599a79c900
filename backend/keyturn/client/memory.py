"""What a profile remembers of an authority, so that no server can show it an older world.

Per log its newest checkpoint, the newest roster and `keys` versions, and a session that is
still good. Two programs at one time may both write: one after the other, so that neither puts
back what the other one had not seen yet.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.client.errors import FileUnusable, MalformedProfile
from keyturn.client.profile import alone, write_atomically
from keyturn.tlog.checkpoints import parse_checkpoint
from keyturn.tlog.notes import parse_note
from keyturn.wire.tls import Pin

_MAX = 1 << 20
_BUNDLE = "authority.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A bearer token, good for this server and officer until `expires`."""

    token: str = field(repr=False)
    pin: Pin
    officer: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """`checkpoints`: an origin that the log has or had → its newest signed note. One tree."""

    checkpoints: Mapping[str, bytes] = field(default_factory=dict)
    roster_version: int = 0
    keys_version: int = 0
    session: Session | None = None


class Memory:
    """A profile's memory of one authority, kept in a file; without one, for this run only."""

    def __init__(self, fingerprint: Digest, directory: Path | None = None) -> None:
        name = fingerprint.removeprefix("sha256:")[:32]
        self.directory = directory / name if directory else None
        self._path = self.directory / "memory.json" if self.directory else None
        self._fingerprint = fingerprint
        self._now = Remembered()
        self._bundle: bytes | None = None

    def recall(self) -> Remembered:
        """Raises MalformedProfile when the file is not what was written: forgetting is not safe."""
        if self._path is None:
            return self._now
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return Remembered()
        except OSError as error:
            raise MalformedProfile(f"cannot read {self._path}: {error.strerror}") from error
        try:
            return _parse(raw, self._fingerprint)
        except MalformedError as error:
            raise MalformedProfile(
                f"{self._path}: {error.message}",
                found=error.found,
                expected=error.expected,
                hint="Restore it from a copy. Removing it forgets the history that you saw.",
            ) from error

    def largest(self) -> int:
        """The size of the largest checkpoint that is remembered, whatever the log was called then;
        0 of none."""
        return max(map(_size, self.recall().checkpoints.values()), default=0)

    def keep_checkpoint(self, origin: str, note: bytes) -> None:
        """Remember a log's checkpoint, unless a larger one is remembered already."""
        with self._alone():
            now = self.recall()
            kept = now.checkpoints.get(origin)
            if kept is None or _size(kept) < _size(note):
                self._write(replace(now, checkpoints={**now.checkpoints, origin: note}))

    def keep_versions(self, roster: int, keys: int) -> None:
        """Remember the newest versions; neither ever goes back."""
        with self._alone():
            now = self.recall()
            newest = (max(now.roster_version, roster), max(now.keys_version, keys))
            if (now.roster_version, now.keys_version) != newest:
                self._write(replace(now, roster_version=newest[0], keys_version=newest[1]))

    def keep_authority(self, bundle: bytes, roster: int, keys: int) -> None:
        """Of a station: the newest bundle, whose versions these are. An older one is not kept."""
        with self._alone():
            now = self.recall()
            if roster < now.roster_version or keys < now.keys_version:
                return
            self._bundle = bundle
            if self.directory is not None:
                write_atomically(self.directory / _BUNDLE, bundle)
            self._write(replace(now, roster_version=roster, keys_version=keys))

    def recall_authority(self) -> bytes | None:
        """The bundle kept last, to be verified anew; None before the first. Raises FileUnusable."""
        if self.directory is None:
            return self._bundle
        path = self.directory / _BUNDLE
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileUnusable(f"cannot read {path}: {error.strerror}") from error

    def keep_session(self, session: Session | None) -> None:
        with self._alone():
            self._write(replace(self.recall(), session=session))

    def _alone(self) -> AbstractContextManager[None]:
        """Nobody else writes meanwhile. Raises FileUnusable when the disk says no."""
        return nullcontext() if self.directory is None else alone(self.directory / "memory.lock")

    def _write(self, remembered: Remembered) -> None:
        self._now = remembered
        if self._path is not None:
            write_atomically(self._path, _document(remembered, self._fingerprint))


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _document(remembered: Remembered, fingerprint: Digest) -> bytes:
    session = remembered.session
    return dump(
        {
            "type": "client-memory",
            "format": 1,
            "fingerprint": fingerprint,
            "checkpoints": [
                {"origin": origin, "note": note.decode()}
                for origin, note in remembered.checkpoints.items()
            ],
            "roster_version": remembered.roster_version,
            "keys_version": remembered.keys_version,
            "session": session
            and {
                "token": session.token,
                "pin": session.pin,
                "officer": session.officer,
                "expires": format_time(session.expires),
            },
        }
    )


def _parse(raw: bytes, fingerprint: Digest) -> Remembered:
    fields = parse_object(raw, limit=_MAX, what="client memory")
    fields.literal("type", "client-memory")
    fields.literal("format", 1)
    fields.literal("fingerprint", fingerprint)
    checkpoints = {}
    for each in fields.objects("checkpoints", limit=1000):
        note = each.text("note", limit=64 << 10).encode()
        _size(note)
        checkpoints[each.text("origin", limit=200)] = note
        each.done()
    roster_version = fields.integer("roster_version")
    keys_version = fields.integer("keys_version")
    session = None
    if fields.raw("session") is not None:
        inner = fields.fields("session")
        session = Session(
            inner.text("token", limit=1000),
            Pin(inner.hex("pin", size=32).hex()),
            inner.text("officer", limit=64),
            inner.time("expires"),
        )
        inner.done()
    fields.done()
    return Remembered(checkpoints, roster_version, keys_version, session)

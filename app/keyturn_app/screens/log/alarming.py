"""A rewritten history, with both checkpoints: read from what was saved, each signature checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import parse_object
from keyturn.client.contradiction import TYPE, contradiction
from keyturn.client.errors import FileUnusable
from keyturn.client.profile import write_atomically
from keyturn.quorum.continuation import LogName
from keyturn.tlog.checkpoints import Checkpoint, parse_checkpoint, verify_checkpoint
from keyturn.tlog.notes import MAX_NOTE, parse_note

_MAX = 256 << 10


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `signed`: by the log's own key; None when no key is known to check by."""

    note: bytes
    checkpoint: Checkpoint
    signed: bool | None
    time: datetime | None = None  # when this profile saw it, where that is known


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The checkpoint that was seen before, and the one that cannot follow from it."""

    kept: Side
    shown: Side

    @property
    def proves(self) -> bool:
        """Whether the two convict the log to anybody."""
        return bool(self.kept.signed and self.shown.signed)


def read_saved(
    paths: Sequence[Path],
    key: VerifyKey | None,
    origin: str | None,
    names: Sequence[LogName] = (),
) -> Contradiction | None:
    """The first file that holds both; None when there is none. Raises FileUnusable."""
    for path in paths:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise FileUnusable(f"cannot read {path}: {error.strerror}") from error
        try:
            return parse(raw, key, origin, names)
        except MalformedError:
            continue
    return None


def parse(
    raw: bytes, key: VerifyKey | None, origin: str | None, names: Sequence[LogName] = ()
) -> Contradiction:
    """Raises MalformedError. `names`: what the log was called before, each with its key."""
    fields = parse_object(raw, limit=_MAX, what=TYPE)
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    kept, shown = fields.b64("kept", limit=MAX_NOTE), fields.b64("shown", limit=MAX_NOTE)
    fields.done()
    return Contradiction(
        side(kept, key, origin, names=names), side(shown, key, origin, names=names)
    )


def side(
    note: bytes,
    key: VerifyKey | None,
    origin: str | None,
    time: datetime | None = None,
    *,
    names: Sequence[LogName] = (),
) -> Side:
    """Raises MalformedError."""
    checkpoint = parse_checkpoint(parse_note(note).text)
    for each in names:
        if each.origin == checkpoint.origin != origin:
            key, origin = each.key, each.origin
    if key is None or origin is None:
        return Side(note, checkpoint, None, time)
    try:
        verify_checkpoint(note, key, origin)
    except UntrustedError:
        return Side(note, checkpoint, False, time)
    return Side(note, checkpoint, True, time)


def export(both: Contradiction, path: Path) -> None:
    """Both notes in one file, as they are saved by the app itself. Raises FileUnusable."""
    write_atomically(path, contradiction(both.kept.note, both.shown.note))

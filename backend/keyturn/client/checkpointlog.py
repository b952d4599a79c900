"""The checkpoints that a profile has seen, for people to look at and to hold up as proof.

Nothing is decided by it: that history was not rewritten rests on the one checkpoint that
`Memory` keeps. A file that cannot be read counts as empty, and whoever shows a checkpoint from
here verifies its signature first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.client.profile import write_atomically
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint, parse_checkpoint
from keyturn.tlog.notes import MAX_NOTE, parse_note

KEPT = 200
APART = timedelta(minutes=1)
"""A busy log signs every second: of the older ones no two are closer than this."""
_MAX = 16 << 20


@dataclass(frozen=True, slots=True)
class SeenCheckpoint:
    """When a checkpoint was seen first, and its signed note. Not verified since."""

    time: datetime
    note: bytes
    checkpoint: Checkpoint


class CheckpointLog:
    """One log's checkpoints, oldest first, in a file; without a directory for this run only."""

    def __init__(self, origin: str, directory: Path | None) -> None:
        name = f"checkpoints-{sha256(origin.encode()).hex()[:16]}.json"
        self._path = directory / name if directory else None
        self.origin = origin
        self._all: list[SeenCheckpoint] | None = None

    @property
    def all(self) -> tuple[SeenCheckpoint, ...]:
        return tuple(self._known())

    def add(self, signed: SignedCheckpoint, now: datetime) -> None:
        """Remember one that was just verified, unless it is the newest known.

        Raises FileUnusable when the disk says no; it is remembered for this run all the same.
        """
        known = self._known()
        if known and known[-1].checkpoint == signed.checkpoint:
            return
        if len(known) > 1 and known[-1].time - known[-2].time < APART:
            known.pop()
        known.append(SeenCheckpoint(now, signed.to_bytes(), signed.checkpoint))
        del known[:-KEPT]
        if self._path is not None:
            write_atomically(self._path, _document(known))

    def _known(self) -> list[SeenCheckpoint]:
        if self._all is None:
            self._all = [] if self._path is None else _load(self._path, self.origin)
        return self._all


def _document(seen: Sequence[SeenCheckpoint]) -> bytes:
    return dump(
        {
            "type": "checkpoints-seen",
            "format": 1,
            "checkpoints": [
                {"time": format_time(each.time), "note": each.note.decode()} for each in seen
            ],
        }
    )


def _load(path: Path, origin: str) -> list[SeenCheckpoint]:
    try:
        return _parse(path.read_bytes(), origin)
    except (OSError, MalformedError):
        return []


def _parse(raw: bytes, origin: str) -> list[SeenCheckpoint]:
    fields = parse_object(raw, limit=_MAX, what="checkpoints seen")
    fields.literal("type", "checkpoints-seen")
    fields.literal("format", 1)
    found = []
    for each in fields.objects("checkpoints", limit=KEPT):
        note = each.text("note", limit=MAX_NOTE).encode()
        found.append(
            SeenCheckpoint(each.time("time"), note, parse_checkpoint(parse_note(note).text))
        )
        each.done()
    fields.done()
    return [each for each in found if each.checkpoint.origin == origin]

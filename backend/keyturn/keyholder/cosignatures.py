"""What witnesses said of this log, beside it on its disk (our protocol §5.3, §7.1).

One file for each witness key, `witnesses/<key id>`: a signed checkpoint of this log with that
witness's line, the newest; and `witnesses/together`, the largest checkpoint that k of the roster's
witnesses cosigned, for receipts. What is read at a start is verified again, against the log itself.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import KeyId, VerifyKey
from keyturn.keyholder.logdisk_errors import disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.keyrelease.witnessing import Cosigned, Witnessed, covered
from keyturn.quorum.roster import Witnesses
from keyturn.tlog.checkpoints import (
    Checkpoint,
    Cosignature,
    SignedCheckpoint,
    cosignatures_of,
    verify_checkpoint,
)
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.notes import MAX_NOTE, MAX_SIGNATURES, NoteKey, NoteSignature, SignedNote

logger = logging.getLogger(__name__)

DIRECTORY = "witnesses"
TOGETHER = "together"
GATHERED = 64
"""Checkpoints whose lines wait for those of other witnesses: the largest."""


class OwnLog(Protocol):
    """The log that the cosignatures are of."""

    @property
    def checkpoint(self) -> SignedCheckpoint: ...

    @property
    def log_key(self) -> VerifyKey: ...

    def check_extends(self, seen: Checkpoint) -> None:
        """Raises LogRolledBack."""


@dataclass(frozen=True, slots=True)
class _Kept:
    cosigned: Cosigned
    signed: SignedCheckpoint
    line: NoteSignature


class Cosignatures:
    """The newest of each witness, by size, then by time. Safe for many threads."""

    def __init__(self, log: OwnLog, directory: Path, io: DiskIo | None = None) -> None:
        self._log = log
        self._root = directory
        self._io = io or DiskIo()
        self._files = AtomicFiles(directory, self._io)
        self._lock = threading.Lock()
        self._kept: dict[KeyId, _Kept] = {}
        self._gathered: dict[str, dict[KeyId, _Kept]] = {}
        """By the note's text: a size, root and origin."""
        self._together: tuple[_Kept, ...] = ()
        self._floor = 0

    def load(self, keys: Iterable[VerifyKey]) -> None:
        """At a start. What does not verify is left aside: then it is as if nobody had said it.

        No release relies on less than the largest checkpoint that is kept. Raises LogUnwritable.
        """
        known = tuple(keys)
        for key in known:
            for each in self._loaded(key.key_id, (key,)):
                self._kept[key.key_id] = each
                self._gather(each)
        self._together = self._loaded(TOGETHER, known)
        self._floor = max((each.cosigned.size for each in self._kept.values()), default=0)

    def hand_in(self, raw: bytes, witnesses: Witnesses, now: datetime) -> int:
        """Keep what is new of the roster's witnesses; how many of them are kept by now.

        Raises MalformedNote, UntrustedCheckpoint (no line of a witness, a wrong one, or one from
        the future), LogRolledBack (not a checkpoint of this log), LogFull, LogUnwritable.
        """
        signed, found = self._read(raw, witnesses.keys)
        if not found:
            raise UntrustedCheckpoint(
                "no witness of the roster in force cosigned this checkpoint",
                expected=f"a line by one of {len(witnesses.keys)} keys",
            )
        latest = int(now.timestamp()) + witnesses.t_seconds
        for each in found:
            if each.time > latest:
                raise UntrustedCheckpoint(
                    f"the cosignature by {each.witness.name} comes from the future",
                    found=str(each.time),
                    expected=f"at most {latest}",
                    hint="one of the two clocks is wrong: set it right",
                )
        with self._lock:
            for each in found:
                new = _kept(signed, each)
                self._keep(new)
                self._gather(new)
            self._keep_together(self._gathered.get(signed.note.text, {}), witnesses)
            return sum(key.key_id in self._kept for key in witnesses.keys)

    def witnessed(self) -> Witnessed:
        with self._lock:
            cosigned = tuple(each.cosigned for each in self._kept.values())
            return Witnessed(cosigned, self._floor)

    def rely(self, witnesses: Witnesses, now: datetime) -> None:
        """A release is granted on what is kept: none later relies on a smaller checkpoint."""
        size = covered(witnesses, self.witnessed(), now)
        with self._lock:
            self._floor = max(self._floor, size or 0)

    def shown(self, signed: SignedCheckpoint) -> bytes:
        """A checkpoint with the lines that are kept for exactly this one."""
        text = signed.note.text
        with self._lock:
            same = [each.line for each in self._kept.values() if each.signed.note.text == text]
        return signed.note.with_signatures(*same).to_bytes()

    def notes(self) -> tuple[bytes, ...]:
        """Of each witness the checkpoint that it cosigned last, with its line alone."""
        with self._lock:
            return tuple(self._alone(each).to_bytes() for each in self._kept.values())

    def over(self, index: int, witnesses: Witnesses) -> SignedNote | None:
        """The largest checkpoint over this entry that k of these witnesses cosigned; None when
        there is none, or k = 0."""
        with self._lock:
            lines = _of(self._together, witnesses)
        if not 0 < witnesses.k <= len(lines) or lines[0].cosigned.size <= index:
            return None
        return self._alone(*lines)

    def _loaded(self, name: str, keys: tuple[VerifyKey, ...]) -> tuple[_Kept, ...]:
        path = self._root / name
        if not path.is_file():
            return ()
        with disk_errors("reading cosignatures"):
            raw = path.read_bytes()
        try:
            signed, found = self._read(raw[: MAX_NOTE + 1], keys)
        except (MalformedError, UntrustedError) as error:
            logger.warning("a kept cosignature is not believed: %s", error)
            return ()
        return tuple(_kept(signed, each) for each in found)

    def _gather(self, new: _Kept) -> None:
        """The first line of a witness over a checkpoint stays: it is the one that proves most."""
        self._gathered.setdefault(new.signed.note.text, {}).setdefault(new.cosigned.key, new)
        while len(self._gathered) > GATHERED:
            del self._gathered[min(self._gathered, key=self._size_of)]

    def _size_of(self, text: str) -> int:
        return next(iter(self._gathered[text].values())).cosigned.size

    def _keep_together(self, gathered: dict[KeyId, _Kept], witnesses: Witnesses) -> None:
        lines = _of(gathered.values(), witnesses)
        if not 0 < witnesses.k <= len(lines):
            return
        if _worth(lines) > _worth(_of(self._together, witnesses)):
            self._write(TOGETHER, self._alone(*lines))
            self._together = lines

    def _read(
        self, raw: bytes, keys: Iterable[VerifyKey]
    ) -> tuple[SignedCheckpoint, tuple[Cosignature, ...]]:
        log = self._log
        origin = log.checkpoint.checkpoint.origin
        signed = verify_checkpoint(raw, log.log_key, origin)
        log.check_extends(signed.checkpoint)
        return signed, cosignatures_of(signed.note, keys)

    def _keep(self, new: _Kept) -> None:
        known = self._kept.get(new.cosigned.key)
        if known is not None and _rank(known) >= _rank(new):
            return
        self._write(new.cosigned.key, self._alone(new))
        self._kept[new.cosigned.key] = new

    def _write(self, name: str, note: SignedNote) -> None:
        with disk_errors("keeping a cosignature"):
            self._io.make_directory(self._root)
            self._io.make_directory(self._root / "tmp")
            self._files.write_durably(self._root / name, note.to_bytes())

    def _alone(self, *lines: _Kept) -> SignedNote:
        """Of one checkpoint, without the lines of anybody else, which nobody has verified."""
        signed, log_key = lines[0].signed, self._log.log_key
        own = NoteKey(signed.checkpoint.origin, log_key)
        value = signed.note.signature_of(own)
        assert value is not None  # it was verified
        log_line = NoteSignature(own.name, own.id, value)
        return SignedNote(signed.note.text, (log_line, *(each.line for each in lines)))


def _of(lines: Iterable[_Kept], witnesses: Witnesses) -> tuple[_Kept, ...]:
    keys = {key.key_id for key in witnesses.keys}
    return tuple(each for each in lines if each.cosigned.key in keys)[: MAX_SIGNATURES - 1]


def _worth(lines: tuple[_Kept, ...]) -> tuple[int, int]:
    """Of lines over one checkpoint."""
    return (lines[0].cosigned.size if lines else 0, len(lines))


def _kept(signed: SignedCheckpoint, found: Cosignature) -> _Kept:
    key = found.witness.note_key
    value = signed.note.signature_of(key)
    assert value is not None  # it was verified
    cosigned = Cosigned(found.witness.key.key_id, signed.checkpoint.size, found.time)
    return _Kept(cosigned, signed, NoteSignature(key.name, key.id, value))


def _rank(kept: _Kept) -> tuple[int, int]:
    return kept.cosigned.size, kept.cosigned.time

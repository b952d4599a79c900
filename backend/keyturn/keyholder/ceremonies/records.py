"""A ceremony on the disk: a file for each record, and what it keeps until it is over.

`<directory>/ceremonies/<id>/NNNNNN.json` is record N, durable before anybody is told of it.
`<id>/kept/` holds what steps hand to later ones: share boxes, a list of share sets, a backup. Boxes
are deleted when the ceremony is over. Nothing here is a secret by itself.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from keyturn.base.errors import MalformedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import Record, parse_record
from keyturn.keyholder.logdisk_errors import disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo

logger = logging.getLogger(__name__)

DIRECTORY = "ceremonies"
_KEPT = "kept"
_RECORD = re.compile(r"[0-9]{6}\.json\Z")
_NAME = re.compile(r"[a-z0-9.-]{1,64}\Z")


class CeremonyFiles:
    """One ceremony's directory. Raises LogFull and LogUnwritable for the disk."""

    def __init__(self, directory: Path, io: DiskIo | None = None) -> None:
        self._directory = directory
        self._files = AtomicFiles(directory, io or DiskIo())

    @property
    def name(self) -> str:
        return self._directory.name

    def clean(self) -> None:
        """Make the directory, and remove what an earlier process left unfinished in it."""
        with disk_errors("keeping a ceremony"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files.clean()

    def records(self) -> tuple[Record, ...]:
        """All of them, in their order; that they chain is for `ceremony.course` to say.

        Raises MalformedError for a file that is no record, and CeremonyRefused for a gap.
        """
        paths = (
            sorted(each for each in self._directory.iterdir() if _RECORD.match(each.name))
            if self._directory.is_dir()
            else []
        )
        for place, path in enumerate(paths):
            if path.name != _record_name(place):
                raise CeremonyRefused(
                    CeremonyReason.BROKEN_CHAIN,
                    f"a record of ceremony {self.name} is missing",
                    found=path.name,
                    expected=_record_name(place),
                )
        return tuple(parse_record(path.read_bytes()) for path in paths)

    @property
    def begun(self) -> bool:
        """Whether there is any record, readable or not."""
        return self._directory.is_dir() and any(map(_is_record, self._directory.iterdir()))

    def append(self, record: Record) -> None:
        """Durable when it returns."""
        with disk_errors("writing a ceremony's record"):
            self._files.write_durably(self._directory / _record_name(record.seq), record.raw)

    def keep(self, name: str, data: bytes) -> None:
        """Under that name, durable when it returns; replaces what is there."""
        with disk_errors("keeping a ceremony's file"):
            self._files.write_durably(self._path(name), data)

    def kept(self, name: str) -> bytes | None:
        path = self._path(name)
        return path.read_bytes() if path.is_file() else None

    def names(self) -> tuple[str, ...]:
        """Of everything that is kept."""
        folder = self._directory / _KEPT
        return tuple(sorted(each.name for each in folder.iterdir())) if folder.is_dir() else ()

    def forget(self, *names: str) -> None:
        """Delete what is kept under these names, where it is there."""
        with disk_errors("deleting a ceremony's file"):
            for each in names:
                self._path(each).unlink(missing_ok=True)

    def remove(self) -> None:
        """The whole directory: of a ceremony of which no record came to be."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def scratch(self, name: str) -> Path:
        """A directory of the ceremony's own for something big, such as a throw-away token."""
        return self._directory / _name(name)

    def remove_scratch(self, name: str) -> None:
        shutil.rmtree(self._directory / _name(name), ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self._directory / _KEPT / _name(name)


def ceremonies_in(directory: Path) -> Iterator[Path]:
    """The directories of the ceremonies below a host's directory, by their ids."""
    folder = directory / DIRECTORY
    if folder.is_dir():
        yield from sorted(each for each in folder.iterdir() if each.is_dir())


def _is_record(path: Path) -> bool:
    return _RECORD.match(path.name) is not None


def _record_name(seq: int) -> str:
    return f"{seq:06}.json"


def _name(name: str) -> str:
    if not _NAME.match(name) or name.startswith("."):
        raise MalformedError("not the name of a ceremony's file", found=repr(name[:80]))
    return name

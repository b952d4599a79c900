"""The few system calls that the log's durability rests on, as one small object.

Everything that changes the disk goes through here, so that tests can make any one of them fail
or be the last. No policy: callers say what must be durable before what. Linux and other POSIX
systems (`flock`, directory fsync).
"""

import fcntl
import os
from itertools import count
from pathlib import Path

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class DiskIo:
    """System calls, each raising OSError. Files are made for their owner alone."""

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)

    def create(self, path: Path) -> int:
        """Open a new or emptied file for writing."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o600)

    def open(self, path: Path) -> int:
        """Open an existing file for reading and writing."""
        return os.open(path, os.O_RDWR | _FLAGS)

    def write(self, fd: int, data: bytes, offset: int) -> int:
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def close(self, fd: int) -> None:
        os.close(fd)

    def lock(self, path: Path) -> int:
        """Take the lock file for this open file alone; raises BlockingIOError when taken."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return fd

    def free_bytes(self, path: Path) -> int:
        """Bytes that this user may still write to the disk under `path`."""
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize


def write_all(io: DiskIo, fd: int, data: bytes, offset: int) -> None:
    """Write every byte; a short write is followed by the error that explains it."""
    view = memoryview(data)
    while view:
        written = io.write(fd, bytes(view), offset)
        offset += written
        view = view[written:]


class AtomicFiles:
    """Whole files that are there completely or not at all, made in `tmp/` and renamed."""

    def __init__(self, root: Path, io: DiskIo) -> None:
        self._io = io
        self._root = root
        self._scratch = root / "tmp"
        self._names = count()
        self._durable: set[Path] = set()

    def clean(self) -> None:
        """Remove what an earlier process left unfinished; only while nobody writes."""
        self._io.make_directory(self._scratch)
        for each in sorted(self._scratch.iterdir()):
            self._io.remove(each)

    def write(self, path: Path, data: bytes) -> None:
        """Put `data` at `path`, contents durable; its name is only after `sync_names`."""
        self._make_parents(path.parent)
        scratch = self._scratch / str(next(self._names))
        fd = self._io.create(scratch)
        try:
            write_all(self._io, fd, data, 0)
            self._io.sync(fd)
        finally:
            self._io.close(fd)
        self._io.replace(scratch, path)

    def sync_names(self, paths: list[Path]) -> None:
        """Make the names of written files durable, each directory once."""
        for directory in sorted({path.parent for path in paths}):
            self._io.sync_directory(directory)

    def write_durably(self, path: Path, data: bytes) -> None:
        self.write(path, data)
        self._io.sync_directory(path.parent)

    def sync_existing(self, path: Path) -> None:
        """Make a file durable that is there already, its name included."""
        self._make_parents(path.parent)
        fd = self._io.open(path)
        try:
            self._io.sync(fd)
        finally:
            self._io.close(fd)
        self._io.sync_directory(path.parent)

    def _make_parents(self, directory: Path) -> None:
        # Once a process, also for a directory that is there: an earlier process may have
        # died between making it and making its name durable.
        if directory == self._root or directory in self._durable:
            return
        self._make_parents(directory.parent)
        self._io.make_directory(directory)
        self._io.sync_directory(directory.parent)
        self._durable.add(directory)

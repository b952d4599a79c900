"""Disks that die: at the Nth step, by an error, a kill, or a loss of power.

A step is any call that changes the disk. After a kill everything written is there; after a loss
of power only what was synced is: contents by `sync`, names by `sync_directory`.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from keyturn.keyholder.logdisk_io import DiskIo

T = TypeVar("T")


class Crash(BaseException):
    """The process ended here."""


class CountingDisk(DiskIo):
    """Counts steps, and may act on one. Syncs cost nothing."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def make_directory(self, path: Path) -> None:
        self._step("mkdir", lambda: super(CountingDisk, self).make_directory(path))

    def create(self, path: Path) -> int:
        return self._step("create", lambda: super(CountingDisk, self).create(path))

    def write(self, fd: int, data: bytes, offset: int) -> int:
        def half() -> object:
            return super(CountingDisk, self).write(fd, data[: len(data) // 2], offset)

        return self._step(
            "write", lambda: super(CountingDisk, self).write(fd, data, offset), partly=half
        )

    def truncate(self, fd: int, size: int) -> None:
        self._step("truncate", lambda: super(CountingDisk, self).truncate(fd, size))

    def sync(self, fd: int) -> None:
        self._step("sync", lambda: self._synced(fd))

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory", lambda: self._directory_synced(path))

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace", lambda: super(CountingDisk, self).replace(source, target))

    def remove(self, path: Path) -> None:
        self._step("remove", lambda: super(CountingDisk, self).remove(path))

    def free_bytes(self, path: Path) -> int:
        return 1 << 40

    def _synced(self, fd: int) -> None: ...

    def _directory_synced(self, path: Path) -> None: ...

    def _step(
        self, name: str, act: Callable[[], T], partly: Callable[[], object] | None = None
    ) -> T:
        self.steps.append(name)
        return act()


class FailingDisk(CountingDisk):
    """The Nth step (from 0) fails with an OSError; writes are done by half first."""

    def __init__(self, at: int, code: int = errno.EIO) -> None:
        super().__init__()
        self._at = at
        self._code = code

    def _step(
        self, name: str, act: Callable[[], T], partly: Callable[[], object] | None = None
    ) -> T:
        self.steps.append(name)
        if len(self.steps) - 1 != self._at:
            return act()
        if partly:
            partly()
        raise OSError(self._code, os.strerror(self._code))


class DyingDisk(CountingDisk):
    """The process is killed in the Nth step: writes are done by half, the rest not at all."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def die_after(self, steps: int) -> None:
        """Die in the step that comes after so many more."""
        self._at = len(self.steps) + steps

    def revive(self) -> None:
        """The next process: nothing dies any more."""
        self._at = 1 << 30

    def _step(
        self, name: str, act: Callable[[], T], partly: Callable[[], object] | None = None
    ) -> T:
        if len(self.steps) > self._at:
            raise Crash
        self.steps.append(name)
        if len(self.steps) <= self._at:
            return act()
        if partly:
            partly()
        raise Crash


class PowerlessDisk(DyingDisk):
    """As DyingDisk, and `after_power_loss` gives what a disk without its caches would have."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(at)
        self._root = root
        self._contents: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int | None]] = {}
        self._held: list[int] = []  # open files keep their inode numbers from being used again
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                self._directory_synced(path)
            else:
                self._held.append(os.open(path, os.O_RDONLY))
                self._synced(self._held[-1])

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._held.append(os.dup(fd))
        return fd

    def after_power_loss(self, target: Path) -> None:
        self._restore(self._root, target)
        for fd in self._held:
            os.close(fd)

    def _restore(self, source: Path, target: Path) -> None:
        target.mkdir()
        for name, inode in self._names.get(source, {}).items():
            if inode is None:
                self._restore(source / name, target / name)
            else:
                (target / name).write_bytes(self._contents.get(inode, b""))

    def _synced(self, fd: int) -> None:
        found = os.fstat(fd)
        self._contents[found.st_ino] = os.pread(fd, found.st_size, 0)

    def _directory_synced(self, path: Path) -> None:
        self._names[path] = {
            each.name: None if each.is_dir() else each.stat().st_ino for each in path.iterdir()
        }

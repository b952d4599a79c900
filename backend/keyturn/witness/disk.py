"""Files that are there completely or not at all; every system call in one place, for tests to fail.

POSIX only (`flock`, directory fsync).
"""

import fcntl
import os
from pathlib import Path

from keyturn.witness.errors import WitnessUnwritable

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class Disk:
    """System calls that change the disk, each raising OSError. Files are their owner's alone."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class Files:
    """One directory of whole files. Only one process at a time has it (`lock`)."""

    def __init__(self, directory: Path, disk: Disk | None = None) -> None:
        self.directory = directory
        self._disk = disk or Disk()
        self._lock: int | None = None

    def lock(self) -> None:
        """Raises WitnessUnwritable when another process has the directory, or it is not ours."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise WitnessUnwritable(
                "another process has the witness's data", found=str(self.directory)
            ) from error
        self._lock = fd

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self, name: str) -> bytes | None:
        """None when there is no such file. Raises WitnessUnwritable."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, name: str, data: bytes) -> None:
        """Durable, name and all, before this returns. Raises WitnessUnwritable."""
        disk, scratch = self._disk, self.directory / f"{name}.new"
        try:
            fd = disk.create(scratch)
            try:
                done = 0
                while done < len(data):
                    done += disk.write(fd, data[done:])
                disk.sync(fd)
            finally:
                os.close(fd)
            disk.replace(scratch, self.directory / name)
            disk.sync_directory(self.directory)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> WitnessUnwritable:
        return WitnessUnwritable(
            f"the witness's data cannot be used: {error.strerror or error}",
            found=str(self.directory),
        )

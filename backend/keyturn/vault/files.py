"""Reading and writing the files of a sealed model: bounded, exact, synced.

Sealed files may be reached through symbolic links (model caches and mounted volumes are
made of them): every byte read is authenticated or hashed, so a link can at most deny.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.vault.errors import StorageFailed, storage_errors

_NO_BLOCK = getattr(os, "O_NONBLOCK", 0)
"""So that opening a named pipe cannot hang; regular files ignore it."""


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of a regular file, closed at the end. Raises StorageFailed."""
    descriptor = open_regular(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open what must be a regular file. Raises StorageFailed."""
    with storage_errors(f"cannot open {path}"):
        descriptor = os.open(path, flags | os.O_CLOEXEC | _NO_BLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageFailed(f"cannot open {path}: not a regular file")
    return descriptor


def read_small(path: Path, limit: int) -> bytes:
    """A whole small file; at most `limit` + 1 bytes, so that a parser can refuse the excess."""
    raw = memoryview(bytearray(limit + 1))
    with opened(path) as descriptor, storage_errors(f"cannot read {path}"):
        return bytes(raw[: read_into(descriptor, raw, 0, limit + 1)])


def read_into(descriptor: int, view: memoryview, offset: int, enough: int) -> int:
    """Read from `offset` on until `enough` bytes are in `view`; returns the bytes read.

    Fewer than `enough` only at the file's end, more where the file has more. O_DIRECT reads
    whole aligned buffers, so `view` may be larger than what is needed. Raises OSError.
    """
    done = 0
    while done < enough:
        count = os.preadv(descriptor, [view[done:]], offset + done)
        if count == 0:
            break
        done += count
    return done


def write_at(descriptor: int, view: memoryview, offset: int) -> None:
    """Write all of `view` at `offset`. Raises OSError."""
    done = 0
    while done < len(view):
        done += os.pwrite(descriptor, view[done:], offset + done)


def write_new(path: Path, data: bytes) -> None:
    """Create a file that must not exist, write and sync it. Raises StorageFailed."""
    with storage_errors(f"cannot write {path}"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            write_at(descriptor, memoryview(data), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make names created in a directory durable. Raises StorageFailed."""
    with storage_errors(f"cannot sync {path}"):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

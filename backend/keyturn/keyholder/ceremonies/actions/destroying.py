"""Destroying what is on the disk: overwritten once, then deleted.

On a disk that copies what it writes (a journal, flash, snapshots) old bytes may stay all the same:
that cannot be seen from here, and is not claimed.
"""

import os
import stat
from pathlib import Path

from keyturn.keyholder.logdisk_errors import disk_errors

_CHUNK = 1 << 20


def destroy_file(path: Path) -> None:
    """Does nothing where there is none. Raises LogUnwritable."""
    with disk_errors("destroying a file"):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            _overwrite(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()


def destroy_tree(directory: Path) -> None:
    """A directory with everything below it. Raises LogUnwritable."""
    if not directory.is_dir() or directory.is_symlink():
        return
    for each in sorted(directory.iterdir()):
        if each.is_dir() and not each.is_symlink():
            destroy_tree(each)
        elif each.is_file() and not each.is_symlink():
            destroy_file(each)
        else:
            with disk_errors("destroying a file"):
                each.unlink(missing_ok=True)
    with disk_errors("destroying a directory"):
        directory.rmdir()


def _overwrite(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return
    for offset in range(0, found.st_size, _CHUNK):
        os.pwrite(descriptor, bytes(min(_CHUNK, found.st_size - offset)), offset)
    os.fsync(descriptor)

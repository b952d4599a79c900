"""The directory of a plaintext model that is to be sealed: listed strictly, watched for changes.

Symbolic links, devices, pipes and sockets are refused: what a link points to is not part of
what the sealer was told to seal.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.errors import MalformedError
from keyturn.seal.manifest import MAX_FILES
from keyturn.seal.paths import CONTENTS_PATH, ModelPath, check_paths, parse_path
from keyturn.seal.stream import MAX_SIZE
from keyturn.vault.errors import SourceChanged, SourceRefused, storage_errors
from keyturn.vault.parallel import Cancel, raise_if_cancelled


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was listed. `stamp`: device, inode, size, change and modification time."""

    path: ModelPath
    size: int
    stamp: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a directory holds. It can be sealed if nothing is `refused`."""

    files: tuple[SourceFile, ...]
    refused: tuple[MalformedError, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def list_source(root: Path) -> tuple[SourceFile, ...]:
    """Every file below `root`, in the order of the paths' bytes.

    Raises SourceRefused, MalformedSealedModel on a path that the format refuses, StorageFailed.
    """
    found = [_listed(relative, status) for relative, status in _walked(root)]
    _check_whole(root, found)
    return _in_order(found)


def survey_source(root: Path, cancel: Cancel | None = None) -> Survey:
    """As `list_source`, for a person: goes on after what cannot be sealed, and names all of it.

    Raises StorageFailed, SealCancelled.
    """
    found, refused = [], []
    try:
        for relative, status in _walked(root):
            raise_if_cancelled(cancel)
            try:
                found.append(_listed(relative, status))
            except MalformedError as error:
                refused.append(error)
        if not refused:
            _check_whole(root, found)
    except MalformedError as error:
        refused.append(error)
    return Survey(_in_order(found), tuple(refused))


def _walked(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All below `root` that is no directory, links not followed. Raises SourceRefused."""
    with storage_errors(f"cannot list {root}"):
        if not stat.S_ISDIR(root.stat().st_mode):
            raise SourceRefused(f"{root} is not a directory")
        for folder, folders, names in os.walk(root, onerror=_raise):
            for name in folders + names:
                place = Path(folder, name)
                status = place.lstat()
                if not stat.S_ISDIR(status.st_mode):
                    yield place.relative_to(root), status


def _check_whole(root: Path, found: list[SourceFile]) -> None:
    if not found:
        raise SourceRefused(f"{root} holds no file to seal")
    if len(found) >= MAX_FILES:
        raise SourceRefused(
            f"{root} holds too many files", found=str(len(found)), expected=f"under {MAX_FILES}"
        )
    check_paths(each.path for each in found)


def _in_order(found: list[SourceFile]) -> tuple[SourceFile, ...]:
    return tuple(sorted(found, key=lambda each: each.path.encode()))


def open_source(root: Path, file: SourceFile) -> int:
    """Open a listed file; the caller closes. Raises SourceChanged when it is another by now."""
    with storage_errors(f"cannot open {root / file.path}"):
        descriptor = os.open(root / file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        check_unchanged(descriptor, file)
    except SourceChanged:
        os.close(descriptor)
        raise
    return descriptor


def check_unchanged(descriptor: int, file: SourceFile) -> None:
    """Raises SourceChanged unless the open file is still the one that was listed."""
    if _stamp(os.fstat(descriptor)) != file.stamp:
        raise changed(file.path)


def changed(path: str) -> SourceChanged:
    """The error that says so."""
    return SourceChanged(
        f"{path!r} changed while it was being sealed",
        hint="Wait until nothing writes into the model's directory, then seal again.",
    )


def check_same_listing(root: Path, files: tuple[SourceFile, ...]) -> None:
    """Raises SourceChanged when the directory no longer holds exactly what was listed."""
    try:
        now = list_source(root)
    except MalformedError as error:
        raise SourceChanged(f"the source changed while it was being sealed: {error}") from error
    different = set(now) ^ set(files)
    if different:
        raise changed(min(each.path for each in different))


def _listed(relative: Path, status: os.stat_result) -> SourceFile:
    if not stat.S_ISREG(status.st_mode):
        raise SourceRefused(
            f"cannot seal {str(relative)!a}",
            found=_kind(status.st_mode),
            expected="regular files and directories",
            hint="Copy the model with its links followed (cp -rL) and seal the copy.",
        )
    path = parse_path(relative.as_posix())
    if path == CONTENTS_PATH:
        raise SourceRefused(f"cannot seal {path!r}: the name is reserved")
    if status.st_size > MAX_SIZE:
        raise SourceRefused(f"cannot seal {path!r}: too large", found=f"{status.st_size} bytes")
    return SourceFile(path, status.st_size, _stamp(status))


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def _raise(error: OSError) -> None:
    raise error

"""Requests on this machine by their digest: a bounded cache, never a source.

What a file holds counts only when it has the digest that it is called by.
"""

import os
import re
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.request import MAX_REQUEST

MOST_BYTES = 512 << 20
"""About twice what ten thousand nodes show."""
_NAME = re.compile(r"[0-9a-f]{64}\Z")


class EvidenceShelf:
    """Not thread-safe. Without a directory all of it stays in memory."""

    def __init__(self, directory: Path | None, most: int = MOST_BYTES) -> None:
        self._directory, self._most = directory, most
        self._memory: OrderedDict[Digest, bytes] = OrderedDict()
        self._sizes: OrderedDict[Digest, int] = OrderedDict()  # the oldest first
        self._size = 0
        for digest, size in _there(directory):
            self._note(digest, size)

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    def get(self, digest: Digest) -> bytes | None:
        """None when it is not here, or not what it was."""
        if digest not in self._sizes:
            return None
        found = self._memory.get(digest) if self._directory is None else self._read(digest)
        if found is None or digest_of(found) != digest:
            self._drop(digest)
            return None
        return found

    def put(self, raw: bytes) -> None:
        """A disk that says no costs nothing but asking again."""
        digest = digest_of(raw)
        if digest in self._sizes or len(raw) > MAX_REQUEST:
            return
        if self._directory is None:
            self._memory[digest] = raw
        else:
            try:
                _write(self._directory, digest, raw)
            except OSError:
                return
        self._note(digest, len(raw))
        while self._size > self._most:
            self._drop(next(iter(self._sizes)))

    def keep_only(self, wanted: Collection[Digest]) -> None:
        """Give up what no node's newest entry names any more."""
        for digest in [each for each in self._sizes if each not in wanted]:
            self._drop(digest)

    def _note(self, digest: Digest, size: int) -> None:
        self._sizes[digest] = size
        self._size += size

    def _drop(self, digest: Digest) -> None:
        self._size -= self._sizes.pop(digest)
        self._memory.pop(digest, None)
        if self._directory is not None:
            with suppress(OSError):
                _path(self._directory, digest).unlink(missing_ok=True)

    def _read(self, digest: Digest) -> bytes | None:
        assert self._directory is not None
        try:
            with _path(self._directory, digest).open("rb") as stream:
                return stream.read(MAX_REQUEST + 1)
        except OSError:
            return None


def _there(directory: Path | None) -> list[tuple[Digest, int]]:
    """What lies there, the oldest first; what has another name than a digest is not ours."""
    found: list[tuple[float, Digest, int]] = []
    if directory is None:
        return []
    with suppress(OSError), os.scandir(directory) as entries:
        for each in entries:
            if _NAME.match(each.name) and each.is_file(follow_symlinks=False):
                about = each.stat(follow_symlinks=False)
                found.append((about.st_mtime, Digest(f"sha256:{each.name}"), about.st_size))
    return [(digest, size) for _, digest, size in sorted(found)]


def _write(directory: Path, digest: Digest, raw: bytes) -> None:
    """Not flushed: what a crash leaves behind does not have the digest."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(directory, digest)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(raw)
    new.replace(path)


def _path(directory: Path, digest: Digest) -> Path:
    return directory / digest.removeprefix("sha256:")

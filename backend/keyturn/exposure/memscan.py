"""Look for known bytes in a process's memory and below a directory.

A search that finds nothing proves nothing by itself: always search, by the same call, where
the bytes are known to lie (a positive control). What was absent at the moment of a scan may
have been there before; scans are samples. Reading another process needs its user and
dumpability, or CAP_SYS_PTRACE (proc(5), ptrace(2) "Ptrace access mode checking").

The searching process holds the needles itself: never let it scan itself or count its output.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from keyturn.base.errors import UnreachableError

_CHUNK = 8 << 20  # bytes read at a time
_UNREADABLE = ("[vvar]", "[vsyscall]", "[vvar_vclock]")


class NotSearchedError(UnreachableError):
    """The memory or directory could not be read, so nothing is known about it."""


@dataclass(frozen=True, slots=True)
class Region:
    """A line of /proc/PID/maps."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a needle was found."""

    place: str
    """A region's name and address, or a file's path."""
    offset: int


@dataclass(frozen=True, slots=True)
class Searched:
    """What was looked through, and what was found of each needle, by its name."""

    hits: Mapping[str, tuple[Hit, ...]]
    searched_bytes: int
    unreadable_bytes: int
    """Memory or files that the system did not let us read; not proved clean."""

    @property
    def found(self) -> frozenset[str]:
        return frozenset(name for name, hits in self.hits.items() if hits)


def find_in_process(pid: int, needles: Mapping[str, bytes]) -> Searched:
    """Search every readable page of a process, swapped-out ones included.

    Pages that go away while being read count as unreadable. Raises NotSearchedError when the
    process is gone or may not be read at all, ValueError on an empty needle or our own pid.
    """
    _check_needles(needles)
    if pid == os.getpid():
        raise ValueError("a process that searches itself finds its own needles")
    tally = _Tally(needles)
    try:
        regions = parse_maps(Path(f"/proc/{pid}/maps").read_text())
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for region in regions:
                if region.name not in _UNREADABLE:
                    _search_region(memory, region, tally)
    except OSError as error:
        raise NotSearchedError(f"cannot read the memory of process {pid}: {error}") from error
    if tally.searched == 0:
        raise NotSearchedError(f"process {pid} has no memory that can be read")
    return tally.result()


def find_in_tree(root: Path, needles: Mapping[str, bytes]) -> Searched:
    """Search every regular file below `root`, without following links.

    Raises NotSearchedError when `root` is not a directory, or a directory cannot be listed.
    """
    _check_needles(needles)
    if not root.is_dir():
        raise NotSearchedError("no directory to search", found=str(root))
    tally = _Tally(needles)
    for path in _files(root):
        try:
            with path.open("rb", buffering=0) as file:
                _search_stream(file, str(path), tally)
        except FileNotFoundError:
            continue  # gone since it was listed
        except OSError:
            tally.unreadable += _size(path)
    return tally.result()


def parse_maps(text: str) -> tuple[Region, ...]:
    """The readable regions of /proc/PID/maps (proc(5)); execute-only ones are left out."""
    regions = []
    for line in text.splitlines():
        parts = line.split(None, 5)
        start, end = (int(each, 16) for each in parts[0].split("-"))
        if parts[1].startswith("r"):
            regions.append(Region(start, end, parts[5] if len(parts) > 5 else "anonymous"))
    return tuple(regions)


class _Tally:
    """What a search adds up."""

    def __init__(self, needles: Mapping[str, bytes]) -> None:
        self.needles = dict(needles)
        self.overlap = max(map(len, needles.values())) - 1
        self.searched = 0
        self.unreadable = 0
        self._hits: dict[str, list[Hit]] = {name: [] for name in needles}

    def search(self, window: bytes, fresh_from: int, base: int, place: str) -> None:
        """Look in `window`, counting only matches that end behind `fresh_from`."""
        for name, needle in self.needles.items():
            at = window.find(needle)
            while at >= 0:
                if at + len(needle) > fresh_from:
                    self._hits[name].append(Hit(place, base + at))
                at = window.find(needle, at + 1)

    def result(self) -> Searched:
        hits = {name: tuple(found) for name, found in self._hits.items()}
        return Searched(hits, self.searched, self.unreadable)


def _search_region(memory: BinaryIO, region: Region, tally: _Tally) -> None:
    place = f"{region.name} {region.start:#x}"
    tail, at = b"", region.start
    while at < region.end:
        want = min(_CHUNK, region.end - at)
        chunk = _read_at(memory, at, want)
        if not chunk:
            tally.unreadable += min(_PAGE, want)
            tail, at = b"", at + min(_PAGE, want)
            continue
        tally.searched += len(chunk)
        window = tail + chunk
        tally.search(window, len(tail), at - len(tail) - region.start, place)
        tail = window[-tally.overlap :] if tally.overlap else b""
        at += len(chunk)


_PAGE = os.sysconf("SC_PAGE_SIZE")


def _read_at(memory: BinaryIO, at: int, size: int) -> bytes:
    """Up to `size` bytes; none where a page cannot be read (then the caller skips one page)."""
    try:
        memory.seek(at)
        return memory.read(size)
    except (OSError, OverflowError):
        if size <= _PAGE:
            return b""
        return _read_at(memory, at, _PAGE)


def _search_stream(file: BinaryIO, place: str, tally: _Tally) -> None:
    tail, at = b"", 0
    while chunk := file.read(_CHUNK):
        tally.searched += len(chunk)
        window = tail + chunk
        tally.search(window, len(tail), at - len(tail), place)
        tail = window[-tally.overlap :] if tally.overlap else b""
        at += len(chunk)


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root, onerror=_cannot_list, followlinks=False):
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _cannot_list(error: OSError) -> None:
    raise NotSearchedError(f"a directory cannot be listed: {error}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_needles(needles: Mapping[str, bytes]) -> None:
    if not needles or not all(needles.values()):
        raise ValueError("each needle needs at least one byte")

"""The parallel part of sealing: many files and many segments of one file at a time.

Each file is a lane. A worker takes the next segment of the lane with the fewest workers,
reads, encrypts and writes it; the two hashes of a file (plain and sealed) run in segment
order, so at most one thread each per file. Buffers with plaintext are wiped at the end.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.seal.identity import ModelId
from keyturn.seal.keys import KeyBuffer
from keyturn.seal.manifest import FileEntry
from keyturn.seal.paths import sealed_name
from keyturn.seal.stream import (
    BLOCK_SIZE,
    HEADER_SIZE,
    PREFIX_SIZE,
    SALT_SIZE,
    FileCipher,
    Header,
    Segment,
    sealed_size,
    segment_at,
    segment_count,
)
from keyturn.vault.arena import Arena
from keyturn.vault.errors import storage_errors
from keyturn.vault.files import read_into, write_at
from keyturn.vault.parallel import (
    Cancel,
    InOrder,
    Meter,
    Stop,
    in_parallel,
    raise_if_cancelled,
    thread_count,
)
from keyturn.vault.source import SourceFile, changed, check_unchanged, open_source


@dataclass(frozen=True, slots=True)
class SealJob:
    """What all files of one sealing share. `draft` is the directory that is written."""

    source: Path
    draft: Path
    model_id: ModelId
    dek: KeyBuffer
    randomness: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One finished file, and the SHA-256 of its plaintext."""

    entry: FileEntry
    plain: Digest


def seal_files(
    job: SealJob,
    files: tuple[SourceFile, ...],
    *,
    threads: int | None,
    meter: Meter,
    cancel: Cancel | None,
) -> list[SealedFile]:
    """Seal all `files`, in parallel; results in their order. Raises as `seal_directory`."""
    workers = thread_count(threads, sum(segment_count(each.size) for each in files))
    queue = _Queue(job, files, workers)

    def work(stop: Stop) -> None:
        with _buffers() as (plain, block):
            while not stop and (claim := queue.claim()):
                raise_if_cancelled(cancel)
                lane, segment = claim
                lane.seal(segment, plain, block, stop)
                queue.finished(lane)
                meter.add(segment.plain_size)

    try:
        in_parallel(work, workers)
    finally:
        queue.close()
    return [queue.results[each.path] for each in files]


@contextmanager
def _buffers() -> Iterator[tuple[memoryview, memoryview]]:
    plain, block = Arena(BLOCK_SIZE), Arena(BLOCK_SIZE)
    try:
        yield plain.view, block.view
    finally:
        plain.wipe()
        block.wipe()


class _Lane:
    """One file on its way: open descriptors, its cipher, two hashes in order."""

    def __init__(self, job: SealJob, file: SourceFile) -> None:
        self.file = file
        self.count = segment_count(file.size)
        self.claimed = self.done = self.active = 0
        self._header = Header(job.randomness(SALT_SIZE), job.randomness(PREFIX_SIZE))
        self._cipher = FileCipher(job.dek, job.model_id, file.path, self._header)
        self._plain_hash, self._sealed_hash = hashlib.sha256(), hashlib.sha256()
        self._plain_order, self._sealed_order = InOrder(), InOrder()
        self._target = job.draft / sealed_name(file.path)
        self._input = open_source(job.source, file)
        try:
            with storage_errors(f"cannot create {self._target}"):
                self._target.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._output = os.open(self._target, flags, 0o666)
        except BaseException:
            os.close(self._input)
            raise

    def seal(self, segment: Segment, plain: memoryview, block: memoryview, stop: Stop) -> None:
        """Read, encrypt, write and hash one segment."""
        plain, block = plain[: segment.plain_size], block[: segment.block_size]
        with storage_errors(f"cannot read {self.file.path!r}"):
            count = read_into(self._input, plain, segment.plain_at, len(plain))
        if count != len(plain):
            raise changed(self.file.path)
        if segment.index == 0:
            block[:HEADER_SIZE] = self._header.to_bytes()
        self._cipher.seal_into(segment, plain, block[segment.skip :])
        with storage_errors(f"cannot write {self._target}"):
            write_at(self._output, block, segment.block_at)
        self._plain_order.run(segment.index, lambda: self._plain_hash.update(plain), stop)
        self._sealed_order.run(segment.index, lambda: self._sealed_hash.update(block), stop)

    def finish(self) -> SealedFile:
        """Sync, check that the source is unchanged, close."""
        with storage_errors(f"cannot write {self._target}"):
            os.fsync(self._output)
        check_unchanged(self._input, self.file)
        self.close()
        size = self.file.size
        digest = Digest("sha256:" + self._sealed_hash.hexdigest())
        entry = FileEntry(self.file.path, size, sealed_size(size), digest)
        return SealedFile(entry, Digest("sha256:" + self._plain_hash.hexdigest()))

    def close(self) -> None:
        os.close(self._input)
        os.close(self._output)


class _Queue:
    """Hands out segments: at most `width` files open, the least busy of them first."""

    def __init__(self, job: SealJob, files: tuple[SourceFile, ...], width: int) -> None:
        self.results: dict[str, SealedFile] = {}
        self._job = job
        self._waiting = sorted(files, key=lambda each: each.size)  # the largest is taken first
        self._open: list[_Lane] = []
        self._width = width
        self._lock = threading.Lock()

    def claim(self) -> tuple[_Lane, Segment] | None:
        """The next segment to seal, or None when all are taken."""
        with self._lock:
            if self._waiting and len(self._open) < self._width:
                self._open.append(_Lane(self._job, self._waiting.pop()))
            ready = [each for each in self._open if each.claimed < each.count]
            if not ready and self._waiting:
                self._open.append(_Lane(self._job, self._waiting.pop()))
                ready = self._open[-1:]
            if not ready:
                return None
            lane = min(ready, key=lambda each: each.active)
            segment = segment_at(lane.file.size, lane.claimed)
            lane.claimed += 1
            lane.active += 1
            return lane, segment

    def finished(self, lane: _Lane) -> None:
        """One segment of `lane` is sealed; the last one finishes the file."""
        with self._lock:
            lane.active -= 1
            lane.done += 1
            last = lane.done == lane.count
        if last:
            result = lane.finish()
            with self._lock:
                self._open.remove(lane)
                self.results[lane.file.path] = result

    def close(self) -> None:
        """Close what is still open after a failure."""
        for lane in self._open:
            lane.close()
        self._open.clear()

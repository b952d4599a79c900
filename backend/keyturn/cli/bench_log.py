"""`keyturn bench log`: what an entry costs, alone and in company, and what a proof costs.

Appends are measured with every sync of the real disk, beside a bare write and fsync of the same
bytes on the same disk. The big log for proofs is built without syncs, which is no benchmark, and
opened as usual. Entries are 700 bytes, about the size of a grant's.
"""

import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.progress import track
from rich.table import Table

from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.keyholder.logdisk import MAX_BATCH, LogDisk
from keyturn.keyholder.logdisk_committer import GroupCommitter
from keyturn.keyholder.logdisk_io import DiskIo

ORIGIN = "bench.keyturn.example/log"
ENTRY_BYTES = 700
SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each repetition, and of all from first to last."""

    what: str
    each: tuple[float, ...]
    total: float

    @property
    def per_second(self) -> float:
        return len(self.each) / self.total

    def quantile(self, share: float) -> float:
        """The time in milliseconds that this share of repetitions did not exceed."""
        ordered = sorted(self.each)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def document(self) -> dict[str, object]:
        return {
            "what": self.what,
            "count": len(self.each),
            "per_second": round(self.per_second, 1),
            "p50_ms": round(self.quantile(0.5), 4),
            "p99_ms": round(self.quantile(0.99), 4),
        }


class _Unsynced(DiskIo):
    """For building a log whose durability nobody needs."""

    def sync(self, fd: int) -> None: ...

    def sync_directory(self, path: Path) -> None: ...


class _Key:
    """A log key for this run alone, in memory."""

    def __init__(self) -> None:
        key = Ed25519PrivateKey.generate()
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public: VerifyKey = load_verify_key(spki)
        self.sign = key.sign


def register_bench(bench: typer.Typer) -> None:
    """Add `log` to `keyturn bench`."""

    @bench.command()
    def log(
        entries: Annotated[
            int, typer.Option(min=1, help="Size of the log for proofs.")
        ] = 1_000_000,
        appends: Annotated[int, typer.Option(min=1, help="Single appends to time.")] = 500,
        threads: Annotated[int, typer.Option(min=1, help="Writers in group commit.")] = 64,
        directory: Annotated[
            Path | None, typer.Option(help="On the disk to measure; default: temporary files.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    ) -> None:
        """Time appends, group commit, and proofs in a big log."""
        with errors_explained(as_json=as_json):
            parent = directory.resolve() if directory else None
            with tempfile.TemporaryDirectory(prefix="keyturn-bench-", dir=parent) as place:
                timings, facts = _measure(Path(place), entries, appends, threads)
        if as_json:
            print_json({**facts, "timings": [each.document() for each in timings]})
        else:
            _show(timings, facts)


def _measure(
    place: Path, entries: int, appends: int, threads: int
) -> tuple[list[Timing], dict[str, object]]:
    key = _Key()
    (place / "small").mkdir()
    (place / "big").mkdir()
    timings = [_bare_syncs(place / "bare", appends)]
    with LogDisk.create(place / "small", ORIGIN, key.sign, key.public, reserve=0) as log:
        timings.append(_repeat("append, alone", appends, lambda n: log.append(_entry(n))))
        timings.append(_grouped(log, threads, appends))
    _build(place / "big", key, entries)
    began = time.perf_counter()
    with LogDisk.open(place / "big", ORIGIN, key.sign, key.public, reserve=0) as log:
        opening = time.perf_counter() - began
        timings += _proofs(log, entries)
        replayed = min(entries, 200_000)
        began = time.perf_counter()
        for _ in log.leaves(0, replayed):
            pass
        replay = replayed / (time.perf_counter() - began)
    facts: dict[str, object] = {
        "entries": entries,
        "entry_bytes": ENTRY_BYTES,
        "threads": threads,
        "open_ms": round(1000 * opening, 1),
        "verified_replay_per_second": round(replay),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    return timings, facts


def _bare_syncs(path: Path, count: int) -> Timing:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:

        def write_and_sync(number: int) -> None:
            os.write(fd, _entry(number))
            os.fsync(fd)

        return _repeat("bare write and fsync", count, write_and_sync)
    finally:
        os.close(fd)


def _grouped(log: LogDisk, threads: int, appends: int) -> Timing:
    each = max(1, 4 * appends // threads)

    def write(committer: GroupCommitter) -> list[float]:
        times = []
        for number in range(each):
            began = time.perf_counter()
            committer.append(_entry(number))
            times.append(time.perf_counter() - began)
        return times

    with GroupCommitter(log) as committer, ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        running = [pool.submit(write, committer) for _ in range(threads)]
        times = [seconds for each_of in running for seconds in each_of.result()]
        return Timing(f"append, {threads} waiting", tuple(times), time.perf_counter() - began)


def _proofs(log: LogDisk, entries: int) -> Iterator[Timing]:
    # The same places in every run; which they are is no secret.
    places = random.Random(entries).choices(range(entries), k=SAMPLE)  # noqa: S311
    for what in ("inclusion proof, first", "inclusion proof, again"):
        yield _repeat(what, SAMPLE, lambda n: log.inclusion(places[n], entries))
    yield _repeat("consistency proof", SAMPLE, lambda n: log.consistency(places[n], entries))
    yield _repeat("receipt", SAMPLE, lambda n: log.receipt(places[n]))


def _build(directory: Path, key: _Key, entries: int) -> None:
    io = _Unsynced()
    with LogDisk.create(directory, ORIGIN, key.sign, key.public, reserve=0, io=io) as log:
        batches = range(0, entries, MAX_BATCH)
        for start in track(batches, "building the log", console=stderr, transient=True):
            end = min(entries, start + MAX_BATCH)
            log.append_many([_entry(number) for number in range(start, end)])


def _repeat(what: str, count: int, act: Callable[[int], object]) -> Timing:
    times = []
    first = time.perf_counter()
    for number in range(count):
        began = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - began)
    return Timing(what, tuple(times), time.perf_counter() - first)


def _entry(number: int) -> bytes:
    return (b'{"type":"bench","number":%d}' % number).ljust(ENTRY_BYTES)


def _show(timings: list[Timing], facts: dict[str, object]) -> None:
    table = Table("what", "a second", "p50 ms", "p99 ms")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in timings:
        p50, p99 = f"{each.quantile(0.5):.3f}", f"{each.quantile(0.99):.3f}"
        table.add_row(each.what, f"{each.per_second:,.0f}", p50, p99)
    stdout.print(table)
    stdout.print(", ".join(f"{name} {value}" for name, value in facts.items()), markup=False)

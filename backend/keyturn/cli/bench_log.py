"""`keyturn bench log`: what an entry costs, alone and in company, what a proof costs, what a quorum
costs, and what an officer's client does at its start in front of a big log.

Appends are measured with every sync of the real disk, beside a bare write and fsync of the same
bytes on the same disk; their entries are 700 bytes. The big log holds real statements and grants;
it is built without syncs, which is no benchmark, and opened as usual.
"""

import os
import platform
import random
import statistics
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

from keyturn.base.dsse import parse_envelope, verified_signers
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.cli.bench_log_authority import BenchAuthority, judged
from keyturn.cli.bench_log_client import NEW, ClientBench
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.keyholder.logdisk import MAX_BATCH, LogDisk
from keyturn.keyholder.logdisk_committer import GroupCommitter
from keyturn.keyholder.logdisk_io import DiskIo

ORIGIN = "bench.keyturn.example/log"
ENTRY_BYTES = 700
SAMPLE = 1000
STATEMENTS = 100
"""In force in the big log; each with three approvals."""
STARTS = 20
_JUDGED = "statement by 3 of 5, judged"
_SIGNATURES = "its four signatures alone"


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
        self.spki = spki
        self.public: VerifyKey = load_verify_key(spki)
        self.sign = key.sign


def register_bench(bench: typer.Typer) -> None:
    """Add `log` to `keyturn bench`."""

    @bench.command()
    def log(
        entries: Annotated[
            int, typer.Option(min=3, help="Size of the log for proofs and the client's start.")
        ] = 1_000_000,
        appends: Annotated[int, typer.Option(min=1, help="Single appends to time.")] = 500,
        threads: Annotated[int, typer.Option(min=1, help="Writers in group commit.")] = 64,
        directory: Annotated[
            Path | None, typer.Option(help="On the disk to measure; default: temporary files.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    ) -> None:
        """Time appends, group commit, quorums, proofs and a client's start in a big log."""
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
    authority = BenchAuthority(ORIGIN, key.spki)
    authority.fill(min(STATEMENTS, entries - 1))
    (place / "small").mkdir()
    (place / "big").mkdir()
    timings = [_bare_syncs(place / "bare", appends)]
    with LogDisk.create(place / "small", ORIGIN, key.sign, key.public, reserve=0) as log:
        timings.append(_repeat("append, alone", appends, lambda n: log.append(_entry(n))))
        timings.append(_grouped(log, threads, appends))
    _build(place / "big", key, authority, entries)
    timings += _quorum(authority)
    began = time.perf_counter()
    with LogDisk.open(place / "big", ORIGIN, key.sign, key.public, reserve=0) as log:
        opening = time.perf_counter() - began
        timings += _proofs(log, entries)
        replayed = min(entries, 200_000)
        began = time.perf_counter()
        for _ in log.leaves(0, replayed):
            pass
        replay = replayed / (time.perf_counter() - began)
        client = ClientBench(authority, log, key.sign, place / "officer").measure(STARTS)
    timings += [
        _timing("bare work of a start", client.bare),
        _timing("client's start, nothing new", client.nothing_new),
        _timing(f"client's start, {NEW:,} new", client.some_new),
        _timing("256 older entries, proved", client.older),
    ]
    facts: dict[str, object] = {
        "entries": entries,
        "entry_bytes": ENTRY_BYTES,
        "big_entry_bytes": len(authority.leaf(entries)),
        "statements": len(authority.leaves) - 1,
        "start_cpu_ms": round(1000 * _median(client.nothing_new_cpu), 1),
        "bare_cpu_ms": round(1000 * _median(client.bare_cpu), 1),
        "start_over_bare_cpu": round(_median(client.nothing_new_cpu) / _median(client.bare_cpu), 2),
        "quorum_over_bare": round(_of(timings, _JUDGED) / _of(timings, _SIGNATURES), 2),
        "first_sync_per_second": round(client.first_per_second),
        "kept_bytes": client.kept_bytes,
        "client_memory_mib": round(client.memory_mib, 1),
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


def _quorum(authority: BenchAuthority) -> Iterator[Timing]:
    """A statement by three of five officers, and its four signatures alone."""
    made = authority.platforms("a-new-list")
    roster = authority.state.roster
    assert roster is not None
    envelopes = [parse_envelope(each) for each in (made.statement, *made.approvals)]

    def signatures(_number: int) -> None:
        for each in envelopes:
            verified_signers(each, roster.keys)

    yield _repeat(_SIGNATURES, SAMPLE, signatures)
    yield _repeat(_JUDGED, SAMPLE, lambda _number: judged(authority, made))


def _timing(what: str, each: tuple[float, ...]) -> Timing:
    return Timing(what, each, sum(each))


def _median(each: tuple[float, ...]) -> float:
    return statistics.median(each)


def _of(timings: list[Timing], what: str) -> float:
    return next(_median(each.each) for each in timings if each.what == what)


def _build(directory: Path, key: _Key, authority: BenchAuthority, entries: int) -> None:
    io = _Unsynced()
    with LogDisk.create(directory, ORIGIN, key.sign, key.public, reserve=0, io=io) as log:
        batches = range(0, entries, MAX_BATCH)
        for start in track(batches, "building the log", console=stderr, transient=True):
            end = min(entries, start + MAX_BATCH)
            log.append_many([authority.leaf(number) for number in range(start, end)])


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

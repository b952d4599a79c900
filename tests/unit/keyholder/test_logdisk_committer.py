import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.signatures import load_verify_key
from keyturn.keyholder.logdisk import MAX_BATCH, Appended, LogDisk
from keyturn.keyholder.logdisk_committer import GroupCommitter
from keyturn.keyholder.logdisk_errors import LogFull, LogInUse, LogOverloaded, LogUnwritable
from keyturn.tlog.errors import MalformedTile
from unit.keyholder.failing_disk import CountingDisk

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = load_verify_key(
    LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogDisk]:
    with LogDisk.create(tmp_path, ORIGIN, LOG.sign, LOG_KEY, io=CountingDisk()) as log:
        yield log


class GatedLog:
    """A log whose writing waits at a gate, so that a test decides what queues up behind it."""

    def __init__(self, log: LogDisk) -> None:
        self._log = log
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.batches: list[tuple[int, bool]] = []
        self.fail: Exception | None = None

    def append_many(self, leaves: Sequence[bytes], *, reserved: bool = False) -> Appended:
        self.entered.set()
        assert self.gate.wait(10)
        self.batches.append((len(leaves), reserved))
        if self.fail:
            raise self.fail
        return self._log.append_many(leaves, reserved=reserved)


def test_an_entry_is_there_when_its_future_is_done(log: LogDisk) -> None:
    with GroupCommitter(log) as committer:
        done = committer.append(b"entry")
        assert log.leaf(done.index) == b"entry"
        assert done.checkpoint.checkpoint.size == 1


def test_entries_that_wait_share_one_append_in_their_order(log: LogDisk) -> None:
    gated = GatedLog(log)
    with GroupCommitter(gated) as committer:
        first = committer.submit(b"first")
        assert gated.entered.wait(10)
        rest = [committer.submit(b"%d" % each) for each in range(100)]
        gated.gate.set()
        assert first.result(10).index == 0
        assert [each.result(10).index for each in rest] == list(range(1, 101))
    assert gated.batches == [(1, False), (100, False)]
    assert list(log.leaves(1)) == [b"%d" % each for each in range(100)]


def test_batches_are_bounded_and_of_one_kind(log: LogDisk) -> None:
    gated = GatedLog(log)
    with GroupCommitter(gated, max_batch=4) as committer:
        committer.submit(b"first")
        assert gated.entered.wait(10)
        kinds = [False] * 6 + [True] * 2 + [False]
        rest = [committer.submit(b"%d" % place, reserved=r) for place, r in enumerate(kinds)]
        gated.gate.set()
        assert [each.result(10).index for each in rest] == list(range(1, 10))
    assert gated.batches == [(1, False), (4, False), (2, False), (2, True), (1, False)]


def test_too_many_waiting_are_refused_but_a_revocation_is_not(log: LogDisk) -> None:
    gated = GatedLog(log)
    with GroupCommitter(gated, max_waiting=2) as committer:
        committer.submit(b"written")
        assert gated.entered.wait(10)
        committer.submit(b"waits")
        committer.submit(b"waits too")
        with pytest.raises(LogOverloaded, match="2 waiting"):
            committer.submit(b"one too many")
        revocation = committer.submit(b"a revocation", reserved=True)
        gated.gate.set()
        assert revocation.result(10).index == 3
    assert list(log.leaves()) == [b"written", b"waits", b"waits too", b"a revocation"]


def test_after_an_unsure_error_everyone_waiting_fails_and_the_writer_stops(log: LogDisk) -> None:
    gated = GatedLog(log)
    gated.fail = LogUnwritable("the disk failed")
    with GroupCommitter(gated) as committer:
        first = committer.submit(b"first")
        assert gated.entered.wait(10)
        waiting = [committer.submit(b"waits"), committer.submit(b"too", reserved=True)]
        gated.gate.set()
        for each in (first, *waiting):
            with pytest.raises(LogUnwritable):
                each.result(10)
        gated.fail = None
        with pytest.raises(LogInUse, match="stopped after an error"):
            committer.submit(b"later", reserved=True)
    assert len(gated.batches) == 1
    assert log.size == 0


def test_a_full_disk_fails_its_batch_and_nobody_else(log: LogDisk) -> None:
    gated = GatedLog(log)
    gated.fail = LogFull("the disk is full")
    gated.gate.set()
    with GroupCommitter(gated) as committer:
        with pytest.raises(LogFull, match="full"):
            committer.append(b"refused")
        gated.fail = None
        assert committer.append(b"taken").index == 0
    assert list(log.leaves()) == [b"taken"]


def test_closing_writes_what_waits_and_takes_no_more(log: LogDisk) -> None:
    committer = GroupCommitter(log)
    futures = [committer.submit(b"%d" % each) for each in range(50)]
    committer.close()
    assert [each.result(0).index for each in futures] == list(range(50))
    with pytest.raises(LogInUse, match="closed"):
        committer.submit(b"late")


def test_a_waiting_entry_cannot_be_taken_back(log: LogDisk) -> None:
    gated = GatedLog(log)
    with GroupCommitter(gated) as committer:
        future = committer.submit(b"entry")
        assert not future.cancel()
        gated.gate.set()
        assert future.result(10).index == 0


def test_an_entry_of_an_impossible_size_is_refused_at_once(log: LogDisk) -> None:
    with GroupCommitter(log) as committer, pytest.raises(MalformedTile):
        committer.submit(b"")
    assert log.size == 0


@pytest.mark.parametrize("max_batch", [0, MAX_BATCH + 1])
def test_batches_that_a_log_would_not_take(log: LogDisk, max_batch: int) -> None:
    with pytest.raises(ValueError, match="batches of"):
        GroupCommitter(log, max_batch=max_batch)


def test_many_threads_write_and_read_one_log(log: LogDisk) -> None:
    with GroupCommitter(log) as committer, ThreadPoolExecutor(10) as pool:

        def write(number: int) -> None:
            for each in range(60):
                leaf = b"%d/%d" % (number, each)
                assert log.leaf(committer.append(leaf).index) == leaf

        def read(_number: int) -> None:
            for _ in range(60):
                view = log.view()
                if view.size:
                    view.inclusion(view.size // 2, view.size)
                    view.consistency(view.size // 2, view.size)

        running = [pool.submit(write, number) for number in range(8)]
        running += [pool.submit(read, number) for number in range(2)]
        for each in running:
            each.result(60)
    written = list(log.leaves())
    assert sorted(written) == sorted(b"%d/%d" % (n, each) for n in range(8) for each in range(60))

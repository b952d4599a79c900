import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.encoding import Digest
from keyturn.base.signatures import load_verify_key
from keyturn.keyholder.logdisk import MAX_BATCH, LogDisk, Recovery
from keyturn.keyholder.logdisk_errors import (
    LogDamaged,
    LogFull,
    LogInUse,
    LogMissing,
    LogRolledBack,
    LogUnwritable,
)
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.tlog.checkpoints import Checkpoint, Witness, cosign, parse_checkpoint
from keyturn.tlog.errors import MalformedTile, OutsideTree, UntrustedCheckpoint
from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn.tlog.proofs import verify_consistency, verify_inclusion
from keyturn.tlog.receipts import verify_receipt
from unit.keyholder.failing_disk import (
    CountingDisk,
    Crash,
    DyingDisk,
    FailingDisk,
    PowerlessDisk,
)

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = load_verify_key(
    LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
# 252 entries lie ready; then an append within the tail, one that fills a bundle exactly,
# one within the next, and one that fills two bundles more at once.
READY = 252
BATCHES = (1, 3, 2, 520)


def entries(start: int, end: int) -> list[bytes]:
    return [b'{"entry":%d}' % each for each in range(start, end)]


class Signer:
    """Remembers every checkpoint that it ever signed, as a stranger who saw them all would."""

    def __init__(self) -> None:
        self.signed: list[Checkpoint] = []

    def __call__(self, message: bytes) -> bytes:
        self.signed.append(parse_checkpoint(message.decode()))
        return LOG.sign(message)


class Disk:
    """A directory, and everything that was ever signed or acknowledged about it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.signer = Signer()
        self.acknowledged = 0
        self.batches = BATCHES

    def create(self, io: DiskIo | None = None) -> LogDisk:
        self.path.mkdir(exist_ok=True)
        return LogDisk.create(self.path, ORIGIN, self.signer, LOG_KEY, io=io or CountingDisk())

    def open(self, io: DiskIo | None = None) -> LogDisk:
        return LogDisk.open(self.path, ORIGIN, self.signer, LOG_KEY, io=io or CountingDisk())

    def run_batches(self, log: LogDisk) -> None:
        for size in self.batches:
            start = log.size
            log.append_many(entries(start, start + size))
            self.acknowledged = log.size

    def copy(self, path: Path) -> "Disk":
        """The same disk elsewhere, with the same memory of what was seen."""
        shutil.copytree(self.path, path)
        other = Disk(path)
        other.signer.signed += self.signer.signed
        other.acknowledged = self.acknowledged
        other.batches = self.batches
        return other

    def check(self) -> LogDisk:
        """The invariants, after anything: opens, holds what was acknowledged, contradicts
        nothing that was signed, and goes on."""
        log = self.open()
        assert log.size >= self.acknowledged
        assert list(log.leaves()) == entries(0, log.size)
        log.append(b"after it all")
        for seen in self.signer.signed:
            log.check_extends(seen)
        return log


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "log")


@pytest.fixture
def log(disk: Disk) -> Iterator[LogDisk]:
    with disk.create() as log:
        yield log


@pytest.fixture
def ready(disk: Disk) -> Disk:
    with disk.create() as log:
        log.append_many(entries(0, READY))
        disk.acknowledged = log.size
    return disk


def test_a_new_log_is_signed_and_empty(disk: Disk, log: LogDisk) -> None:
    assert log.size == 0
    assert log.recovery == Recovery()
    assert [each.size for each in disk.signer.signed] == [0]


def test_entries_are_there_when_append_returns_and_after_reopening(disk: Disk) -> None:
    with disk.create() as log:
        first = log.append(b"one")
        rest = log.append_many([b"two", b"three"])
        assert (first.first_index, rest.first_index) == (0, 1)
        assert rest.checkpoint.checkpoint.root == tree_root(
            map(leaf_hash, [b"one", b"two", b"three"])
        )
    with disk.open() as again:
        assert list(again.leaves()) == [b"one", b"two", b"three"]
        assert again.checkpoint == rest.checkpoint
        assert again.recovery == Recovery()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 1500])
def test_a_log_of_any_size_opens_again(disk: Disk, size: int) -> None:
    with disk.create() as log:
        done = log.append_many(entries(0, size))
    with disk.open() as again:
        assert again.checkpoint == done.checkpoint
        assert done.checkpoint.checkpoint.root == tree_root(map(leaf_hash, entries(0, size)))
        assert list(again.leaves()) == entries(0, size)


def test_a_log_beyond_65536_entries_has_a_second_level(disk: Disk) -> None:
    size = 65_536 + 300
    with disk.create() as log:
        for start in range(0, size, MAX_BATCH):
            log.append_many(entries(start, min(size, start + MAX_BATCH)))
    assert (disk.path / "tile/1/000").stat().st_size == 8192
    with disk.open() as again:
        root = tree_root(map(leaf_hash, entries(0, size)))
        assert again.checkpoint.checkpoint.root == root
        for index in (0, 65_535, 65_536, size - 1):
            leaf = leaf_hash(b'{"entry":%d}' % index)
            verify_inclusion(leaf, index, size, again.inclusion(index, size), root)
        assert again.leaf(65_600) == b'{"entry":65600}'


def test_proofs_of_every_leaf_and_size(log: LogDisk) -> None:
    size = 600
    hashes = [leaf_hash(each) for each in entries(0, size)]
    for start in range(0, size, 50):
        log.append_many(entries(start, start + 50))
    for index in range(0, size, 7):
        for at in {index + 1, (index + size) // 2 + 1, size}:
            proof = log.inclusion(index, at)
            verify_inclusion(hashes[index], index, at, proof, tree_root(hashes[:at]))
        proof = log.consistency(index, size)
        verify_consistency(index, size, proof, tree_root(hashes[:index]), tree_root(hashes))


def test_receipts_verify(log: LogDisk) -> None:
    log.append_many(entries(0, 300))
    for index in (0, 255, 256, 299):
        found = verify_receipt(log.receipt(index), LOG_KEY, ORIGIN)
        assert found.leaf == b'{"entry":%d}' % index


def test_a_receipt_under_an_older_cosigned_checkpoint(log: LogDisk) -> None:
    older = log.append_many(entries(0, 10)).checkpoint
    log.append_many(entries(10, 300))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    witness = Witness("w", load_verify_key(spki))
    note = older.note.with_signatures(cosign(older.checkpoint, witness, 1, key.sign))
    receipt = log.receipt(3, note)
    assert verify_receipt(receipt, LOG_KEY, ORIGIN).checkpoint.note == note
    with pytest.raises(OutsideTree):
        log.receipt(10, note)


def test_no_receipt_under_a_foreign_checkpoint(log: LogDisk) -> None:
    signed = log.append(b"x").checkpoint
    foreign = type(signed.note)(signed.note.text.replace("\n1\n", "\n2\n"), signed.note.signatures)
    with pytest.raises(UntrustedCheckpoint):
        log.receipt(0, foreign)


def test_a_view_does_not_move(log: LogDisk) -> None:
    log.append_many(entries(0, 250))
    view = log.view()
    log.append_many(entries(250, 600))
    assert view.size == 250
    assert list(view.leaves(240, 250)) == entries(240, 250)
    assert view.resource("tile/0/000.p/250") == log.resource("tile/0/000.p/250")
    assert view.resource("tile/0/000") is None


@pytest.mark.parametrize("question", [(-1, 1), (0, 4), (3, 2)])
def test_entries_outside_the_log(log: LogDisk, question: tuple[int, int]) -> None:
    log.append_many(entries(0, 3))
    with pytest.raises(OutsideTree):
        log.leaves(*question)


def test_proofs_outside_the_log(log: LogDisk) -> None:
    log.append_many(entries(0, 3))
    for ask in (
        lambda: log.inclusion(3, 3),
        lambda: log.inclusion(0, 4),
        lambda: log.inclusion(-1, 3),
        lambda: log.consistency(1, 4),
        lambda: log.consistency(3, 2),
        lambda: log.leaf(3),
        lambda: log.receipt(3),
    ):
        with pytest.raises(OutsideTree):
            ask()


def test_resources_are_those_of_the_tree(log: LogDisk) -> None:
    log.append_many(entries(0, 257))
    hashes = [leaf_hash(each) for each in entries(0, 257)]
    assert log.resource("checkpoint") == log.checkpoint.to_bytes()
    assert log.resource("tile/0/000") == b"".join(hashes[:256])
    assert log.resource("tile/0/000.p/17") == b"".join(hashes[:17])
    assert log.resource("tile/0/001.p/1") == hashes[256]
    assert log.resource("tile/1/000.p/1") == tree_root(hashes[:256])
    entry = entries(256, 257)[0]
    assert log.resource("tile/entries/001.p/1") == len(entry).to_bytes(2, "big") + entry
    for none in ("tile/0/001", "tile/0/001.p/2", "tile/1/000", "tile/0/002.p/1", "../x", "tail"):
        assert log.resource(none) is None


@pytest.mark.parametrize("leaf", [b"", bytes(65_536)], ids=["empty", "too large"])
def test_an_entry_of_an_impossible_size_is_refused(log: LogDisk, leaf: bytes) -> None:
    with pytest.raises(MalformedTile):
        log.append_many([b"good", leaf])
    assert log.size == 0


def test_the_largest_entries_survive(disk: Disk) -> None:
    leaves = [bytes([each]) * 65_535 for each in range(3)]
    with disk.create() as log:
        log.append_many(leaves)
    with disk.open() as again:
        assert list(again.leaves()) == leaves


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_a_batch_has_bounds(log: LogDisk, count: int) -> None:
    with pytest.raises(ValueError, match="entries in one append"):
        log.append_many([b"x"] * count)


def test_a_second_writer_is_kept_out(disk: Disk, log: LogDisk) -> None:
    with pytest.raises(LogInUse, match="another process"):
        disk.open()
    log.close()
    disk.open().close()


def test_a_closed_log_takes_nothing(disk: Disk, log: LogDisk) -> None:
    log.close()
    for ask in (lambda: log.append(b"x"), lambda: log.put_object(b"x")):
        with pytest.raises(LogInUse, match="closed"):
            ask()


def test_there_is_no_log_to_open(disk: Disk) -> None:
    disk.path.mkdir()
    with pytest.raises(LogMissing):
        disk.open()


def test_a_log_is_not_created_over_another(ready: Disk) -> None:
    with pytest.raises(LogInUse, match="already"):
        ready.create()
    assert ready.check().size == READY + 1


@pytest.mark.parametrize("size", [1, 256])
def test_a_log_is_not_created_over_the_remains_of_one(disk: Disk, size: int) -> None:
    with disk.create() as log:
        log.append_many(entries(0, size))
    (disk.path / "checkpoint").unlink()
    before = listing(disk.path)
    with pytest.raises(LogInUse, match="remains"):
        disk.create()
    assert listing(disk.path) == before


def test_recovering_in_a_running_process_leaves_other_threads_files(ready: Disk) -> None:
    with ready.open(FailingDisk(3)) as log:
        with pytest.raises(LogUnwritable):
            log.append(b'{"entry":252}')
        (ready.path / "tmp" / "9").write_bytes(b"an object being stored")
        log.append(b'{"entry":253}')
        assert log.recovery.kept == 1
        assert (ready.path / "tmp" / "9").exists()


def test_a_real_disk_with_real_syncs(tmp_path: Path) -> None:
    with LogDisk.create(tmp_path, ORIGIN, LOG.sign, LOG_KEY, reserve=0) as log:
        log.append_many(entries(0, 300))
        digest = log.put_object(b"evidence")
    with LogDisk.open(tmp_path, ORIGIN, LOG.sign, LOG_KEY, reserve=0) as again:
        assert again.size == 300
        assert again.object(digest) == b"evidence"


# Damage: refused, and left as it was found.


def damaged(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def flip_last(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def listing(root: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()
    }


@pytest.fixture
def grown(disk: Disk) -> Disk:
    with disk.create() as log:
        log.append_many(entries(0, 600))
        disk.acknowledged = 600
    return disk


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("checkpoint", flip_last, "checkpoint does not verify"),
        ("checkpoint", lambda raw: raw.replace(b"600", b"599"), "checkpoint does not verify"),
        ("checkpoint", lambda raw: b"", "checkpoint does not verify"),
        ("tail", flip_last, "lost entries"),
        ("tail", lambda raw: raw[:-1], "lost entries"),
        ("tail", lambda raw: raw[:24], "lost entries"),
        ("tail", lambda raw: raw[:23], "no valid header"),
        ("tail", lambda raw: b"", "no valid header"),
        ("tail", lambda raw: b"x" + raw[1:], "no valid header"),
        ("tile/0/000", flip_last, "another root"),
        ("tile/0/001", lambda raw: raw[:-1], "wrong size"),
    ],
)
def test_a_damaged_log_does_not_open(
    grown: Disk, name: str, change: Callable[[bytes], bytes], said: str
) -> None:
    damaged(grown.path / name, change)
    before = listing(grown.path)
    with pytest.raises(LogDamaged, match=said):
        grown.open()
    assert listing(grown.path) == before


@pytest.mark.parametrize("name", ["tail", "tile/0/000", "tile/0/001"])
def test_a_log_with_a_missing_file_does_not_open(grown: Disk, name: str) -> None:
    (grown.path / name).unlink()
    with pytest.raises(LogDamaged, match="cannot be read"):
        grown.open()


def test_an_entry_exchanged_in_the_tail_is_damage(grown: Disk) -> None:
    """With its record's hash made to fit: the tree tells."""
    old, new = b'{"entry":599}', b'{"entry":998}'
    damaged(
        grown.path / "tail",
        lambda raw: raw.replace(old, new).replace(leaf_hash(old), leaf_hash(new)),
    )
    with pytest.raises(LogDamaged, match="another root"):
        grown.open()


def test_a_changed_bundle_is_found_when_it_is_read(grown: Disk) -> None:
    damaged(grown.path / "tile/entries/001", flip_last)
    with grown.open() as log:
        assert log.leaf(255) == b'{"entry":255}'
        assert log.leaf(512) == b'{"entry":512}'
        for read in (lambda: log.leaf(256), lambda: list(log.leaves()), lambda: log.receipt(300)):
            with pytest.raises(LogDamaged, match="tile/entries/001"):
                read()


def test_a_bundle_and_its_tile_changed_together_are_found(disk: Disk) -> None:
    """Deep in a log whose opening does not read that tile."""
    with disk.create() as log:
        for start in range(0, 65_536 + 256, 4096):
            log.append_many(entries(start, min(65_536 + 256, start + 4096)))
    old, new = b'{"entry":77}', b'{"entry":78}'
    damaged(disk.path / "tile/entries/000", lambda raw: raw.replace(old, new))
    damaged(disk.path / "tile/0/000", lambda raw: raw.replace(leaf_hash(old), leaf_hash(new)))
    with disk.open() as again:
        with pytest.raises(LogDamaged, match="does not match"):
            again.leaf(77)
        with pytest.raises(LogDamaged, match="contradict"):
            again.inclusion(78, again.size)


def test_a_log_of_another_origin_or_key_does_not_open(ready: Disk) -> None:
    with pytest.raises(LogDamaged, match="does not verify"):
        LogDisk.open(ready.path, "other", LOG.sign, LOG_KEY)


def test_a_log_rolled_back_is_told_by_a_checkpoint_seen_before(ready: Disk, tmp_path: Path) -> None:
    shutil.copytree(ready.path, tmp_path / "older")
    with ready.open() as log:
        seen = log.append(b"granted").checkpoint.checkpoint
        log.check_extends(seen)
    shutil.rmtree(ready.path)
    shutil.copytree(tmp_path / "older", ready.path)
    with ready.open() as log:
        with pytest.raises(LogRolledBack, match="shorter"):
            log.check_extends(seen)
        log.append(b"something else")
        with pytest.raises(LogRolledBack, match="not those"):
            log.check_extends(seen)


def test_a_checkpoint_of_another_log_is_no_mark(log: LogDisk) -> None:
    at = log.checkpoint.checkpoint
    with pytest.raises(LogRolledBack, match="another log"):
        log.check_extends(Checkpoint("other", at.size, at.root))


# Crashes: at every step of every kind of append.


def steps_of_batches(path: Path, ready: Disk) -> tuple[int, list[str]]:
    """How many steps opening takes, and the steps of all batches after it."""
    counted = ready.copy(path)
    io = CountingDisk()
    with counted.open(io) as log:
        opening = len(io.steps)
        counted.run_batches(log)
    return opening, io.steps[opening:]


def died(disk: Disk, io: DyingDisk) -> bool:
    """Run all batches on a disk that dies, from opening on; whether it did."""
    log = disk.open(io)
    try:
        disk.run_batches(log)
    except Crash:
        return True
    finally:
        log.close()
    return False


Died = TypeVar("Died", bound=DyingDisk)


def every_crash(ready: Disk, make: Callable[[Path, int], Died]) -> Iterator[tuple[Disk, Died]]:
    opening, steps = steps_of_batches(ready.path.with_name("counted"), ready)
    assert {"write", "sync", "replace", "sync_directory", "mkdir"} <= set(steps)
    for step in range(len(steps)):
        path = ready.path.with_name(f"crash-{step}")
        disk = ready.copy(path)
        io = make(path, opening + step)
        assert died(disk, io)
        yield disk, io


def killed(_path: Path, at: int) -> DyingDisk:
    return DyingDisk(at)


def test_killed_at_every_step(ready: Disk) -> None:
    for disk, _io in every_crash(ready, killed):
        disk.check().close()


def test_power_lost_at_every_step(ready: Disk) -> None:
    for disk, io in every_crash(ready, PowerlessDisk):
        disk.path = disk.path.with_suffix(".after")
        io.after_power_loss(disk.path)
        disk.check().close()


def test_power_lost_after_recovering_from_a_kill(ready: Disk) -> None:
    """What recovery read may never have reached the disk."""
    ready.batches = BATCHES[:3]
    for disk, io in every_crash(ready, PowerlessDisk):
        io.revive()
        with disk.open(io) as log:
            disk.acknowledged = log.size
        disk.path = disk.path.with_suffix(".after")
        io.after_power_loss(disk.path)
        disk.check().close()


def test_killed_at_every_step_of_a_recovery(ready: Disk, tmp_path: Path) -> None:
    torn = tmp_path / "torn-log"
    ready.batches = BATCHES[:3]
    for crashed, _io in every_crash(ready, killed):
        for again in range(200):
            shutil.rmtree(torn, ignore_errors=True)
            disk = crashed.copy(torn)
            try:
                disk.open(DyingDisk(again)).close()
            except Crash:
                disk.check().close()
            else:
                assert again > 0
                break
        else:
            pytest.fail("recovery has more steps than this test tries")


def test_an_unfinished_append_is_kept_when_whole_and_cut_when_torn(ready: Disk) -> None:
    with ready.open() as log:
        log.append(b"a whole entry")
    checkpoint = (ready.path / "checkpoint").read_bytes()
    with ready.open() as log:
        log.append_many([b"kept", b"torn"])
    (ready.path / "checkpoint").write_bytes(checkpoint)
    damaged(ready.path / "tail", lambda raw: raw[:-2])
    with ready.open() as log:
        assert list(log.leaves(READY)) == [b"a whole entry", b"kept"]
        assert log.recovery.kept == 1
        assert log.recovery.torn_bytes == 8 + 2 + 32 + 2
        assert log.recovery.torn_path is not None
        assert log.recovery.torn_path.read_bytes().endswith(b"to")
        assert log.checkpoint.checkpoint.size == READY + 2
    with ready.open() as again:
        assert again.recovery == Recovery()


@pytest.mark.parametrize("garbage", [bytes(100), b"\xff" * 100, b"x", bytes(1 << 16)])
def test_garbage_after_the_last_entry_is_saved_aside(ready: Disk, garbage: bytes) -> None:
    damaged(ready.path / "tail", lambda raw: raw + garbage)
    with ready.open() as log:
        assert log.size == READY
        assert log.recovery.torn_path is not None
        assert log.recovery.torn_path.read_bytes() == garbage


def test_what_a_dead_process_left_in_tmp_is_removed(ready: Disk) -> None:
    (ready.path / "tmp" / "17").write_bytes(b"half a file")
    ready.open().close()
    assert list((ready.path / "tmp").iterdir()) == []


def test_killed_at_every_step_of_creation(tmp_path: Path) -> None:
    for step in range(100):
        disk = Disk(tmp_path / str(step))
        try:
            disk.create(DyingDisk(step)).close()
        except Crash:
            try:
                disk.open().close()
            except LogMissing:
                disk.create().close()
            disk.check().close()
        else:
            assert step > 5
            return
    pytest.fail("creation has more steps than this test tries")


# Errors: the process lives on.


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_an_error_at_every_step(ready: Disk, code: int) -> None:
    ready.batches = BATCHES[:3]
    opening, steps = steps_of_batches(ready.path.with_name("counted"), ready)
    for step in range(len(steps)):
        disk = ready.copy(ready.path.with_name(f"error-{step}"))
        with disk.open(FailingDisk(opening + step, code)) as log:
            with pytest.raises((LogFull, LogUnwritable)) as caught:
                disk.run_batches(log)
            assert log.size == log.checkpoint.checkpoint.size == disk.acknowledged
            found = what_opening_would_find(disk)
            if caught.type is LogFull:  # then nothing of it is there
                assert code != errno.EIO
                assert found == log.size
            log.append(b'{"entry":%d}' % found)
            assert log.size == found + 1
            disk.acknowledged = log.size
        disk.check().close()


def what_opening_would_find(disk: Disk) -> int:
    """How many entries: those acknowledged, and those whole in the tail."""
    unsure = disk.copy(disk.path.with_suffix(".peek"))
    with unsure.open() as found:
        return found.size


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_half_made(ready: Disk, code: int) -> None:
    with ready.open(FailingDisk(2, code)) as log:
        before = (ready.path / "tail").read_bytes()
        with pytest.raises(LogFull, match="full"):
            log.append(b"no room")
        assert (ready.path / "tail").read_bytes() == before
        log.append(b"room again")
        assert log.size == READY + 1
    assert ready.open().leaf(READY) == b"room again"


def test_a_signer_that_fails_leaves_the_entry_for_the_next_checkpoint(ready: Disk) -> None:
    class NoToken(Exception):
        pass

    def refuse(message: bytes) -> bytes:
        raise NoToken

    with LogDisk.open(ready.path, ORIGIN, refuse, LOG_KEY, io=CountingDisk()) as log:
        with pytest.raises(NoToken):
            log.append(b"first")
        assert log.size == READY
        with pytest.raises(NoToken):  # recovery comes first, nothing is added
            log.append(b"second")
    with ready.open() as again:
        assert list(again.leaves(READY)) == [b"first"]
        assert again.recovery.kept == 1


def test_a_wrong_signature_is_never_published(ready: Disk) -> None:
    with LogDisk.open(
        ready.path, ORIGIN, lambda message: bytes(64), LOG_KEY, io=CountingDisk()
    ) as log:
        before = (ready.path / "checkpoint").read_bytes()
        with pytest.raises(UntrustedCheckpoint):
            log.append(b"x")
        assert (ready.path / "checkpoint").read_bytes() == before


# The reserve.


class SmallDisk(CountingDisk):
    free = 0

    def free_bytes(self, path: Path) -> int:
        return self.free


def test_the_reserve_is_for_statements_and_revocations(disk: Disk) -> None:
    io = SmallDisk()
    io.free = 200 << 20
    disk.path.mkdir()
    with LogDisk.create(disk.path, ORIGIN, disk.signer, LOG_KEY, reserve=256 << 20, io=io) as log:
        for ask in (lambda: log.append(b"a grant"), lambda: log.put_object(b"evidence")):
            with pytest.raises(LogFull, match="reserve"):
                ask()
        assert log.append(b"a revocation", reserved=True).first_index == 0
        assert log.object(log.put_object(b"an envelope", reserved=True)) == b"an envelope"
        io.free = 1000
        with pytest.raises(LogFull, match="no room"):
            log.append(b"a revocation", reserved=True)
        io.free = 300 << 20
        assert log.append(b"a grant").first_index == 1


# Objects.


def test_objects_are_found_by_their_digest(disk: Disk, log: LogDisk) -> None:
    digest = log.put_object(b"evidence")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert log.put_object(b"evidence") == digest
    assert log.object(digest) == b"evidence"
    assert (disk.path / "objects" / digest[7:9] / digest[7:]).is_file()


def test_a_missing_or_changed_object(disk: Disk, log: LogDisk) -> None:
    with pytest.raises(LogMissing):
        log.object(Digest("sha256:" + "0" * 64))
    digest = log.put_object(b"evidence")
    damaged(disk.path / "objects" / digest[7:9] / digest[7:], flip_last)
    with pytest.raises(LogDamaged, match="changed"):
        log.object(digest)
    log.put_object(b"evidence")
    assert log.object(digest) == b"evidence"


def test_an_object_that_was_stored_survives_power_loss(ready: Disk, tmp_path: Path) -> None:
    for again in (False, True):
        io = PowerlessDisk(ready.path, 1000)
        with ready.open(io) as log:
            digest = log.put_object(b"evidence %d" % again)
            if again:
                log.put_object(b"evidence 1")
        after = Disk(tmp_path / f"after-{again}")
        io.after_power_loss(after.path)
        with after.open() as log:
            assert log.object(digest) == b"evidence %d" % again


def test_a_log_that_cannot_be_locked_or_read(ready: Disk) -> None:
    (ready.path / "lock").unlink()
    (ready.path / "lock").mkdir()
    with pytest.raises(LogUnwritable, match="locked"):
        ready.open()


def test_an_object_that_cannot_be_read(disk: Disk, log: LogDisk) -> None:
    digest = log.put_object(b"evidence")
    path = disk.path / "objects" / digest[7:9] / digest[7:]
    path.unlink()
    path.mkdir()
    with pytest.raises(LogDamaged, match="cannot be read"):
        log.object(digest)


def test_consistency_of_a_changed_tile_is_not_given_out(disk: Disk) -> None:
    with disk.create() as log:
        for start in range(0, 65_536 + 256, 4096):
            log.append_many(entries(start, min(65_536 + 256, start + 4096)))
    damaged(disk.path / "tile/0/000", flip_last)
    with disk.open() as again, pytest.raises(LogDamaged, match="contradict"):
        again.consistency(255, again.size)


def test_a_misshapen_bundle_is_damage(grown: Disk) -> None:
    damaged(grown.path / "tile/entries/000", lambda raw: raw[:-1])
    with grown.open() as log, pytest.raises(LogDamaged, match="tile/entries/000"):
        log.leaf(0)


def test_files_are_for_the_keyholder_alone(grown: Disk) -> None:
    old = os.umask(0)
    try:
        with grown.open(DiskIo()) as log:
            log.put_object(b"evidence")
            log.append_many(entries(600, 900))
    finally:
        os.umask(old)
    for each in grown.path.rglob("*"):
        assert each.stat().st_mode & 0o077 == 0, each

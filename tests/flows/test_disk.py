"""The log's disk as an attacker, a fault or a full house leaves it (I5, I6); many at once (I2)."""

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.errors import AuthorityUnsettled
from keyturn.keyholder.logdisk_errors import LogDamaged, LogFull, LogMissing, LogRolledBack
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyrelease.entries import read_grant
from keyturn.quorum.entries import parse_entry, read_statement, start_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.kinds import Kind
from keyturn_sim.vendors import SimVendors
from support.authority import policy_body
from support.crash import audited, view_of
from support.hsmviews import HsmView
from support.nodes import Node, NodeSecrets
from support.ready import Ready
from support.system import System, reasons, running

REVOKE_NODE: dict[str, object] = {"target_kind": "node", "target": "node-1"}


def log_of(system: System) -> Path:
    return system.directory / "log"


def put_back(ready: Ready, older: Path) -> None:
    """The whole log directory as it was."""
    shutil.rmtree(log_of(ready.system))
    shutil.copytree(older, log_of(ready.system))


def kept(ready: Ready, tmp_path: Path) -> Path:
    older = tmp_path / "older"
    shutil.copytree(log_of(ready.system), older)
    return older


# ---- rolled back ----


@pytest.mark.parametrize("what", ["statement", "revocation", "start"])
def test_a_log_cut_back_is_refused_by_the_tokens_mark(
    ready: Ready, tmp_path: Path, what: str
) -> None:
    older = kept(ready, tmp_path)
    happening: dict[str, Callable[[], object]] = {
        "statement": lambda: ready.system.set_policy(),
        "revocation": lambda: ready.system.enact(Kind.REVOCATION, "node:node-1", REVOKE_NODE),
        "start": lambda: ready.system.restart(),
    }
    happening[what]()
    ready.system.keyholder.close()
    newer = tmp_path / "newer"
    shutil.copytree(log_of(ready.system), newer)
    put_back(ready, older)

    with pytest.raises(LogRolledBack):
        ready.system.start()

    put_back(ready, newer)
    ready.system.start()


def test_a_log_that_went_another_way_is_refused(ready: Ready, tmp_path: Path) -> None:
    """As long as the one that the token remembers, or longer, but not an extension of it."""
    older = kept(ready, tmp_path)
    ready.system.set_policy(lease_seconds=45)
    ready.system.keyholder.close()
    mark = view_of(ready.system).mark
    put_back(ready, older)
    view_of(ready.system).mark = None
    fork = view_of(ready.system).another()
    fork.mark = first_mark(ready)
    ready.system.hsm = fork
    ready.system.start()  # a second token that remembers less: the fork grows
    for _ in range(3):
        ready.system.restart()
    ready.system.keyholder.close()
    fork.mark = mark

    with pytest.raises(LogRolledBack):
        ready.system.start()


def first_mark(ready: Ready) -> bytes:
    """A checkpoint of the older log, as a token's copy would have it."""
    return (log_of(ready.system) / "checkpoint").read_bytes()


# ---- damaged ----


def flip(path: Path, place: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def refused_then_mended(ready: Ready, path: Path, spoil: Callable[[Path], None]) -> KeyturnError:
    """The error at start; and that the file as it was is accepted."""
    ready.system.keyholder.close()
    good = path.read_bytes()
    spoil(path)
    with pytest.raises((LogDamaged, LogInconsistent, LogMissing)) as refused:
        ready.system.start()
    path.write_bytes(good)
    ready.system.start()
    assert ready.ask().granted
    return refused.value


@pytest.mark.parametrize("name", ["tail", "checkpoint"])
def test_a_flipped_bit_is_found_at_start(ready: Ready, name: str) -> None:
    path = log_of(ready.system) / name

    error = refused_then_mended(ready, path, lambda it: flip(it, 100))

    assert error.message


def test_a_flipped_bit_in_a_full_bundle_or_tile_is_found(ready: Ready) -> None:
    fill(ready)
    log = log_of(ready.system)
    for path in (log / "tile" / "entries" / "000", log / "tile" / "0" / "000"):
        error = refused_then_mended(ready, path, lambda it: flip(it, 1000))
        assert isinstance(error, LogDamaged)


def fill(ready: Ready) -> None:
    """More than one bundle of entries."""
    journal = ready.system.keyholder.journal
    with journal.ordered():
        leaf = start_entry(journal.now(), "ab" * 16, "a test")
        queued = [journal.queue(leaf) for _ in range(260 - journal.log.size)]
    for each in queued:
        journal.wait(each)


def object_path(ready: Ready, which: int) -> Path:
    """The stored statement (0) or an approval (1…) of the policy."""
    journal = ready.system.keyholder.journal
    found = journal.state.newest[(Kind.POLICY, "serving")]
    entry = read_statement(parse_entry(journal.log.leaf(found.index)))
    name = entry.envelopes[which].removeprefix("sha256:")
    return log_of(ready.system) / "objects" / name[:2] / name


@pytest.mark.parametrize("which", [0, 1], ids=["statement", "approval"])
def test_a_flipped_bit_in_an_object_is_found(ready: Ready, which: int) -> None:
    error = refused_then_mended(ready, object_path(ready, which), flip)

    assert "object" in error.message
    assert error.found.startswith("sha256:")
    assert error.expected.startswith("sha256:")


@pytest.mark.parametrize("which", [0, 1], ids=["statement", "approval"])
def test_a_deleted_object_is_found(ready: Ready, which: int) -> None:
    path = object_path(ready, which)

    error = refused_then_mended(ready, path, Path.unlink)

    assert "no such object" in error.message
    assert error.found == f"sha256:{path.name}"


def test_an_object_exchanged_for_another_is_found(ready: Ready) -> None:
    other = object_path(ready, 1).read_bytes()

    error = refused_then_mended(ready, object_path(ready, 0), lambda it: swap(it, other))

    assert "object" in error.message


def swap(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_the_log_of_another_authority_is_refused(
    ready: Ready, tmp_path: Path, hsm_worker: Hsm, vendors: SimVendors
) -> None:
    """Made with the very same token: its checkpoints verify, its authority is another."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with running(elsewhere, HsmView(hsm_worker), vendors) as other:
        mark = view_of(other).mark
    own = kept(ready, tmp_path)
    ready.system.keyholder.close()
    put_back(ready, elsewhere / "log")
    view_of(ready.system).mark, before = mark, view_of(ready.system).mark

    with pytest.raises(LogInconsistent, match="another authority"):
        ready.system.start()

    put_back(ready, own)
    view_of(ready.system).mark = before
    ready.system.start()
    assert ready.ask().granted


# ---- full ----


class FullDisk(DiskIo):
    """`free` bytes are left; with `refuse_writes` the disk says no whatever statvfs said."""

    def __init__(self) -> None:
        self.free = 1 << 40
        self.refuse_writes = False

    def free_bytes(self, path: Path) -> int:
        return self.free

    def write(self, fd: int, data: bytes, offset: int) -> int:
        if self.refuse_writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data, offset)


RESERVE = 64 << 20


def on_full_disk(ready: Ready) -> FullDisk:
    disk = FullDisk()
    ready.system.keyholder.close()
    ready.system.start(disk, reserve=RESERVE)
    return disk


def test_a_full_disk_gives_no_key_but_takes_a_revocation(ready: Ready) -> None:
    disk = on_full_disk(ready)
    view = view_of(ready.system)
    disk.free = RESERVE
    grants = ready.entries("grant")

    with pytest.raises(LogFull, match="no room beside its reserve") as full:
        ready.ask()
    assert "Free space" in full.value.hint
    assert view.issued == []
    assert ready.entries("grant") == grants
    ready.system.enact(Kind.REVOCATION, "node:node-1", REVOKE_NODE)

    disk.free = 1 << 40
    assert reasons(ready.ask()) == {"revoked"}
    ready.node.name = "node-2"
    assert ready.ask().granted


def test_a_full_disk_refuses_renewals_too(ready: Ready) -> None:
    disk = on_full_disk(ready)
    lease = ready.opened()[0].grant.lease
    disk.free = RESERVE

    with pytest.raises(LogFull):
        ready.ask(lease=lease)

    disk.free = 1 << 40
    assert ready.ask(lease=lease).granted


@pytest.mark.parametrize("what", ["release", "statement"])
def test_a_disk_that_fills_while_it_writes_gives_no_key(ready: Ready, what: str) -> None:
    """The space was there when asked, and another process took it."""
    disk = on_full_disk(ready)
    view, size = view_of(ready.system), ready.system.keyholder.journal.log.size
    disk.refuse_writes = True

    with pytest.raises(LogFull):
        ready.ask() if what == "release" else ready.system.set_policy(lease_seconds=45)

    assert view.issued == []
    assert ready.system.keyholder.journal.log.size == size
    disk.refuse_writes = False
    assert ready.opened()[0].grant.lease_seconds == 60
    ready.system.restart()
    assert ready.ask().granted


def test_after_a_full_disk_the_log_is_whole(ready: Ready) -> None:
    disk = on_full_disk(ready)
    for _ in range(3):
        disk.free = RESERVE
        with pytest.raises(LogFull):
            ready.ask()
        disk.free = 1 << 40
        assert ready.ask().granted

    found = audited(ready.system.keyholder.journal.log, ready.system.fingerprint)
    assert found.counts["grant"] == 3


# ---- many at once ----

THREADS = 8
EACH = 6


def test_releases_while_the_authority_changes(ready: Ready) -> None:
    """Every grant under statements in force at its index, every challenge once: by the audit."""
    crowd = Crowd(ready)
    crowd.run()

    journal = ready.system.keyholder.journal
    found = audited(journal.log, ready.system.fingerprint)
    grants = [read_grant(parse_entry(each)) for each in ready.entries("grant")]
    assert crowd.errors == []
    assert len({each.challenge for each in grants}) == len(grants) == crowd.granted
    assert crowd.granted + crowd.unsettled == THREADS * EACH
    assert found.counts["grant"] == crowd.granted > 0
    assert len(view_of(ready.system).issued) == crowd.granted
    ready.system.restart()
    audited(ready.system.keyholder.journal.log, ready.system.fingerprint)


class Crowd:
    """Threads that ask for releases, and one that brings policies into force meanwhile."""

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.granted = 0
        self.unsettled = 0
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._done = threading.Event()

    def run(self) -> None:
        asking = [threading.Thread(target=self._guard, args=(self._ask, n)) for n in range(THREADS)]
        changing = threading.Thread(target=self._guard, args=(self._change, 0))
        for each in (changing, *asking):
            each.start()
        for each in asking:
            each.join()
        self._done.set()
        changing.join()

    def _guard(self, act: Callable[[int], None], number: int) -> None:
        try:
            act(number)
        except BaseException as error:  # noqa: BLE001  the test's own thread reports it
            self.errors.append(error)

    def _ask(self, number: int) -> None:
        ready = self.ready
        secrets = NodeSecrets(rsa_key=ready.node.secrets.rsa_key)
        node = Node(ready.node.sim, secrets, f"node-{number}")
        for _ in range(EACH):
            try:
                outcome = ready.system.ask(node, ready.model, ready.wrapped)
            except AuthorityUnsettled:
                with self._lock:
                    self.unsettled += 1
                continue
            with self._lock:
                assert outcome.granted, outcome.answer
                self.granted += 1

    def _change(self, _: int) -> None:
        for number in range(1000):
            if self._done.is_set():
                return
            self.ready.system.enact(
                Kind.POLICY, "serving", policy_body(lease_seconds=30 + number % 60)
            )


def test_challenges_and_submissions_of_many_threads(ready: Ready) -> None:
    """The same statement from eight threads is entered once."""
    system = ready.system
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body())
    indexes: list[int] = []
    threads = [
        threading.Thread(target=lambda: indexes.append(system.submit(proposal).index))
        for _ in range(THREADS)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(indexes) == THREADS
    assert len(set(indexes)) == 1

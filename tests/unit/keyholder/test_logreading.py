"""A sealed keyholder's log: believed only as far as it proves itself, and left as it is."""

import hashlib
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.keyholder.errors import WrongToken
from keyturn.keyholder.logdisk_errors import (
    LogDamaged,
    LogInUse,
    LogMissing,
    LogRolledBack,
)
from keyturn.keyholder.logreading import ReadLog, read_log
from keyturn.quorum.entries import start_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.tiles import TILE_WIDTH
from support.system import ORIGIN, System


@pytest.fixture
def log(system: System) -> Path:
    """The log of a keyholder that has ended."""
    system.keyholder.close()
    return system.directory / "log"


def read(system: System, origin: str = ORIGIN) -> ReadLog:
    return read_log(system.directory / "log", origin, system.fingerprint)


def everything(directory: Path) -> dict[str, bytes]:
    files = (each for each in directory.rglob("*") if each.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).digest() for each in files}


def grown(system: System, count: int) -> None:
    """The same log with so many entries more."""
    keyholder = system.start()
    journal = keyholder.journal
    with journal.ordered():
        for place in range(count):
            journal.queue(start_entry(journal.now(), f"{place:032x}", "a test"))
    keyholder.close()


def test_it_is_read_whole_and_nothing_is_written(system: System, log: Path) -> None:
    before = everything(log)
    with read(system) as found:
        assert found.size == found.checkpoint.checkpoint.size > 3
        assert found.state.roster is not None
        assert found.state.size == found.size
        assert len(list(found.leaves())) == found.size
        receipt = found.receipt(1)
        assert found.receipt(1, found.checkpoint.note) == receipt
        assert found.consistency(1, found.size)
        (statement, *_) = found.state.by_digest.values()
        assert found.object(digest_of(statement.statement.raw)) == statement.statement.raw
        with pytest.raises(LogInUse):
            read(system)
    assert everything(log) == before
    read(system).close()


@pytest.mark.parametrize("more", [TILE_WIDTH - 5, TILE_WIDTH + 20, 3 * TILE_WIDTH])
def test_full_tiles_are_read_too(system: System, log: Path, more: int) -> None:
    grown(system, more)
    with read(system) as found:
        assert found.size > more
        list(found.leaves())
        assert found.consistency(3, found.size)
        assert found.receipt(found.size - 1)


@pytest.mark.parametrize("entries", [1, 300])
def test_what_lies_beyond_the_checkpoint_is_not_looked_at(
    system: System, log: Path, entries: int
) -> None:
    """Killed after the entries were durable, and before the checkpoint was."""
    with read(system) as found:
        size = found.size
    old = (log / "checkpoint").read_bytes()
    grown(system, entries)
    (log / "checkpoint").write_bytes(old)
    with read(system) as found:
        assert found.size == size
        assert len(list(found.leaves())) == size


def test_a_changed_entry_or_object_is_found_out(system: System, log: Path) -> None:
    tail = (log / "tail").read_bytes()
    (log / "tail").write_bytes(tail.replace(b'"version":1', b'"version":2', 1))
    with pytest.raises((LogDamaged, LogInconsistent)):
        read(system)
    (log / "tail").write_bytes(tail)
    named = next(each for each in (log / "objects").rglob("*") if each.is_file())
    named.write_bytes(b"{}")
    with pytest.raises((LogDamaged, LogInconsistent)):
        read(system)


def test_a_log_cut_short_under_its_checkpoint_is_found_out(system: System, log: Path) -> None:
    raw = (log / "tail").read_bytes()
    (log / "tail").write_bytes(raw[:-100])
    with pytest.raises(LogDamaged, match="lost entries"):
        read(system)


def test_a_checkpoint_that_the_log_key_did_not_sign_is_none(system: System, log: Path) -> None:
    path = log / "checkpoint"
    raw = path.read_bytes()
    head, _, line = raw.rpartition(b"\n\n")
    forged = line[:-8] + (b"AAAA" if line[-8:-4] != b"AAAA" else b"BBBB") + line[-4:]
    for wrong in (head + b"\n\n" + forged, b"", b"junk", head + b"\n"):
        path.write_bytes(wrong)
        with pytest.raises(LogDamaged):
            read(system)
    path.unlink()
    with pytest.raises(LogMissing):
        read(system)


def test_another_authority_or_log_is_refused(system: System, log: Path) -> None:
    with pytest.raises(LogInconsistent):
        read_log(log, ORIGIN, Digest("sha256:" + "00" * 32))
    with pytest.raises(WrongToken):
        read(system, "another.example/log")
    read(system).close()


def test_what_somebody_saw_must_be_of_it(system: System, log: Path) -> None:
    with read(system) as found:
        at = found.checkpoint.checkpoint
        found.check_extends(at)
        for wrong in (
            Checkpoint(ORIGIN, at.size + 1, at.root),
            Checkpoint(ORIGIN, at.size - 1, at.root),
            Checkpoint(ORIGIN, at.size, Hash(bytes(32))),
        ):
            with pytest.raises(LogRolledBack):
                found.check_extends(wrong)

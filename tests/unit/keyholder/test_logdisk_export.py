from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.signatures import load_verify_key
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logdisk_errors import LogMissing, LogUnwritable
from keyturn.keyholder.logdisk_export import export_tree, verify_export_tree
from keyturn.tlog.errors import MalformedTile, UntrustedProof
from unit.keyholder.failing_disk import CountingDisk

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = load_verify_key(
    LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


def entries(start: int, end: int) -> list[bytes]:
    return [b"entry %d" % each for each in range(start, end)]


@pytest.fixture
def log(tmp_path: Path) -> LogDisk:
    (tmp_path / "log").mkdir()
    return LogDisk.create(tmp_path / "log", ORIGIN, LOG.sign, LOG_KEY, io=CountingDisk())


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 66_000])
def test_an_export_verifies_and_holds_every_entry(log: LogDisk, tmp_path: Path, size: int) -> None:
    for start in range(0, size, 4096):
        log.append_many(entries(start, min(size, start + 4096)))
    export_tree(log.view(), tmp_path / "export")
    found = verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN)
    assert found.checkpoint == log.checkpoint
    assert list(found.leaves()) == entries(0, size)


def test_an_export_is_of_its_view_while_the_log_goes_on(log: LogDisk, tmp_path: Path) -> None:
    log.append_many(entries(0, 300))
    view = log.view()
    log.append_many(entries(300, 900))
    export_tree(view, tmp_path / "export")
    assert verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN).size == 300


def test_the_files_are_those_that_the_tree_has(log: LogDisk, tmp_path: Path) -> None:
    log.append_many(entries(0, 300))
    export_tree(log.view(), tmp_path / "export")
    found = {
        str(each.relative_to(tmp_path / "export"))
        for each in (tmp_path / "export").rglob("*")
        if each.is_file()
    }
    assert found == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    }


def test_nothing_is_overwritten(log: LogDisk, tmp_path: Path) -> None:
    with pytest.raises(LogUnwritable, match="not empty"):
        export_tree(log.view(), tmp_path / "log")


def test_there_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        verify_export_tree(tmp_path / "nothing", LOG_KEY, ORIGIN)


def test_an_unfinished_export_does_not_verify(log: LogDisk, tmp_path: Path) -> None:
    log.append_many(entries(0, 300))
    export_tree(log.view(), tmp_path / "export")
    (tmp_path / "export" / "checkpoint").unlink()
    with pytest.raises(MalformedTile, match="no file checkpoint"):
        verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN)


def test_a_changed_file_and_a_link_do_not_verify(log: LogDisk, tmp_path: Path) -> None:
    log.append_many(entries(0, 300))
    export_tree(log.view(), tmp_path / "export")
    bundle = tmp_path / "export" / "tile/entries/000"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b"entry 7", b"entry 8", 1))
    with pytest.raises(UntrustedProof):
        verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(whole)
    bundle.unlink()
    bundle.symlink_to(elsewhere)
    with pytest.raises(MalformedTile, match="no file"):
        verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN)


def test_a_file_too_large_to_be_ours_is_not_read_whole(log: LogDisk, tmp_path: Path) -> None:
    export_tree(log.view(), tmp_path / "export")
    with (tmp_path / "export" / "checkpoint").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(MalformedTile, match="too large"):
        verify_export_tree(tmp_path / "export", LOG_KEY, ORIGIN)

"""An export is proved by the fingerprint alone, across tile borders, and by nothing less."""

from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.client.errors import FileUnusable
from keyturn.client.logexport import (
    object_path,
    object_reader,
    objects_named,
    read_export,
    write_export,
)
from keyturn.quorum.entries import start_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.tlog.errors import MalformedTile, UntrustedCheckpoint, UntrustedProof
from support.authority import Clock
from unit.client.scripted_server import ORIGIN, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def exported(server: ScriptedServer, directory: Path) -> Path:
    place = directory / "export"
    write_export(place, server.checkpoint(), server.leaves, server.objects.get)
    return place


@pytest.mark.parametrize("size", [3, 255, 256, 257, 512, 600])
def test_written_and_proved(server: ScriptedServer, tmp_path: Path, size: int) -> None:
    while len(server.leaves) < size:
        server.append(start_entry(server.clock(), "00" * 16, "test"))
    found = read_export(exported(server, tmp_path), server.fingerprint)
    assert found.log.size == size
    assert list(found.log.leaves()) == server.leaves
    assert found.audited.counts["statement"] == 2


def test_objects_lie_where_the_protocol_says(server: ScriptedServer, tmp_path: Path) -> None:
    place = exported(server, tmp_path)
    digest, data = next(iter(server.objects.items()))
    name = digest.removeprefix("sha256:")
    assert (place / "objects" / name[:2] / name).read_bytes() == data
    assert object_path(Digest(digest)) == f"objects/{name[:2]}/{name}"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("checkpoint", FileUnusable),
        ("tile/0/000.p/3", MalformedTile),
        ("tile/entries/000.p/3", MalformedTile),
    ],
)
def test_every_file_is_needed(
    server: ScriptedServer, tmp_path: Path, path: str, error: type[KeyturnError]
) -> None:
    place = exported(server, tmp_path)
    (place / path).unlink()
    with pytest.raises(error):
        read_export(place, server.fingerprint)


def test_a_changed_tile_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    place = exported(server, tmp_path)
    (place / "tile/0/000.p/3").write_bytes(bytes(96))
    with pytest.raises(UntrustedProof):
        read_export(place, server.fingerprint)


def test_a_changed_object_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    place = exported(server, tmp_path)
    (place / object_path(Digest(next(iter(server.objects))))).write_bytes(b"another")
    with pytest.raises(LogInconsistent, match="digest"):
        read_export(place, server.fingerprint)


def test_a_checkpoint_by_another_key_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    server.log_key = ScriptedServer(server.clock).log_key
    with pytest.raises(UntrustedCheckpoint):
        read_export(exported(server, tmp_path), server.fingerprint)


def test_an_object_that_the_log_needs_must_be_exported(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.objects.popitem()
    with pytest.raises(FileUnusable, match="which the log needs"):
        exported(server, tmp_path)


def test_leaves_of_another_checkpoint_are_a_mistake(server: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another checkpoint"):
        write_export(tmp_path / "x", server.checkpoint(2), server.leaves, server.objects.get)


def test_an_absent_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="no object"):
        object_reader(tmp_path)(digest_of(b"x"))


def test_a_start_names_no_objects(server: ScriptedServer) -> None:
    assert objects_named(start_entry(server.clock(), "00" * 16, "test")) == ()
    assert len(objects_named(server.leaves[1])) == 4  # a roster and its three approvals


def test_progress_is_told_entry_by_entry_and_can_stop_it(
    server: ScriptedServer, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    size = len(server.leaves)

    def step(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) > size + 1:
            raise KeyboardInterrupt

    place = exported(server, tmp_path)
    read_export(place, server.fingerprint, step)
    assert told == [(each, size) for each in range(size)]
    with pytest.raises(KeyboardInterrupt):
        read_export(place, server.fingerprint, step)


def test_an_export_is_proved_over_the_seam(server: ScriptedServer, tmp_path: Path) -> None:
    read = server.objects.get
    before = write_export(tmp_path / "before", server.checkpoint(), list(server.leaves), read)
    old_key = server.log_key
    server.replace_log_key()
    after = write_export(tmp_path / "after", server.checkpoint(), server.leaves, read)

    assert after.entries == before.entries + 2
    for name, origin in (("before", ORIGIN), ("after", server.origin)):
        found = read_export(tmp_path / name, server.fingerprint)
        assert found.log.checkpoint.checkpoint.origin == origin

    between = server.checkpoint(before.entries + 1)
    write_export(tmp_path / "between", between, server.leaves[: before.entries + 1], read)
    server.log_key, server.origin = old_key, ORIGIN
    half = server.checkpoint(before.entries + 1).to_bytes()
    (tmp_path / "between" / "checkpoint").write_bytes(half)
    with pytest.raises(LogInconsistent, match="does not say"):
        read_export(tmp_path / "between", server.fingerprint)
    forged = server.checkpoint().to_bytes()
    (tmp_path / "after" / "checkpoint").write_bytes(forged)
    with pytest.raises(UntrustedError):
        read_export(tmp_path / "after", server.fingerprint)

"""What is shown of a log's past: bounded, thinned, and empty rather than wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.client.checkpointlog import APART, KEPT, CheckpointLog
from keyturn.quorum.entries import start_entry
from support.authority import START, Clock
from unit.client.scripted_server import ORIGIN, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    server = ScriptedServer(Clock())
    for _ in range(10):
        server.append(start_entry(server.clock(), "00" * 16, "test"))
    return server


def sizes(log: CheckpointLog) -> list[int]:
    return [each.checkpoint.size for each in log.all]


def test_what_was_seen_is_there_in_the_next_run(server: ScriptedServer, tmp_path: Path) -> None:
    log = CheckpointLog(ORIGIN, tmp_path)
    for place, size in enumerate((3, 5, 5, 8)):
        log.add(server.checkpoint(size), START + place * APART)
    again = CheckpointLog(ORIGIN, tmp_path)
    assert sizes(again) == [3, 5, 8]
    assert again.all == log.all
    assert again.all[1].note == server.checkpoint(5).to_bytes()
    assert sizes(CheckpointLog("another.example/log", tmp_path)) == []


def test_a_busy_log_is_thinned_and_its_newest_always_there(server: ScriptedServer) -> None:
    log = CheckpointLog(ORIGIN, None)
    for size in range(1, 10):
        log.add(server.checkpoint(size), START + timedelta(seconds=20 * size))
    assert sizes(log) == [1, 4, 7, 9]


def test_only_so_many_are_kept(server: ScriptedServer, tmp_path: Path) -> None:
    log = CheckpointLog(ORIGIN, tmp_path)
    two = server.checkpoint(3), server.checkpoint(4)
    for place in range(KEPT + 5):
        log.add(two[place % 2], START + place * APART)
    assert len(log.all) == KEPT
    assert CheckpointLog(ORIGIN, tmp_path).all == log.all
    assert log.all[0].time == START + 5 * APART


@pytest.mark.parametrize("damage", [b"", b"{", b'{"type":"checkpoints-seen","format":2}'])
def test_a_damaged_file_counts_as_empty(
    server: ScriptedServer, tmp_path: Path, damage: bytes
) -> None:
    CheckpointLog(ORIGIN, tmp_path).add(server.checkpoint(3), START)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage)
    log = CheckpointLog(ORIGIN, tmp_path)
    assert log.all == ()
    log.add(server.checkpoint(4), START)
    assert sizes(CheckpointLog(ORIGIN, tmp_path)) == [4]

"""What a profile remembers survives a run, never shrinks, and is never silently forgotten."""

import json
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.client.errors import FileUnusable, MalformedProfile
from keyturn.client.memory import Memory, Remembered, Session
from keyturn.wire.tls import Pin
from support.authority import Clock
from unit.client.scripted_server import ORIGIN, ScriptedServer

FINGERPRINT = digest_of(b"roster")
SESSION = Session("token", Pin("ab" * 32), "ada", datetime(2026, 11, 23, 8, tzinfo=UTC))
SERVER = ScriptedServer(Clock())
NOTES = [SERVER.checkpoint(size).to_bytes() for size in (1, 2, 3)]


def path_of(directory: Path) -> Path:
    return next(directory.rglob("memory.json"))


def test_everything_is_there_in_the_next_run(tmp_path: Path) -> None:
    memory = Memory(FINGERPRINT, tmp_path)
    assert memory.recall() == Remembered()
    memory.keep_checkpoint(ORIGIN, NOTES[0])
    memory.keep_versions(2, 1)
    memory.keep_session(SESSION)
    assert Memory(FINGERPRINT, tmp_path).recall() == Remembered({ORIGIN: NOTES[0]}, 2, 1, SESSION)
    assert stat.S_IMODE(path_of(tmp_path).stat().st_mode) == 0o600


def test_a_smaller_checkpoint_does_not_replace_a_larger(tmp_path: Path) -> None:
    memory, other = Memory(FINGERPRINT, tmp_path), Memory(FINGERPRINT, tmp_path)
    memory.keep_checkpoint(ORIGIN, NOTES[2])
    other.keep_checkpoint(ORIGIN, NOTES[1])
    assert memory.recall().checkpoints == {ORIGIN: NOTES[2]}


def test_two_programs_lose_nothing_of_each_other(tmp_path: Path) -> None:
    """One that has read and not yet written keeps the other one waiting."""
    one, other = Memory(FINGERPRINT, tmp_path), Memory(FINGERPRINT, tmp_path)
    one.keep_versions(1, 1)
    began, go_on = threading.Event(), threading.Event()
    recall = one.recall

    def slowly() -> Remembered:
        found = recall()
        began.set()
        assert go_on.wait(10)
        return found

    one.recall = slowly  # type: ignore[method-assign]
    first = threading.Thread(target=one.keep_session, args=(SESSION,))
    second = threading.Thread(target=other.keep_checkpoint, args=(ORIGIN, NOTES[2]))
    first.start()
    assert began.wait(10)
    second.start()
    second.join(0.05)
    go_on.set()
    first.join(10)
    second.join(10)
    assert other.recall() == Remembered({ORIGIN: NOTES[2]}, 1, 1, SESSION)


def test_versions_never_go_back(tmp_path: Path) -> None:
    memory, other = Memory(FINGERPRINT, tmp_path), Memory(FINGERPRINT, tmp_path)
    memory.keep_versions(5, 2)
    other.keep_versions(4, 3)
    assert (memory.recall().roster_version, memory.recall().keys_version) == (5, 3)


def test_authorities_do_not_share_a_memory(tmp_path: Path) -> None:
    Memory(FINGERPRINT, tmp_path).keep_versions(5, 5)
    assert Memory(digest_of(b"other"), tmp_path).recall() == Remembered()


def test_without_a_directory_it_lasts_for_the_run() -> None:
    memory = Memory(FINGERPRINT)
    memory.keep_versions(3, 2)
    assert memory.recall().roster_version == 3


def test_a_session_does_not_print_its_token() -> None:
    assert "token" not in repr(SESSION).replace("token=", "")
    assert "'token'" not in repr(Remembered(session=SESSION))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {**d, "surplus": 1},
        lambda d: {**d, "fingerprint": digest_of(b"other")},
        lambda d: {**d, "roster_version": "2"},
        lambda d: {**d, "checkpoints": [{"origin": "o", "note": "no note"}]},
        lambda d: {key: value for key, value in d.items() if key != "session"},
    ],
)
def test_a_changed_memory_is_an_error_not_a_fresh_start(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    memory = Memory(FINGERPRINT, tmp_path)
    memory.keep_versions(2, 1)
    path = path_of(tmp_path)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(MalformedProfile, match=r"memory\.json"):
        memory.recall()


def test_a_disk_that_says_no_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    with pytest.raises(FileUnusable, match="cannot write") as told:
        Memory(FINGERPRINT, tmp_path / "state").keep_versions(1, 1)
    assert "disk" in told.value.hint

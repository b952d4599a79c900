"""A genesis 3-of-5 by command line alone, at a real host with a real token; and its rehearsal."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import parse_digest
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.slip39_words import WORDS
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.client.ceremonyhost import HostProcess
from support.ceremonycommands import PASSPHRASE, Commands
from support.founded import command, environment
from support.hsmtoken import softhsm_module

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)


def start(directory: Path, *, rehearsal: bool = False) -> HostProcess:
    return HostProcess.start(
        directory / "host",
        directory / "host.sock",
        module=softhsm_module(),
        rehearsal=rehearsal,
        log=directory / "host.log",
        seconds=90,
    )


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path: sockets below it are to fit into Linux's 107 bytes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "backend"))
    with tempfile.TemporaryDirectory(prefix="kt-") as found:
        yield Path(found)


def spoken(words: bytes) -> list[str]:
    """Runs of three words of a share, as they would stand in a text."""
    found = words.decode().split()
    return [" ".join(found[at : at + 3]) for at in range(len(found) - 2)]


def assert_kept_secret(commands: Commands, directory: Path) -> None:
    """Neither words nor passphrases are in what was printed, in argv, or in any file."""
    texts = "\n".join([*commands.output, *(" ".join(each) for each in commands.argv)])
    files = b"\n".join(each.read_bytes() for each in directory.rglob("*") if each.is_file())
    assert commands.shares
    for words in commands.shares.values():
        assert not [run for run in spoken(words) if run in texts or run.encode() in files]
    assert PASSPHRASE.decode() not in texts
    assert PASSPHRASE not in files
    control = commands.shares["ada", "user"].decode()
    assert [run for run in spoken(control.encode()) if run in f"x {control} y"]  # it would be seen


def test_a_genesis_by_command_line(desk: Path) -> None:
    with start(desk) as host:
        commands = Commands(desk, desk / "host.sock")
        name = commands.open_genesis("genesis-1")
        steps = []
        while commands.show(name)["waiting"] is not None:
            steps.append(commands.do_step(name))
        assert steps == [
            *("open", "preflight", "make-token", "hand-out", "prove-shares"),
            *("sign-founding", "found", "close"),
        ]
        shown = commands.show(name)
        assert (shown["state"], shown["rehearsal"]) == ("done", False)
        transcript = desk / "transcript.json"
        commands.json(None, "files", name, "transcript.json", "-o", transcript)
        rows = commands.json(None, "list")["ceremonies"]
        assert [(each["ceremony"], each["state"]) for each in rows] == [(name, "done")]
        assert host.running
    verified = verify_transcript(parse_transcript(transcript.read_bytes()))
    assert verified.course.state is CourseState.DONE
    assert verified.authority == parse_digest(shown["authority"])
    assert verified.looked_at.log is not None  # every record is in the log that it founded
    assert {use for _, use in commands.shares} == {"user", "so", "backup"}
    assert all(word in WORDS for each in commands.shares.values() for word in each.decode().split())
    assert_kept_secret(commands, desk)


def test_its_rehearsal_leaves_nothing(desk: Path) -> None:
    with start(desk, rehearsal=True):
        commands = Commands(desk, desk / "host.sock")
        name = commands.open_genesis("rehearsal-genesis-1", "--rehearsal")
        while commands.show(name)["waiting"] is not None:
            commands.do_step(name)
        shown = commands.show(name)
        assert (shown["state"], shown["rehearsal"]) == ("done", True)
        assert "REHEARSAL" in commands.run(None, "show", name).stderr
        transcript = desk / "transcript.json"
        commands.json(None, "files", name, "transcript.json", "-o", transcript)
    assert not any((desk / "host").iterdir())
    verified = verify_transcript(parse_transcript(transcript.read_bytes()))
    assert verified.rehearsal
    assert all(each.rehearsal for each in verified.course.records)
    assert_kept_secret(commands, desk)


def test_the_host_is_stopped_and_the_ceremony_goes_on(desk: Path) -> None:
    commands = Commands(desk, desk / "host.sock")
    with start(desk):
        name = commands.open_genesis("genesis-1")
        for _ in range(4):
            commands.do_step(name)
    with start(desk):
        shown = commands.show(name)
        assert shown["waiting"]["interrupted"]
        error = commands.refused("ada", "share", "enter", name, lines=_lines(commands, "ada"))
        assert "stopped" in error["message"]
        error = commands.refused("ada", "resume", name, "Power was cut.")
        assert "resume" in error["message"]
        commands.json("viktor", "resume", name, "Power was cut.")
        assert commands.do_step(name) == "prove-shares"
        commands.json("hana", "abort", name, "The room is needed.", "--yes")
        assert commands.show(name)["state"] == "aborted"
    error = commands.refused("hana", "note", name, "Too late.")
    assert error["kind"] == "PeerUnreachable"


def _lines(commands: Commands, officer: str) -> tuple[bytes, ...]:
    uses = [use for use in ("user", "so", "backup") if (officer, use) in commands.shares]
    return tuple(commands.shares[officer, use] for use in uses)


@pytest.mark.parametrize(("word", "rehearsal"), [("host", False), ("rehearse", True)])
def test_a_host_from_a_shell_goes_on_until_it_is_stopped(
    desk: Path, word: str, rehearsal: bool
) -> None:
    directory = desk / "host"
    process = subprocess.Popen(
        command("ceremony", word, str(directory), "--module", str(softhsm_module())),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert (said["listens"], said["rehearsal"]) == (str(directory / "host.sock"), rehearsal)
        commands = Commands(desk, directory / "host.sock")
        assert commands.json(None, "list") == {"ceremonies": []}
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def test_wrong_people_and_wrong_shares(desk: Path) -> None:
    commands = Commands(desk, desk / "host.sock")
    with start(desk, rehearsal=True):
        name = commands.open_genesis("rehearsal-genesis-1", "--rehearsal")
        for _ in range(3):
            commands.do_step(name)
        for officer in ("farid", "greta", "ada", "bela"):
            commands.take_share(name, officer)
        error = commands.refused("hana", "share", "show", name, "--fd", "1")
        assert "no share for you" in error["message"]
        commands.do_step(name)
        swapped = (commands.shares["greta", "so"],)
        error = commands.refused("farid", "share", "enter", name, lines=swapped)
        assert "another custodian" in error["message"]
        assert "greta" in error["found"]
        typed = commands.shares["farid", "so"].split()
        typed[4] = b"acid" if typed[4] != b"acid" else b"acne"
        error = commands.refused("farid", "share", "enter", name, lines=(b" ".join(typed),))
        assert (error["message"], error["hint"]) == (
            "share: the checksum is wrong",
            "Look at word 5 first.",
        )
        error = commands.refused("hana", "sign", name, "--yes")
        assert "does not wait for a signature of hana" in error["message"]
        commands.json("farid", "share", "enter", name, lines=(commands.shares["farid", "so"],))
        error = commands.refused(
            "farid", "share", "enter", name, lines=(commands.shares["farid", "so"],)
        )
        assert "signed" in error["message"] or "already" in error["message"]
        error = commands.refused("viktor", "sign", name, "--yes")
        assert "last" in error["message"]
    texts = json.dumps(commands.output)
    assert not [run for run in spoken(commands.shares["farid", "so"]) if run in texts]

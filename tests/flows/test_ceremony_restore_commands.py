"""The token is lost; by command line alone a fresh one gets the KEK back, and the log goes on."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import b64, parse_digest
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.client.ceremonyhost import HostProcess
from keyturn.hsm.backup import parse_backup
from keyturn.quorum.kinds import Kind
from support.ceremonies import Cast
from support.ceremonies_host import APPROVERS, approval, now, statement
from support.ceremonycommands import Commands
from support.hsmtoken import softhsm_module

ROOT = Path(__file__).resolve().parents[2]
USER, SO = "3:ada,bela,chen,dora,emil", "2:farid,greta,hugo"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path: sockets below it are to fit into Linux's 107 bytes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "backend"))
    with tempfile.TemporaryDirectory(prefix="kt-") as found:
        yield Path(found)


def start(desk: Path) -> HostProcess:
    return HostProcess.start(
        desk / "host", desk / "host.sock", module=softhsm_module(), log=desk / "log", seconds=90
    )


def run(commands: Commands, name: str) -> list[str]:
    steps = []
    while commands.show(name)["waiting"] is not None:
        steps.append(commands.do_step(name))
    return steps


def restore_file(cast: Cast, kek: str, backup: str) -> tuple[bytes, str]:
    """What an officer station hands over: the statement with its approvals; and its digest."""
    body: dict[str, object] = {
        "kek": kek,
        "backup": backup,
        "token": "keyturn-2",
        "host": "the ceremony's machine",
        "custodians": ["ada", "bela", "chen", "dora", "emil"],
        "not_before": format_time(now() - timedelta(minutes=1)),
        "not_after": format_time(now() + timedelta(days=1)),
    }
    raw, digest = statement(cast, Kind.RESTORE, kek, body)
    approvals = [b64(approval(cast, digest, each)) for each in APPROVERS[:3]]
    document = {"type": "proposal-export", "format": 1, "statement": b64(raw)}
    return dump({**document, "approvals": approvals, "bundle": ""}), digest


def test_a_token_is_lost_and_restored_by_command_line(desk: Path) -> None:
    commands, bundle = Commands(desk, desk / "host.sock"), desk / "authority.bundle"
    with start(desk):
        name = commands.open_genesis("genesis-1")
        run(commands, name)
        fingerprint = commands.show(name)["authority"]
        commands.json(None, "files", name, "authority.bundle", "-o", bundle)
        commands.json(None, "files", name, "kek-backup.json", "-o", desk / "kek-backup.json")
    shutil.rmtree(desk / "host" / "token")
    before = dict(commands.shares)
    commands.pinned = ("--authority", str(bundle), "--fingerprint", fingerprint)
    backup = parse_backup((desk / "kek-backup.json").read_bytes())
    file, digest = restore_file(commands.cast, backup.wrapped.kek, backup.digest)
    (desk / "restore.json").write_bytes(file)
    with start(desk):
        opened = commands.json(
            "hana",
            *("open", "restore", "--ceremony", "restore-1", "--yes", "--token", "keyturn-2"),
            *("--witness", "viktor", "--scribe", "sofia", "--user", USER, "--so", SO),
            *("--statement", digest, "--concern", backup.wrapped.kek),
        )
        assert opened["ceremony"] == "restore-1"
        commands.json(None, "files", "restore-1", "restore.json", "--put", desk / "restore.json")
        steps = run(commands, "restore-1")
        shown = commands.show("restore-1")
        assert shown["state"] == "done"
        transcript = desk / "transcript.json"
        commands.json(None, "files", "restore-1", "transcript.json", "-o", transcript)
    assert "restore-kek" in steps
    assert "continue-log" in steps
    verified = verify_transcript(parse_transcript(transcript.read_bytes()))
    assert verified.course.state is CourseState.DONE
    assert verified.authority == parse_digest(fingerprint)
    changed = {key for key in before if commands.shares[key] != before[key]}
    assert changed == {key for key in before if key[1] != "backup"}
    texts = json.dumps(commands.output)
    assert not [words for words in commands.shares.values() if words.decode()[:40] in texts]

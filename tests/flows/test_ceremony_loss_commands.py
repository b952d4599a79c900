"""By command line alone: unseal, backup, drill; the token is lost, and a fresh one goes on."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64, parse_digest
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import Verified, parse_transcript, verify_transcript
from keyturn.client.ceremonyhost import HostProcess
from keyturn.hsm.backup import parse_backup
from keyturn.keyholder.config import load_config
from keyturn.keyholder.server import local_socket
from keyturn.quorum.kinds import Kind
from keyturn.wire.keyholder import Submit
from keyturn.wire.keyholder_client import ask_once
from support.ceremonies import Cast
from support.ceremonies_host import (
    APPROVERS,
    approval,
    ceremony_body,
    genesis_plan,
    now,
    statement,
)
from support.ceremonycommands import Commands
from support.founded import command, environment, wait_for
from support.hsmtoken import softhsm_module

ROOT = Path(__file__).resolve().parents[2]
USER, SO = "3:ada,bela,chen,dora,emil", "2:farid,greta,hugo"
pytestmark = pytest.mark.timeout(600)


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


def restore_file(cast: Cast, authority: Digest, kek: str, backup: str) -> tuple[bytes, str]:
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
    raw, digest = statement(cast, authority, Kind.RESTORE, kek, body)
    approvals = [b64(approval(cast, digest, each)) for each in APPROVERS[:3]]
    document: dict[str, object] = {"type": "proposal-export", "format": 1, "statement": b64(raw)}
    return dump({**document, "approvals": approvals, "bundle": ""}), digest


@contextmanager
def keyholder(desk: Path, commands: Commands) -> Iterator[None]:
    """`keyturn keyholder` at the founded place, sealed; the commands are at its local socket."""
    config = load_config(desk / "host" / "keyholder.toml", {})
    host, local = commands.socket, local_socket(config.socket)
    with (desk / "keyholder.log").open("ab") as output:
        process = subprocess.Popen(
            command("keyholder", "--config", str(desk / "host" / "keyholder.toml")),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(),
        )
    try:
        wait_for(lambda: local.exists() and process.poll() is None)
        commands.socket = local
        yield
    finally:
        commands.socket = host
        process.terminate()
        process.wait(30)


def unseal(commands: Commands, *officers: str) -> dict[str, object]:
    """What the last of them was told."""
    found: dict[str, object] = {}
    for officer in officers:
        lines = (commands.shares[officer, "user"],)
        found = commands.json(officer, "unseal", "share", lines=lines)
    return found


def authorised(commands: Commands, kind: ScriptKind, name: str, authority: Digest) -> Digest:
    """A `ceremony` statement, brought into force at the keyholder's own machine."""
    plan = genesis_plan(
        commands.cast,
        ceremony=name,
        kind=kind,
        script=SCRIPTS[kind].digest,
        authority=authority,
        founding=None,
        shares={},
        kek_profile=None,
    )
    raw, digest = statement(commands.cast, authority, Kind.CEREMONY, name, ceremony_body(plan))
    approvals = tuple(approval(commands.cast, digest, each) for each in APPROVERS[:3])
    submitted = ask_once(commands.socket, Submit(raw, approvals, None))
    assert submitted.in_force
    return digest


def hold(commands: Commands, kind: ScriptKind, name: str, *more: str) -> list[str]:
    """Open a ceremony and lead it to its end."""
    opened = commands.json(
        "hana",
        *("open", kind.value, "--ceremony", name, "--yes"),
        *("--witness", "viktor", "--scribe", "sofia", *more),
    )
    assert opened["ceremony"] == name
    steps = run(commands, name)
    assert commands.show(name)["state"] == "done"
    return steps


def verified(commands: Commands, name: str, desk: Path) -> Verified:
    path = desk / f"{name}.transcript.json"
    commands.json(None, "files", name, "transcript.json", "-o", path)
    return verify_transcript(parse_transcript(path.read_bytes()))


def test_backup_drill_loss_and_restore_by_command_line(desk: Path) -> None:
    commands, bundle = Commands(desk, desk / "host.sock"), desk / "authority.bundle"
    with start(desk):
        name = commands.open_genesis("genesis-1")
        run(commands, name)
        fingerprint = parse_digest(commands.show(name)["authority"])
        commands.json(None, "files", name, "authority.bundle", "-o", bundle)
    commands.pinned = ("--authority", str(bundle), "--fingerprint", fingerprint)

    with keyholder(desk, commands):
        assert commands.refused("hana", "unseal", "share", lines=(b"academic",))
        assert unseal(commands, "ada", "chen", "emil")["sealed"] is False
        for kind, held in ((ScriptKind.BACKUP, "backup-1"), (ScriptKind.RESTORE_DRILL, "drill-1")):
            lets = authorised(commands, kind, held, fingerprint)
            assert "prove-backup" in hold(commands, kind, held, "--statement", lets)
            assert verified(commands, held, desk).looked_at.log is not None
        commands.json(None, "files", "drill-1", "kek-backup.json", "-o", desk / "kek-backup.json")

    shutil.rmtree(desk / "host" / "token")
    before = dict(commands.shares)
    backup = parse_backup((desk / "kek-backup.json").read_bytes())
    authority = load_config(desk / "host" / "keyholder.toml", {}).fingerprint
    file, lets = restore_file(commands.cast, authority, backup.wrapped.kek, backup.digest)
    (desk / "restore.json").write_bytes(file)
    with start(desk):
        commands.json(
            "hana",
            *("open", "restore", "--ceremony", "restore-1", "--yes", "--token", "keyturn-2"),
            *("--witness", "viktor", "--scribe", "sofia", "--user", USER, "--so", SO),
            *("--statement", lets, "--concern", backup.wrapped.kek),
        )
        commands.json(None, "files", "restore-1", "restore.json", "--put", desk / "restore.json")
        steps = run(commands, "restore-1")
        restored = verified(commands, "restore-1", desk)
    assert {"restore-kek", "prove-restore", "continue-log"} <= set(steps)
    assert (restored.course.state, restored.authority) == (CourseState.DONE, fingerprint)
    changed = {key for key in before if commands.shares[key] != before[key]}
    assert changed == {key for key in before if key[1] != "backup"}

    with keyholder(desk, commands):
        old = before["ada", "user"]
        assert "set" in commands.refused("ada", "unseal", "share", lines=(old,))["message"]
        assert unseal(commands, "bela", "dora", "emil")["sealed"] is False
    texts = "\n".join(commands.output)
    assert not [words for words in before.values() if words.decode()[:40] in texts]

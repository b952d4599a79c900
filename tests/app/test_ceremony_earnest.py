"""The life of an authority's keys by clicks: made, rotated, backed up, tried, lost, restored.

In earnest, at the sockets of a real host process and of a real keyholder. What officers do before a
ceremony (its statement, its plan) and the unsealing go through the client; the ceremonies
themselves are held at the window, with mouse and keys.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.ceremonyhost import HostProcess
from keyturn.client.ceremonysigning import open_request
from keyturn.client.unsealdoor import LocalUnsealDoor
from keyturn.client.unsealing import hand_share
from keyturn.hsm.backup import parse_backup
from keyturn.keyholder.server import local_socket
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.statements import compose_payload
from keyturn.wire.ceremonies import PutCeremonyFile
from keyturn.wire.keyholder import Submit
from keyturn.wire.keyholder_client import ask_once
from keyturn_app.facts import Bundle
from support.ceremonies import scheme
from support.ceremonies_host import ceremony_body, now
from support.ceremonyhands import (
    Participants,
    ceremony_room,
    hold_genesis,
    key_files,
    nowhere,
    saved,
)
from support.founded import ROOT, command, environment, wait_for
from support.hsmtoken import softhsm_module
from support.paperhost import KEEPERS, SO_KEEPERS, Participant, make_cast, signed

pytestmark = [
    # The offscreen plugin says of menus and raised windows that it cannot do them.
    pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints"),
    pytest.mark.timeout(300),
]
PINS = {
    ShareUse.USER: scheme((3, " ".join(KEEPERS))),
    ShareUse.SO: scheme((2, " ".join(SO_KEEPERS))),
}
Statement = tuple[bytes, tuple[bytes, ...], Digest]


@dataclass
class Machine:
    """The ceremony's machine: the keyholder's directory, the people, and their sheets of paper."""

    bot: QtBot
    desk: Path
    cast: Mapping[str, Participant]
    keys: dict[str, Path]
    sheets: dict[tuple[str, str], list[str]]
    fingerprint: Digest | None = None

    @property
    def site(self) -> Path:
        return self.desk / "keyholder"

    @property
    def local(self) -> Path:
        return local_socket(self.site / "keyholder.sock")

    @contextmanager
    def room(self) -> Iterator[Participants]:
        """The window; it knows the authority once there is one."""
        bundle = None
        if self.fingerprint is not None:
            raw = (self.site / "authority.bundle").read_bytes()
            bundle = Bundle(load_bundle(raw, self.fingerprint, now()), now())
        with ceremony_room(self.bot, self.desk, self.keys, bundle) as room:
            room.sheets = self.sheets
            yield room

    @contextmanager
    def keyholder(self) -> Iterator[None]:
        """As a process, sealed; then opened by three custodians."""
        log = self.desk / "keyholder.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command("keyholder", "--config", str(self.site / "keyholder.toml")),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(),
            )
        try:
            wait_for(lambda: self.local.exists() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            self.unseal()
            yield
        finally:
            process.terminate()
            process.wait(30)

    def unseal(self) -> None:
        assert self.fingerprint is not None
        for name in KEEPERS[1:4]:
            words = bytearray(" ".join(self.sheets[name, "user"]).encode())
            door = LocalUnsealDoor(self.local, self.fingerprint, None)
            taken = hand_share(door, self.signer(name), words, now())
        assert not taken.sealed

    # ---- what comes before a ceremony ----

    def signer(self, name: str) -> OfficerSigner:
        return OfficerSigner(self.cast[name].secret)

    def statement(self, kind: Kind, subject: str, body: dict[str, object]) -> Statement:
        """Proposed by the administrator, approved by three."""
        payload = compose_payload(
            kind,
            subject,
            body=body,
            authority=self.fingerprint,
            version=1,
            replaces=None,
            proposer="novak",
            time=now(),
            reason="for a test",
            life=timedelta(days=30),
        )
        digest = digest_of(payload)
        approvals = []
        for each in KEEPERS[:3]:
            approved = approval_payload(digest, Decision.APPROVE, officer=each, time=now())
            approvals.append(signed(self.cast, each, APPROVAL_TYPE, approved))
        raw = signed(self.cast, "novak", payload_type(kind.value), payload)
        return raw, tuple(approvals), digest

    def plan(self, kind: ScriptKind, ceremony: str, **changed: object) -> Plan:
        settings: dict[str, object] = {
            "ceremony": ceremony,
            "kind": kind,
            "script": SCRIPTS[kind].digest,
            "rehearsal": False,
            "authority": self.fingerprint,
            "statement": None,
            "administrator": OfficerId("novak"),
            "witness": OfficerId("osei"),
            "scribe": OfficerId("lind"),
            "shares": {},
            "kek_profile": None,
            "token": f"keyturn-{now():%Y}",
            "concerns": (),
            "founding": None,
            "time": now(),
        }
        return Plan(**{**settings, **changed})  # type: ignore[arg-type]

    def let_happen(self, kind: ScriptKind, **changed: object) -> None:
        """A statement in force at the keyholder, and the plan that it lets happen, opened there."""
        plan = self.plan(kind, kind.value, **changed)
        body = {**ceremony_body(plan)}
        body["participants"] = {**body["participants"], "custodians": list(KEEPERS)}  # type: ignore[dict-item]
        raw, approvals, digest = self.statement(Kind.CEREMONY, kind.value, body)
        found = ask_once(self.site / "keyholder.sock", Submit(raw, approvals))
        assert found.in_force
        opened = self.plan(kind, kind.value, **{**changed, "statement": digest})
        LocalDoor(self.local).ask(open_request(opened, self.signer("novak")))

    def restore_at(self, door: LocalDoor) -> None:
        """Its statement reaches the host as a file: the log cannot say it yet."""
        backup = parse_backup((self.site / "kek-backup.json").read_bytes())
        kek, token = backup.wrapped.kek, "keyturn-restored"
        body: dict[str, object] = {
            "kek": kek,
            "backup": backup.digest,
            "token": token,
            "host": "the ceremony's machine",
            "custodians": list(KEEPERS),
            "not_before": format_time(now() - timedelta(minutes=1)),
            "not_after": format_time(now() + timedelta(days=1)),
        }
        raw, approvals, digest = self.statement(Kind.RESTORE, kek, body)
        plan = self.plan(
            ScriptKind.RESTORE,
            "restore",
            shares=PINS,
            token=token,
            concerns=(kek,),
            statement=digest,
        )
        door.ask(open_request(plan, self.signer("novak")))
        file = dump(
            {
                "type": "proposal-export",
                "format": 1,
                "statement": b64(raw),
                "approvals": [b64(each) for each in approvals],
                "bundle": "",
            }
        )
        door.ask(PutCeremonyFile("restore", "restore.json", file))

    # ---- by clicks ----

    def hold(self, room: Participants, ceremony: str) -> None:
        """From the list to its end, and back."""
        office = room.office
        office.click(f"ceremonies.open.{ceremony}")
        room.lead_to_the_end()
        office.until(lambda: "record" in office.text("ceremony.verdict"))
        found = saved(room, ceremony, self.fingerprint)
        assert not found.rehearsal
        assert found.looked_at.log is not None  # every record of it is in the log
        nowhere(room)
        office.click("ceremony.next")
        office.until(lambda: not office.seen(QWidget, "ceremony.wizard"))


def join(room: Participants, socket: Path) -> None:
    room.office.click("ceremonies.join")
    room.office.path(socket)


@pytest.fixture
def machine(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """In a directory with a short path: sockets below it are to fit into Linux's 107 bytes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "backend"))
    cast = make_cast()
    with tempfile.TemporaryDirectory(prefix="kt-") as found:
        desk = Path(found)
        yield Machine(qtbot, desk, cast, key_files(cast, desk), {})


def test_the_life_of_the_keys(machine: Machine) -> None:
    with machine.room() as room:
        hold_genesis(room, rehearsal=False)
        room.office.until(lambda: "record" in room.office.text("ceremony.verdict"))
        machine.fingerprint = saved(room, "genesis").authority
    assert machine.fingerprint is not None
    with machine.keyholder(), machine.room() as room:
        join(room, machine.local)
        machine.let_happen(ScriptKind.KEK_ROTATION, kek_profile=KekProfile.RECOVERABLE)
        machine.hold(room, "kek-rotation")
        machine.let_happen(ScriptKind.BACKUP)
        machine.hold(room, "backup")
        machine.let_happen(ScriptKind.RESTORE_DRILL)
        machine.hold(room, "restore-drill")
    shutil.rmtree(machine.site / "token")
    with ExitStack() as stack:
        socket = machine.desk / "host.sock"
        host = stack.enter_context(
            HostProcess.start(
                machine.site, socket, module=softhsm_module(), environment=environment()
            )
        )
        machine.restore_at(host.door)
        room = stack.enter_context(machine.room())
        join(room, socket)
        machine.hold(room, "restore")
    with machine.keyholder():
        pass  # the new shares open the new token

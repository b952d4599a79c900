"""The life of an authority's keys by clicks: made, rotated, backed up, tried, lost, restored.

In earnest, at the sockets of a real host process and of a real keyholder, and with mouse and keys
alone: the keyholder is unsealed and sealed at its machine, plans are made there, by statements that
officers bring as files. (How they propose and approve them at their own desks: the approvals'
tests.)
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest
from keyturn.ceremony.facts import PinsReplaced, TokenMade
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.transcript import Verified
from keyturn.hsm.backup import parse_backup
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.hsm.pool import HsmPool
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import open_keyholder
from keyturn.keyholder.server import local_socket
from keyturn.quorum.kinds import Kind
from keyturn_app.fingerprint import words
from support.ceremonies_host import now
from support.ceremonyhands import (
    Participants,
    ceremony_room,
    hold_genesis,
    key_files,
    nowhere,
    passphrase,
    saved,
)
from support.founded import ROOT, command, environment, wait_for
from support.hsmtoken import Node, Orders, admit, make_model
from support.paperauthority import carried, ceremony_body, restore_body
from support.paperhost import KEEPERS, SO_KEEPERS, Participant, make_cast

pytestmark = [
    # The offscreen plugin says of menus and raised windows that it cannot do them.
    pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints"),
    pytest.mark.timeout(900),
]


@dataclass
class Machine:
    """The ceremony's machine: the keyholder's directory, the people, and their sheets of paper."""

    bot: QtBot
    desk: Path
    cast: Mapping[str, Participant]
    keys: dict[str, Path]
    sheets: dict[tuple[str, str], list[str]]
    fingerprint: Digest | None = None
    sets: tuple[ShareSet, ...] = ()

    @property
    def site(self) -> Path:
        return self.desk / "keyholder"

    @property
    def local(self) -> Path:
        return local_socket(self.site / "keyholder.sock")

    @contextmanager
    def room(self) -> Iterator[Participants]:
        """The window; nobody has told it of an authority yet."""
        with ceremony_room(self.bot, self.desk, self.keys) as room:
            room.sheets = self.sheets
            yield room

    @contextmanager
    def keyholder(self) -> Iterator[None]:
        """As a process; it starts sealed."""
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
            yield
        finally:
            process.terminate()
            process.wait(30)

    # ---- the model ----

    def take_sheets(self, ceremony: Verified) -> None:
        """The share sets that this ceremony made, for who opens the token beside the window."""
        for each in ceremony.done:
            if isinstance(each.facts, TokenMade | PinsReplaced):
                self.sets += each.facts.share_sets

    @contextmanager
    def token(self) -> Iterator[HsmPool]:
        """Opened by three sheets, in this process, while no keyholder runs."""
        gathering = Gathering(next(e for e in reversed(self.sets) if e.use is ShareUse.USER))
        for name in KEEPERS[:3]:
            gathering.add(name, " ".join(self.sheets[name, "user"]).encode())
        descriptor = pin_file(new_pin(bytes(gathering.combine())))
        try:
            opened = open_keyholder(
                load_config(self.site / "keyholder.toml", {}), self.site, descriptor
            )
            try:
                yield opened.hsm
            finally:
                opened.close()
        finally:
            os.close(descriptor)

    # ---- what officers carry here ----

    def brought(self, kind: ScriptKind) -> Path:
        """The statement that lets a ceremony happen, approved by three."""
        body = ceremony_body(kind, now())
        return self.carried(f"lets-{kind.value}", Kind.CEREMONY, kind.value, body, 3)

    def restore(self) -> tuple[Path, Path]:
        """The statement of a restore; and another one with one approval too few."""
        backup = parse_backup((self.site / "kek-backup.json").read_bytes())
        kek = backup.wrapped.kek
        body = restore_body(kek, backup.digest, "keyturn-restored", now())
        return (
            self.carried("lets-restore", Kind.RESTORE, kek, body, 3),
            self.carried("few", Kind.RESTORE, kek, body, 2),
        )

    def carried(
        self, name: str, kind: Kind, subject: str, body: dict[str, object], approvals: int
    ) -> Path:
        assert self.fingerprint is not None
        path = self.desk / f"{name}.json"
        path.write_bytes(
            carried(self.cast, self.fingerprint, kind, subject, body, now(), KEEPERS[:approvals])
        )
        return path

    # ---- by clicks ----

    def learn(self, room: Participants) -> None:
        """The window is told its authority: the bundle's file, and the fingerprint in words."""
        assert self.fingerprint is not None
        office = room.office
        office.click("ceremonies.authority")
        office.path(self.site / "authority.bundle")
        office.write("question.comment", " ".join(words(self.fingerprint)))
        office.click("question.yes")
        office.until(lambda: office.text("ceremonies.authority.origin"))

    def join(self, room: Participants) -> None:
        room.office.click("ceremonies.join")
        room.office.path(self.local)

    def unseal(self, room: Participants, names: Sequence[str]) -> None:
        """Each alone, with their own key, from their sheet; the last one opens the token."""
        office = room.office
        office.click(f"ceremonies.unseal.{self.local}")
        for at, name in enumerate(names):
            office.says("unsealing.title", needed(len(names) - at))
            office.click(f"ceremony.sign.{name}.custodian")
            office.write("unsealing.key.path", str(self.keys[name]))
            office.write("unsealing.key.secret", passphrase(name))
            office.click("unsealing.next")
            office.says("unsealing.says", "alone")
            office.click("unsealing.next")
            room.type_share(self.sheets[name, "user"])
            office.click("unsealing.next")
        office.says("unsealing.title", "The keyholder is open")
        office.click("unsealing.next")
        office.until(lambda: not office.seen(QWidget, "unsealing"))

    def seal(self, room: Participants) -> None:
        """By one custodian, with a reason."""
        office = room.office
        office.click("ceremonies.new")
        office.click("ceremonies.plan.seal")
        office.pick("say.speaker", KEEPERS[0])
        office.write("say.text", "the day is over")
        office.write("say.key.path", str(self.keys[KEEPERS[0]]))
        office.write("say.key.secret", passphrase(KEEPERS[0]))
        office.click("say.do")
        office.until(lambda: not office.seen(QWidget, "say"))
        office.until(lambda: office.seen(QWidget, f"ceremonies.unseal.{self.local}"))

    def begin(self, room: Participants, kind: ScriptKind, statement: Path) -> None:
        """Plan it by the statement that was brought; the administrator signs."""
        office = room.office
        office.click("ceremonies.new")
        office.click(f"ceremonies.plan.{kind.value}")
        office.click("plan.statement.bring")
        office.path(statement)
        office.says("plan.statement.brought", "3 of 3 needed")
        if kind is ScriptKind.KEK_ROTATION:
            office.click("plan.profile.recoverable")
        if kind is ScriptKind.RESTORE:
            office.write("plan.directory", str(self.site))
            self.seat_all(room)
        office.write("plan.key.path", str(self.keys["novak"]))
        office.write("plan.key.secret", passphrase("novak"))
        office.click("plan.open")
        office.until(lambda: office.seen(QWidget, "ceremony.wizard") or office.spoken("plan.error"))
        assert not office.spoken("plan.error"), office.spoken("plan.error")

    def seat_all(self, room: Participants) -> None:
        for name in KEEPERS:
            room.seat(name, "user")
        for name in SO_KEEPERS:
            room.seat(name, "so")
        room.seat("novak", "administrator")
        room.seat("osei", "witness")
        room.seat("lind", "scribe")

    def hold(self, room: Participants, name: str) -> Verified:
        """To its end, and back to the list."""
        office = room.office
        room.lead_to_the_end()
        office.until(lambda: "record" in office.text("ceremony.verdict"))
        found = saved(room, name, self.fingerprint)
        assert not found.rehearsal
        assert found.looked_at.log is not None  # every record of it is in the log
        nowhere(room)
        office.click("ceremony.next")
        office.until(lambda: not office.seen(QWidget, "ceremony.wizard"))
        return found

    def refused(self, room: Participants, statement: Path) -> None:
        """A file that too few have approved: who is missing is said, and nothing is planned."""
        office = room.office
        office.click("ceremonies.new")
        office.click("ceremonies.plan.restore")
        office.click("plan.statement.bring")
        office.path(statement)
        office.until(lambda: "too few officers" in office.text("question.text"))
        assert "1 more of" in office.words
        office.click("question.yes")
        office.click("plan.cancel")


def needed(count: int) -> str:
    return "One more share" if count == 1 else f"{count} more shares"


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
        genesis = saved(room, "genesis")
    machine.fingerprint = genesis.authority
    machine.take_sheets(genesis)
    with machine.keyholder(), machine.room() as room:
        machine.learn(room)
        machine.join(room)
        machine.unseal(room, KEEPERS[1:4])
        for kind in (ScriptKind.KEK_ROTATION, ScriptKind.BACKUP, ScriptKind.RESTORE_DRILL):
            machine.begin(room, kind, machine.brought(kind))
            machine.hold(room, kind.value)
        machine.seal(room)
    model = make_model()
    with machine.token() as hsm:
        wrapped = admit(hsm, model)
    shutil.rmtree(machine.site / "token")
    with machine.room() as room:
        machine.learn(room)
        statement, few = machine.restore()
        machine.refused(room, few)
        machine.begin(room, ScriptKind.RESTORE, statement)
        room.office.says("ceremony.handin.text", "Handed in")
        machine.take_sheets(machine.hold(room, "restore"))
    with machine.keyholder(), machine.room() as room:
        machine.learn(room)
        machine.join(room)
        machine.unseal(room, KEEPERS[2:])  # the new shares open the new token
    node = Node()
    with machine.token() as hsm:
        assert node.open(hsm.release(wrapped, Orders()(model, node.spki))) == model.dek

"""Files of ceremonies by clicks and keys, at the window of the ceremony's machine: the backup of a
restore goes in, a transport key comes out, a wrapped KEK goes in. The host is one of paper.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import digest_of
from keyturn.ceremony.plan import PLAN_TYPE
from keyturn.ceremony.script import ScriptKind
from keyturn_app.live.nobody import NobodysDesk
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.theme import apply
from keyturn_app.qtkit.tokens import Mode
from keyturn_app.screens.ceremonies.view import CeremoniesPage
from keyturn_app.shell import ceremonyroom
from support.authority import Clock
from support.kekfiles import backup_file, made_up_spki, transport_made, wrapped_file
from support.office import Office
from support.paperauthority import paper_authority
from support.paperhost import PaperHost, make_cast, make_plan, signed
from support.paperstage import PaperDoor, PaperStage

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")

KEK, OTHER = "7e" * 32, "1d" * 32
SPKI = made_up_spki(7)


@dataclass
class Desk:
    office: Office
    host: PaperHost
    directory: Path

    def file(self, name: str, raw: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(raw)
        return path


Begin = Callable[[ScriptKind, str], Desk]


@pytest.fixture
def begin(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    clock, cast, door = Clock(), make_cast(), QtDoor()
    authority = paper_authority(cast, clock())
    windows = []

    def made(kind: ScriptKind, until: str) -> Desk:
        host = PaperHost(cast, clock, roster=authority.roster)
        host.facts["make-transport-key"] = transport_made(SPKI)
        host.files["transport-key.der"] = SPKI
        plan = replace(
            make_plan(cast, clock, kind=kind),
            authority=authority.fingerprint,
            statement=digest_of(b"a statement"),
            founding=None,
            kek_profile=None,
            concerns=(KEK,),
        )
        ceremony = host.begin(signed(cast, "novak", PLAN_TYPE, plan.to_payload()))
        host.until(ceremony, until)
        here, paper = NobodysDesk(clock), PaperDoor(host)
        here.know(authority)
        stage = PaperStage([paper], paper, nobody=True)
        monkeypatch.setattr(ceremonyroom, "build", lambda context: CeremoniesPage(context, stage))
        apply(QApplication.instance(), Mode.LIGHT)  # type: ignore[arg-type]
        window = ceremonyroom.CeremonyRoom(here, door)
        windows.append(window)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        office = Office(None, window, None, None, tmp_path, qtbot)  # type: ignore[arg-type]
        office.click(f"ceremonies.open.{ceremony}")
        return Desk(office, host, tmp_path)

    try:
        yield made
    finally:
        for each in windows:
            each.close()
        door.close()
        for each in windows:
            each.deleteLater()


def test_a_backup_is_shown_before_it_is_handed_in(begin: Begin) -> None:
    desk = begin(ScriptKind.RESTORE, "restore-kek")
    office = desk.office
    office.says("ceremony.bring.text", "needs the KEK's backup")
    assert office.spoken("ceremony.bring.do") == "Hand in kek-backup.json…"

    office.click("ceremony.bring.do")
    office.path(desk.file("other.json", backup_file(OTHER)))
    office.until(lambda: "another KEK than the plan names" in office.text("question.text"))
    assert "7e7e 7e7e" in office.words
    office.click("question.yes")
    assert desk.host.files.get("kek-backup.json") is None

    office.click("ceremony.bring.do")
    office.path(desk.file("backup.json", backup_file(KEK)))
    office.says("question.title", "Hand in kek-backup.json")
    for each in ("7e7e 7e7e", "backup-7", "keyturn 0123", "recoverable"):
        assert each in office.words
    office.click("question.yes")
    office.says("ceremony.bring.text", "lies at the host")
    assert desk.host.files["kek-backup.json"] == backup_file(KEK)


def test_a_transport_key_goes_out_and_a_wrapped_kek_comes_in(begin: Begin) -> None:
    desk = begin(ScriptKind.KEY_IMPORT, "carry")
    office = desk.office
    assert office.spoken("ceremony.given.transport-key") == "Save transport-key.der…"
    office.click("ceremony.given.transport-key")
    office.path(desk.directory / "key.der")
    office.until(lambda: (desk.directory / "key.der").is_file())
    assert (desk.directory / "key.der").read_bytes() == SPKI

    office.click("ceremony.bring.do")
    office.path(desk.file("other.json", wrapped_file(KEK, made_up_spki(8))))
    office.until(lambda: "wrapped to another key" in office.text("question.text"))
    office.click("question.yes")

    office.click("ceremony.bring.do")
    office.path(desk.file("wrapped.json", wrapped_file(KEK, SPKI)))
    office.click("question.yes")
    office.says("ceremony.bring.text", "lies at the host")
    assert desk.host.files["wrapped-kek.json"] == wrapped_file(KEK, SPKI)

"""A restore that was opened elsewhere waits for its statement: chosen, shown, and handed in.

By clicks and keys, at the window of the ceremony's machine; its host is one of paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn_app.live.nobody import NobodysDesk
from keyturn_app.qtkit.digests import CopyButton
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.theme import apply
from keyturn_app.qtkit.tokens import Mode
from keyturn_app.questions import Notice
from keyturn_app.screens.ceremonies.view import CeremoniesPage
from keyturn_app.shell import ceremonyroom
from support.authority import Clock
from support.office import Office
from support.paperauthority import carried, paper_authority, restore_body, statement
from support.paperhost import KEEPERS, SO_KEEPERS, PaperHost, make_cast, scheme
from support.paperstage import PaperDoor, PaperStage

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")

KEK, BACKUP = "7e" * 32, Digest(f"sha256:{'b0' * 32}")


@dataclass
class Desk:
    office: Office
    host: PaperHost
    fingerprint: Digest
    body: dict[str, object]
    directory: Path

    def file(self, approvals: int) -> Path:
        path = self.directory / f"{approvals}.json"
        host, who = self.host, KEEPERS[:approvals]
        now = host.clock()
        path.write_bytes(
            carried(host.cast, self.fingerprint, Kind.RESTORE, KEK, self.body, now, who)
        )
        return path


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    clock, cast = Clock(), make_cast()
    authority = paper_authority(cast, clock())
    body = restore_body(KEK, BACKUP, "keyturn-2", clock())
    root = authority.fingerprint
    _raw, _approvals, digest = statement(cast, root, Kind.RESTORE, KEK, body, clock())
    host = PaperHost(cast, clock, roster=authority.roster)
    plan = Plan(
        ceremony="restore-1",
        kind=ScriptKind.RESTORE,
        script=SCRIPTS[ScriptKind.RESTORE].digest,
        rehearsal=False,
        authority=root,
        statement=digest,
        administrator=OfficerId("novak"),
        witness=OfficerId("osei"),
        scribe=None,
        shares={ShareUse.USER: scheme(3, *KEEPERS), ShareUse.SO: scheme(2, *SO_KEEPERS)},
        kek_profile=None,
        token="keyturn-2",
        concerns=(KEK,),
        founding=None,
        time=clock(),
    )
    host.open(plan, OfficerSigner(cast["novak"].secret))
    here = NobodysDesk(clock)
    here.know(authority)
    paper = PaperDoor(host)
    stage = PaperStage([paper], paper, nobody=True)
    monkeypatch.setattr(ceremonyroom, "build", lambda context: CeremoniesPage(context, stage))
    apply(QApplication.instance(), Mode.LIGHT)  # type: ignore[arg-type]
    door = QtDoor()
    window = ceremonyroom.CeremonyRoom(here, door)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    office = Office(None, window, None, None, tmp_path, qtbot)  # type: ignore[arg-type]
    try:
        yield Desk(office, host, root, body, tmp_path)
    finally:
        window.close()
        door.close()
        window.deleteLater()


def test_a_shares_file_is_said_before_the_window_closes(desk: Desk) -> None:
    """Once: whoever closes it again has read it."""
    office = desk.office
    window = office.window
    assert isinstance(window, ceremonyroom.CeremonyRoom)
    office.click("ceremonies.open.restore-1")
    window.asking.tell(Notice("A share was saved to a file", "", lasting=True))
    assert not window.close()
    assert window.isVisible()
    office.says("question.title", "A share was saved to a file")
    assert window.close()


def test_a_statement_is_shown_before_it_is_handed_in(desk: Desk) -> None:
    office = desk.office
    office.click("ceremonies.open.restore-1")
    office.says("ceremony.handin.text", "is lost with the token")

    office.click("ceremony.handin.do")
    office.path(desk.file(2))
    office.until(lambda: "too few officers" in office.text("question.text"))
    assert "1 more of" in office.words
    office.click("question.yes")

    office.click("ceremony.handin.do")
    office.path(desk.file(3))
    office.says("question.title", "Hand in the statement of the restore")
    for each in ("keyturn-2", "Mara Okafor", "3 of 3 needed"):
        assert each in office.words
    office.click("question.no")
    assert desk.host.handed_in == []

    office.click("ceremony.handin.do")
    office.path(desk.file(3))
    office.click("question.yes")
    office.says("ceremony.handin.text", "Handed in")
    assert [ceremony for ceremony, _brought in desk.host.handed_in] == ["restore-1"]


def test_a_digest_is_whole_for_who_comes_to_it_by_the_keyboard(desk: Desk) -> None:
    office = desk.office
    copy = office.find(CopyButton, "ceremonies.authority.fingerprint.copy")
    copy.setFocus(Qt.FocusReason.MouseFocusReason)
    assert copy.shown == ""
    copy.clearFocus()
    copy.setFocus(Qt.FocusReason.TabFocusReason)
    office.until(lambda: desk.fingerprint[7:] in copy.shown.replace(" ", ""))
    QTest.keyClick(copy, Qt.Key.Key_Tab)
    assert copy.shown == ""

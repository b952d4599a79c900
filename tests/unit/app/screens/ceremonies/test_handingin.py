"""A restore's statement handed in: shown before it goes, refused with what is missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.ceremonies.handingin import HandingIn, HandInGround, lets_happen
from keyturn_app.screens.ceremonies.viewmodel import HandIn, Phase
from support.desks import InlineDoor
from support.paperauthority import carried, restore_body, statement
from support.paperhost import KEEPERS, NAMES, scheme
from unit.app.screens.ceremonies.conftest import Room

KEK, BACKUP = "7e" * 32, Digest(f"sha256:{'b0' * 32}")


class Desk:
    """A restore, its statement's file, and who takes it."""

    def __init__(self, room: Room, directory: Path) -> None:
        self.room, self.directory = room, directory
        self.authority = room.knows()
        now = room.clock()
        self.body = restore_body(KEK, BACKUP, "keyturn-2", now)
        _raw, _approvals, digest = statement(
            room.host.cast, self.authority.fingerprint, Kind.RESTORE, KEK, self.body, now
        )
        self.plan = Plan(
            ceremony="restore-1",
            kind=ScriptKind.RESTORE,
            script=SCRIPTS[ScriptKind.RESTORE].digest,
            rehearsal=False,
            authority=self.authority.fingerprint,
            statement=digest,
            administrator=OfficerId("novak"),
            witness=OfficerId("osei"),
            scribe=None,
            shares={ShareUse.USER: scheme(3, *KEEPERS)},
            kek_profile=None,
            token="keyturn-2",
            concerns=(KEK,),
            founding=None,
            time=now,
        )
        ground = HandInGround(
            InlineDoor(), room.asker, room.clock, lambda: room.desk.facts.bundle and self.authority
        )
        self.told: list[bool] = []
        self.handing = HandingIn(room.door, ground, lambda: self.told.append(True))

    def file(self, *approvers: str) -> Path:
        path = self.directory / "restore.json"
        cast, now = self.room.host.cast, self.room.clock()
        path.write_bytes(
            carried(cast, self.authority.fingerprint, Kind.RESTORE, KEK, self.body, now, approvers)
        )
        return path

    def hand_in(self, path: Path | None) -> None:
        self.room.asker.chosen = path
        self.handing.ask(self.plan, NAMES)

    def shown(self, phase: Phase = Phase.SIGNING, **changed: object) -> HandIn | None:
        return self.handing.view(replace(self.plan, **changed), phase, NAMES)  # type: ignore[arg-type]


@pytest.fixture
def desk(room: Room, tmp_path: Path) -> Desk:
    return Desk(room, tmp_path)


def test_it_is_waited_for_by_a_restore_in_earnest_alone(desk: Desk) -> None:
    shown = desk.shown()
    assert shown is not None
    assert (shown.button, shown.why_not) == ("Hand in restore.json…", "")
    assert desk.shown(rehearsal=True) is None
    assert desk.shown(kind=ScriptKind.BACKUP) is None
    for phase in (Phase.OVER, Phase.ABORTED, Phase.BROKEN, Phase.LOADING):
        assert desk.shown(phase) is None
    desk.room.desk.facts = type(desk.room.desk.facts)()
    known = desk.shown()
    assert known is not None
    assert "load its bundle" in known.why_not


def test_it_is_shown_before_it_goes_and_said_when_it_went(desk: Desk) -> None:
    desk.room.asker.confirms = None
    desk.hand_in(desk.file(*KEEPERS[:3]))
    question = desk.room.asker.asked[-1]
    assert isinstance(question, Confirm)
    said = "\n".join(question.details)
    for each in ("keyturn-2", "Anna Novak", "Mara Okafor", "3 of 3 needed", "for a test"):
        assert each in said
    assert desk.room.host.handed_in == []  # turned down
    desk.room.asker.confirms = Confirmed()
    desk.hand_in(desk.file(*KEEPERS[:3]))
    ((ceremony, brought),) = desk.room.host.handed_in
    assert (ceremony, brought.digest) == ("restore-1", desk.plan.statement)
    shown = desk.shown()
    assert shown is not None
    assert shown.done
    assert "Mara Okafor" in shown.text


def test_who_is_missing_is_said_and_nothing_goes(desk: Desk) -> None:
    desk.hand_in(desk.file(*KEEPERS[:2]))
    notice = desk.room.asker.told[-1]
    assert (notice.title, notice.found) == ("Not handed in", "2: jun, mara")
    assert "1 more of" in notice.hint
    assert "sofia" in notice.hint
    assert desk.room.host.handed_in == []
    shown = desk.shown()
    assert shown is not None
    assert shown.button


def test_a_file_that_cannot_be_read_or_is_of_another_statement(desk: Desk) -> None:
    desk.hand_in(desk.directory / "missing.json")
    assert "cannot read" in desk.room.asker.told[-1].text
    desk.body = restore_body(KEK, BACKUP, "another-token", desk.room.clock())
    desk.hand_in(desk.file(*KEEPERS[:3]))
    assert "another statement" in desk.room.asker.told[-1].text
    desk.hand_in(None)
    assert len(desk.room.asker.told) == 2
    assert desk.room.host.handed_in == []


def test_what_the_host_refuses_is_said(desk: Desk) -> None:
    desk.room.host.silent = True
    desk.hand_in(desk.file(*KEEPERS[:3]))
    assert desk.room.asker.told[-1].title == "Not handed in"
    shown = desk.shown()
    assert shown is not None
    assert not shown.done


def test_the_very_statement_of_the_plan(desk: Desk) -> None:
    raw = desk.file(*KEEPERS[:3]).read_bytes()
    found = lets_happen(raw, desk.plan, desk.authority, desk.room.clock())
    assert found.approved_by == tuple(sorted(KEEPERS[:3]))

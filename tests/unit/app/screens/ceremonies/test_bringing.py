"""A KEK's file handed in: read, held against plan, statement and record, and seen to lie there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import key_id_of
from keyturn.ceremony.course import Course
from keyturn.ceremony.plan import PLAN_TYPE
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import Brought
from keyturn.quorum.kinds import Kind
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.ceremonies.bringing import Bringing, Wanted, fitting
from keyturn_app.screens.ceremonies.handingin import HandInGround, lets_happen
from keyturn_app.screens.ceremonies.viewmodel import HandIn, Phase
from support.desks import InlineDoor
from support.kekfiles import MADE, backup_file, made_up_spki, transport_made, wrapped_file
from support.paperauthority import carried, restore_body, statement
from support.paperhost import make_plan, signed
from unit.app.screens.ceremonies.conftest import Room

KEK, OTHER = "7e" * 32, "1d" * 32
SPKI = made_up_spki(7)


class Desk:
    """A restore or an import at its host, and the files that people carry there."""

    def __init__(self, room: Room, directory: Path) -> None:
        self.room, self.directory = room, directory
        self.authority = room.knows()
        ground = HandInGround(InlineDoor(), room.asker, room.clock, lambda: self.authority)
        self.changes: list[bool] = []
        self.bringing = Bringing(room.door, ground, lambda: self.changes.append(True))
        self.brought: Brought | None = None

    def begin(self, kind: ScriptKind, *, concerns: tuple[str, ...] = (KEK,), until: str) -> None:
        room, now = self.room, self.room.clock()
        self.composed = now
        digest = None
        if kind is ScriptKind.RESTORE:
            self.body = restore_body(KEK, digest_of(backup_file(KEK)), "orion-2026", now)
            _raw, _all, digest = statement(
                room.host.cast, self.authority.fingerprint, Kind.RESTORE, KEK, self.body, now
            )
        self.plan = replace(
            make_plan(room.host.cast, room.clock, kind=kind),
            authority=self.authority.fingerprint,
            statement=digest or digest_of(b"a statement"),
            founding=None,
            kek_profile=None,
            concerns=concerns,
        )
        room.host.facts["make-transport-key"] = transport_made(SPKI)
        room.host.begin(signed(room.host.cast, "novak", PLAN_TYPE, self.plan.to_payload()))
        room.host.until(self.plan.ceremony, until)

    def knows_the_statement(self) -> None:
        now = self.composed
        root = self.authority.fingerprint
        raw = carried(self.room.host.cast, root, Kind.RESTORE, KEK, self.body, now)
        self.brought = lets_happen(raw, self.plan, self.authority, self.room.clock())

    @property
    def course(self) -> Course:
        return self.room.host.courses[self.plan.ceremony]

    def look(self) -> None:
        self.bringing.look(self.course, self.brought)

    def shown(self, phase: Phase = Phase.SIGNING) -> HandIn | None:
        return self.bringing.view(self.course, phase, self.brought)

    def says(self) -> HandIn:
        found = self.shown()
        assert found is not None
        return found

    def hand_in(self, raw: bytes) -> None:
        path = self.directory / "carried.json"
        path.write_bytes(raw)
        self.room.asker.chosen = path
        self.bringing.ask(self.course, self.brought)


@pytest.fixture
def desk(room: Room, tmp_path: Path) -> Desk:
    return Desk(room, tmp_path)


def test_a_restore_says_what_it_needs_until_it_is_used(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="preflight")
    desk.look()
    shown = desk.says()
    assert (shown.title, shown.button) == ("KEK backup", "Hand in kek-backup.json…")
    assert not shown.done
    working = desk.shown(Phase.WORKING)
    assert working is not None
    assert working.why_not == "The host is at work."
    for phase in (Phase.OVER, Phase.ABORTED, Phase.BROKEN, Phase.LOADING):
        assert desk.shown(phase) is None
    desk.room.host.until(desk.plan.ceremony, "prove-restore")
    assert desk.shown() is None


def test_the_named_backup_is_shown_before_it_goes_and_seen_to_lie_there(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.knows_the_statement()
    desk.room.asker.confirms = None
    desk.hand_in(backup_file(KEK))
    question = desk.room.asker.asked[-1]
    assert isinstance(question, Confirm)
    said = "\n".join(question.details)
    for each in ("7e7e 7e7e", "recoverable", "backup-7", "keyturn 0123", "2026"):
        assert each in said
    assert "restore statement names" in question.text
    assert desk.room.host.files == {}  # turned down
    desk.room.asker.confirms = Confirmed()
    desk.hand_in(backup_file(KEK))
    assert desk.room.host.files == {"kek-backup.json": backup_file(KEK)}
    shown = desk.says()
    assert (shown.done, shown.button) == (True, "")
    assert "lies at the host" in shown.text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (lambda: backup_file(OTHER), "another KEK"),
        (lambda: backup_file(KEK, made=MADE.replace(year=2025)), "another backup"),
        (lambda: wrapped_file(KEK, SPKI), "KEK backup"),
        (lambda: backup_file(KEK)[:-1], "KEK backup"),
    ],
)
def test_another_file_does_not_go(desk: Desk, raw: Callable[[], bytes], text: str) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.knows_the_statement()
    desk.hand_in(raw())
    notice = desk.room.asker.told[-1]
    assert notice.title == "Not handed in"
    assert text in notice.text
    assert desk.room.host.files == {}


def test_without_the_statement_the_kek_alone_is_compared_and_it_is_said(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.hand_in(backup_file(KEK, made=MADE.replace(year=2025)))
    shown = desk.says()
    assert not shown.done
    assert "the host judges" in shown.text
    assert shown.button


def test_what_another_handed_in_is_judged_too(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.knows_the_statement()
    desk.look()
    desk.room.host.files["kek-backup.json"] = backup_file(OTHER)
    desk.look()
    assert "A restore needs" in desk.says().text  # asked a moment ago
    desk.room.clock.advance(seconds=10)
    desk.look()
    shown = desk.says()
    assert "will not do" in shown.text
    assert "another KEK" in shown.text
    assert shown.button
    desk.room.host.files["kek-backup.json"] = b"{}"
    desk.room.clock.advance(seconds=10)
    desk.look()
    assert "will not do" in desk.says().text


def test_a_host_that_is_silent_claims_nothing(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.room.host.files["kek-backup.json"] = backup_file(KEK)
    desk.look()
    assert "lies at the host" in desk.says().text
    desk.room.host.silent = True
    desk.room.clock.advance(seconds=10)
    desk.look()
    assert "lies at the host" not in desk.says().text
    desk.hand_in(backup_file(KEK))
    assert desk.room.asker.told[-1].title == "Not handed in"


def test_a_drill_takes_a_backup_in_place_of_the_one_that_lies_there(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE_DRILL, concerns=(), until="prove-backup")
    desk.room.host.files["kek-backup.json"] = backup_file(KEK)
    desk.look()
    assert desk.says().button
    desk.hand_in(backup_file(OTHER))
    assert desk.room.host.files["kek-backup.json"] == backup_file(OTHER)


def test_an_import_waits_for_what_is_wrapped_to_its_own_key(desk: Desk) -> None:
    desk.begin(ScriptKind.KEY_IMPORT, until="make-transport-key")
    assert desk.shown() is None
    desk.room.host.until(desk.plan.ceremony, "carry")
    assert desk.says().button == "Hand in wrapped-kek.json…"
    desk.hand_in(wrapped_file(KEK, made_up_spki(8)))
    notice = desk.room.asker.told[-1]
    assert "another key than this ceremony's transport key" in notice.text
    assert notice.expected.replace(" ", "") == key_id_of(SPKI)
    desk.hand_in(wrapped_file(OTHER, SPKI))
    assert "another KEK" in desk.room.asker.told[-1].text
    assert desk.room.host.files == {}
    desk.hand_in(wrapped_file(KEK, SPKI))
    assert desk.room.host.files == {"wrapped-kek.json": wrapped_file(KEK, SPKI)}
    assert desk.says().done
    desk.room.host.until(desk.plan.ceremony, "prove-import")
    assert desk.shown() is None


def test_a_file_that_cannot_be_read(desk: Desk) -> None:
    desk.begin(ScriptKind.RESTORE, until="restore-kek")
    desk.room.asker.chosen = desk.directory / "missing.json"
    desk.bringing.ask(desk.course, None)
    assert "cannot read" in desk.room.asker.told[-1].text
    desk.room.asker.chosen = None
    desk.bringing.ask(desk.course, None)
    assert len(desk.room.asker.told) == 1


def test_the_very_file_of_the_statement() -> None:
    raw = backup_file(KEK)
    want = Wanted("kek-backup.json", ScriptKind.RESTORE, (KEK,), backup=digest_of(raw))  # type: ignore[arg-type]
    assert fitting(raw, want).digest == digest_of(raw)

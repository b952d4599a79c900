"""A plan by a statement that comes as a file: verified here, handed in when the plan is opened."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import Brought
from keyturn.quorum.kinds import Kind
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, HostPlace, HostSeen
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from keyturn_app.screens.ceremonies.planning import Seat
from keyturn_app.screens.ceremonies.wizard import WizardPresenter
from support.paperauthority import carried, ceremony_body, restore_body
from support.paperhost import KEEPERS, SO_KEEPERS
from unit.app.screens.ceremonies.conftest import Room, passphrase

Done, Failed = Callable[[CeremonyDoor], None], Callable[[KeyturnError], None]
KEK, BACKUP = "7e" * 32, Digest(f"sha256:{'b0' * 32}")


def planned(room: Room, kind: ScriptKind) -> PlanPresenter:
    """At the keyholder's machine, with nothing in force that is known here."""
    room.knows()
    room.door.place = HostPlace.LOCAL
    room.host.look = lambda: HostSeen((), "3f9a 01c7")  # type: ignore[method-assign]
    room.page.seen()
    room.page.plan(kind, rehearsal=False)
    assert isinstance(room.page.over, PlanPresenter), room.asker.toasts
    return room.page.over


def carry(room: Room, path: Path, kind: ScriptKind, *approvers: str) -> None:
    now, cast, authority = room.clock(), room.host.cast, room.knows().fingerprint
    if kind is ScriptKind.RESTORE:
        body = restore_body(KEK, BACKUP, "keyturn-2", now)
        raw = carried(cast, authority, Kind.RESTORE, KEK, body, now, approvers)
    else:
        body = ceremony_body(kind, now)
        raw = carried(cast, authority, Kind.CEREMONY, kind.value, body, now, approvers)
    path.write_bytes(raw)
    room.asker.chosen = path


def test_its_people_and_its_name_come_from_the_file(room: Room, tmp_path: Path) -> None:
    plan = planned(room, ScriptKind.BACKUP)
    assert "Choose the statement" in plan.view().why_not
    carry(room, tmp_path / "s.json", ScriptKind.BACKUP, *KEEPERS[:3])
    plan.bring_statement()
    view = plan.view()
    assert view.statement == view.statements[-1][1]
    assert "3 of 3 needed" in view.brought
    assert plan.draft.holders(Seat.ADMINISTRATOR) == ("novak",)
    assert (view.ceremony, view.signer) == ("backup", "Anna Novak")
    plan.write_place(str(room.keys["novak"]))
    assert view.why_not == "Say where the administrator's key is."
    plan.open(passphrase("novak"))
    (brought,) = room.host.brought
    assert brought.digest == view.statement
    assert room.host.handed_in == []
    assert isinstance(room.page.over, WizardPresenter)


def test_one_that_is_left_for_another_is_not_handed_in(room: Room, tmp_path: Path) -> None:
    plan = planned(room, ScriptKind.BACKUP)
    carry(room, tmp_path / "s.json", ScriptKind.BACKUP, *KEEPERS[:3])
    plan.bring_statement()
    plan.choose_statement("")
    assert plan.draft.statement is None
    assert plan.view().brought == ""
    assert "Choose the statement" in plan.view().why_not


def test_with_a_wrong_passphrase_nothing_is_handed_in(room: Room, tmp_path: Path) -> None:
    plan = planned(room, ScriptKind.BACKUP)
    carry(room, tmp_path / "s.json", ScriptKind.BACKUP, *KEEPERS[:3])
    plan.bring_statement()
    plan.write_place(str(room.keys["novak"]))
    secret = passphrase("osei")
    plan.open(secret)
    assert plan.view().error
    assert not any(secret)
    assert (room.host.brought, room.host.courses) == ([], {})


@pytest.mark.parametrize("fails", [False, True])
def test_turned_down_while_the_host_starts_nothing_is_opened(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    plan = restoring(room, tmp_path)
    held: list[Callable[[], None]] = []

    def start(_directory: object, *, rehearsal: bool, done: Done, failed: Failed) -> None:
        assert not rehearsal
        error = KeyturnError("no host can be started here")
        held.append(lambda: failed(error) if fails else done(room.door))

    monkeypatch.setattr(room.stage, "start", start)
    secret = passphrase("novak")
    plan.open(secret)
    if not fails:
        plan.cancel()
    held.pop()()
    assert not any(secret)
    assert room.host.courses == {}
    assert ("no host" in plan.view().error) is fails


@pytest.mark.parametrize("kind", [ScriptKind.RESTORE, ScriptKind.KEK_ROTATION])
def test_a_statement_of_another_ceremony_is_refused(
    room: Room, tmp_path: Path, kind: ScriptKind
) -> None:
    plan = planned(room, ScriptKind.BACKUP)
    carry(room, tmp_path / "s.json", kind, *KEEPERS[:3])
    plan.bring_statement()
    assert "another ceremony" in room.asker.told[-1].text
    assert plan.draft.statement is None


def test_who_is_missing_is_said(room: Room, tmp_path: Path) -> None:
    plan = planned(room, ScriptKind.BACKUP)
    carry(room, tmp_path / "s.json", ScriptKind.BACKUP, *KEEPERS[:2])
    plan.bring_statement()
    assert room.asker.told[-1].found == "2: jun, mara"
    assert "sofia" in room.asker.told[-1].hint
    assert plan.view().statements == ()


def restoring(room: Room, tmp_path: Path) -> PlanPresenter:
    plan = planned(room, ScriptKind.RESTORE)
    carry(room, tmp_path / "s.json", ScriptKind.RESTORE, *KEEPERS[:3])
    plan.bring_statement()
    plan.write("directory", str(tmp_path))
    seats = [*((each, Seat.USER) for each in KEEPERS), *((each, Seat.SO) for each in SO_KEEPERS)]
    for officer, seat in (*seats, ("novak", Seat.ADMINISTRATOR), ("osei", Seat.WITNESS)):
        plan.seat(officer, seat, 1)
    plan.write_place(str(room.keys["novak"]))
    assert plan.view().why_not == ""
    return plan


def test_of_a_restore_the_host_gets_it_once_the_ceremony_is_open(
    room: Room, tmp_path: Path
) -> None:
    restoring(room, tmp_path).open(passphrase("novak"))
    assert room.host.brought == []
    ((ceremony, brought),) = room.host.handed_in
    assert brought.kind is ScriptKind.RESTORE
    assert room.wizard.ceremony == ceremony
    shown = room.wizard.view().hand_in
    assert shown is not None
    assert shown.done


def test_where_the_host_does_not_take_it_the_ceremony_is_open_and_it_is_said(
    room: Room, tmp_path: Path
) -> None:
    def refuse(_ceremony: str, _brought: Brought) -> None:
        raise KeyturnError("no room on the disk")

    room.host.put_restore = refuse  # type: ignore[method-assign]
    restoring(room, tmp_path).open(passphrase("novak"))
    assert room.asker.told[-1].title == "The statement was not taken"
    shown = room.wizard.view().hand_in
    assert shown is not None
    assert shown.button


def test_without_an_authority_no_file_can_be_verified(room: Room) -> None:
    room.page.plan(ScriptKind.RESTORE, rehearsal=False)
    assert room.page.over is None
    assert "no authority here" in room.asker.toasts[-1]

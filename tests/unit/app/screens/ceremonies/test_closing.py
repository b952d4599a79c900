"""Sealing a keyholder: by whom, as what, and why."""

from dataclasses import replace

from keyturn.ceremony.script import Part, ScriptKind
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.roster import OfficerId
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.ceremonies.closing import SealPresenter, sealers
from keyturn_app.screens.ceremonies.hosts import HostPlace, HostSeen
from unit.app.screens.ceremonies.conftest import Room, passphrase


def at(room: Room, place: HostPlace) -> None:
    room.knows()
    room.door.place = place
    room.host.look = lambda: HostSeen((), "3f9a 01c7")  # type: ignore[method-assign]
    room.page.seen()


def test_who_operates_does_it_as_administrator_and_a_custodian_as_custodian(room: Room) -> None:
    found = dict(sealers(room.knows().roster))
    assert found[OfficerId("novak")] is Part.ADMINISTRATOR
    assert found[OfficerId("mara")] is Part.CUSTODIAN
    assert OfficerId("osei") not in found


def test_at_its_machine_whoever_seals_opens_their_key(room: Room) -> None:
    at(room, HostPlace.LOCAL)
    room.page.plan(ScriptKind.SEAL, rehearsal=False)
    sheet = room.page.over
    assert isinstance(sheet, SealPresenter)
    sheet.choose_speaker("mara")
    sheet.write_place(str(room.keys["mara"]))
    assert "Write it down" in sheet.view().why_not
    sheet.write("the day is over")
    wrong = bytearray(b"not it")
    sheet.say(wrong)
    assert not any(wrong)
    assert sheet.view().error
    assert room.host.closed == []
    sheet.say(passphrase("mara"))
    assert room.host.closed == ["mara as custodian: the day is over"]
    assert room.page.over is None


def test_another_ones_key_seals_nothing(room: Room) -> None:
    at(room, HostPlace.LOCAL)
    room.page.plan(ScriptKind.SEAL, rehearsal=False)
    sheet = room.page.over
    assert isinstance(sheet, SealPresenter)
    sheet.choose_speaker("mara")
    sheet.write_place(str(room.keys["jun"]))
    sheet.write("why")
    sheet.say(passphrase("jun"))
    assert sheet.view().error
    assert room.host.closed == []
    sheet.cancel()
    assert room.page.over is None


def test_in_ones_own_app_it_is_asked_and_signed_with_the_open_key(room: Room) -> None:
    at(room, HostPlace.KEYHOLDER)
    room.page.plan(ScriptKind.SEAL, rehearsal=False)
    assert room.asker.toasts[-1] == "Unlock your key first."
    room.stage.own = OfficerSigner(room.host.cast["novak"].secret)
    room.desk.identity = replace(room.desk.identity, officer="novak")
    room.asker.confirms = Confirmed("the day is over")
    room.page.plan(ScriptKind.SEAL, rehearsal=False)
    question = room.asker.asked[-1]
    assert isinstance(question, Confirm)
    assert question.typed == "seal"
    assert room.host.closed == ["novak as administrator: the day is over"]

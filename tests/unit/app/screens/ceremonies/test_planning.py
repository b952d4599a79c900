"""Planning a ceremony: who, what, on which token; and the plan that core's rules accept."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import KeyId
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.ceremony_body import Restore, Window
from keyturn.quorum.kinds import Role
from keyturn_app.screens.ceremonies.candidates import read_candidate
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from keyturn_app.screens.ceremonies.planning import Draft, Seat, from_statement, plan_of, problem
from keyturn_app.screens.ceremonies.signingview import KeyPlace
from keyturn_app.screens.ceremonies.wizard import WizardPresenter
from support.authority import START
from support.paperhost import KEEPERS, SO_KEEPERS
from unit.app.screens.ceremonies.conftest import Room, passphrase


def planner(room: Room, *, rehearsal: bool = False) -> PlanPresenter:
    room.page.plan(ScriptKind.GENESIS, rehearsal=rehearsal)
    assert isinstance(room.page.over, PlanPresenter)
    return room.page.over


def filled(room: Room, *, rehearsal: bool = False) -> PlanPresenter:
    plan = planner(room, rehearsal=rehearsal)
    room.asker.several = tuple(room.keys.values())
    plan.add_people()
    plan.write("origin", "keyturn.example/test")
    plan.write("directory", "/tmp/keyholder")
    plan.choose_profile(KekProfile.RECOVERABLE)
    for name in KEEPERS:
        plan.seat(name, Seat.USER, 1)
        plan.seat(name, Seat.APPROVER, 1)
    for name in SO_KEEPERS:
        plan.seat(name, Seat.SO, 1)
    for name in KEEPERS[:3]:
        plan.seat(name, Seat.BACKUP, 1)
    for seat in (Seat.ADMINISTRATOR, Seat.PROPOSER):
        plan.seat("novak", seat, 1)
    plan.seat("osei", Seat.WITNESS, 1)
    plan.seat("lind", Seat.SCRIBE, 1)
    return plan


def test_each_thing_that_is_missing_is_said_in_turn(room: Room) -> None:
    plan = planner(room)
    assert plan.view().why_not == "Add the people who take part."
    room.asker.several = tuple(room.keys.values())
    plan.add_people()
    assert len(plan.view().people) == 11
    assert "directory" in plan.view().why_not
    plan.write("directory", "/tmp/keyholder")
    assert plan.view().why_not == "Name the log that begins."
    plan.write("origin", "keyturn.example/test")
    assert "ever leave" in plan.view().why_not


def test_the_plan_holds_who_does_what(room: Room) -> None:
    plan = filled(room)
    assert plan.view().why_not == ""
    made = plan_of(plan.draft, room.clock(), None)
    assert made.administrator == "novak"
    user = made.shares[ShareUse.USER].groups[0]
    assert (user.threshold, user.members) == (3, KEEPERS)
    assert made.founding is not None
    officers = made.founding.roster.officers
    assert officers["novak"].roles == {Role.OPERATOR, Role.PROPOSER}  # type: ignore[index]
    assert officers["mara"].roles == {Role.CUSTODIAN, Role.APPROVER}  # type: ignore[index]
    assert officers["lind"].roles == {Role.AUDITOR}  # type: ignore[index]


def test_the_witness_with_another_part_is_refused_in_words(room: Room) -> None:
    plan = filled(room)
    plan.seat("osei", Seat.USER, 1)
    assert "witness has another part" in plan.view().why_not


def test_nobody_holds_user_and_so_shares(room: Room) -> None:
    plan = filled(room)
    plan.seat("mara", Seat.SO, 1)
    assert "user PIN and of the SO PIN" in plan.view().why_not


def test_a_part_that_one_has_goes_over(room: Room) -> None:
    plan = filled(room)
    plan.seat("lind", Seat.WITNESS, 1)
    assert plan.draft.holders(Seat.WITNESS) == ("lind",)


def test_shares_in_groups(room: Room) -> None:
    plan = filled(room)
    plan.group(True)
    for name in KEEPERS[3:]:
        plan.seat(name, Seat.USER, 2)
    plan.need(ShareUse.USER, 2, 2)
    plan.need_groups(ShareUse.USER, 2)
    scheme = plan_of(plan.draft, room.clock(), None).shares[ShareUse.USER]
    assert [(each.threshold, len(each.members)) for each in scheme.groups] == [(2, 3), (2, 2)]
    assert scheme.group_threshold == 2
    plan.group(False)
    assert len(plan_of(plan.draft, room.clock(), None).shares[ShareUse.USER].groups) == 1


def test_the_administrator_signs_and_the_wizard_opens(room: Room) -> None:
    plan = filled(room)
    view = plan.view()
    assert view.signer == "Anna Novak"
    assert view.key is not None
    assert view.key.text == str(room.keys["novak"])  # known: people were added from their files
    given = passphrase("novak")
    plan.open(given)
    assert not any(given)
    assert isinstance(room.page.over, WizardPresenter)
    assert room.page.over.view().title == "Genesis"
    assert room.stage.started == [False]


def test_a_wrong_passphrase_opens_nothing(room: Room) -> None:
    plan = filled(room, rehearsal=True)
    plan.open(bytearray(b"wrong"))
    assert plan.view().error
    assert room.host.courses == {}


def test_a_rehearsal_is_marked_and_named_so(room: Room) -> None:
    plan = filled(room, rehearsal=True)
    assert plan.draft.ceremony.startswith("rehearsal-")
    assert not plan.view().asks_directory
    assert room.marks[-1].startswith("REHEARSAL")
    plan.cancel()
    assert room.marks[-1] == ""
    assert room.page.over is None


def test_a_card_is_asked_for_its_place(room: Room) -> None:
    plan = filled(room)
    plan.choose_place(KeyPlace.CARD)
    assert plan.view().why_not == "Say where the administrator's key is."


def test_people_come_from_the_public_half_of_key_files(room: Room, tmp_path: Path) -> None:
    found = read_candidate(room.keys["mara"])
    assert (found.id, found.name, found.seals) == ("mara", "Mara Okafor", True)
    bad = tmp_path / "bad.key"
    bad.write_bytes(b"{}")
    room.asker.several = (bad,)
    plan = planner(room)
    plan.add_people()
    assert plan.view().people == ()
    assert room.asker.told[-1].title == "Not taken in"


def test_somebody_without_an_encryption_key_can_keep_no_share(room: Room) -> None:
    plan = filled(room)
    people = tuple(replace(each, seals=each.id != "mara") for each in plan.draft.people)
    draft = replace(plan.draft, people=people)
    assert "No share can be sealed to Mara Okafor" in problem(draft, room.clock(), None)


@pytest.mark.parametrize("kind", [each for each in ScriptKind if each is not ScriptKind.GENESIS])
def test_an_empty_draft_of_any_kind_has_its_first_problem(kind: ScriptKind, room: Room) -> None:
    draft = Draft(kind, rehearsal=False, ceremony="x-1")
    assert problem(draft, room.clock(), None)


def test_a_restore_is_planned_as_its_statement_says() -> None:
    kek, digest = "0a" * 32, digest_of(b"a restore statement")
    body = Restore(KeyId(kek), digest_of(b"backup"), "keyturn", "host-2", (), Window(START, START))
    draft = Draft(ScriptKind.RESTORE, False, "restore-2026", token="other", origin="")
    planned = from_statement(draft, kek, digest, body)
    assert (planned.statement, planned.token, planned.concerns) == (digest, "keyturn", kek)
    assert planned.ceremony == "restore-2026"

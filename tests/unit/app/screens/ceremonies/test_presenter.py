"""The list: what runs, what was held, what can be begun and why not."""

from dataclasses import replace

from keyturn.base.errors import UnreachableError, UntrustedError
from keyturn.ceremony.script import ScriptKind
from keyturn_app.screens.ceremonies.hosts import HostPlace, HostSeen
from keyturn_app.screens.ceremonies.listing import ListPhase
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from support.paperauthority import paper_authority
from support.paperhost import make_cast, opened
from unit.app.screens.ceremonies.conftest import Room


def choice(room: Room, kind: ScriptKind):  # type: ignore[no-untyped-def]
    return next(each for each in room.page.view().choices if each.kind is kind)


def test_nothing_yet(room: Room) -> None:
    room.stage.all.clear()
    room.page.seen()
    assert room.page.view().phase is ListPhase.EMPTY


def test_what_runs_and_what_was_aborted(room: Room) -> None:
    room.begin(until="preflight")
    room.page.over = None
    room.page.seen()
    (row,) = room.page.view().running
    assert row.title == "Genesis genesis-2026-11"
    assert "step 2 of 8: Test the token" in row.text
    room.host.interrupted.add(room.ceremony)
    room.page.seen()
    assert room.page.view().running[0].action == "Resume…"


def test_what_is_over_stands_in_the_history(room: Room) -> None:
    made, ceremony = opened(room.host.cast, room.clock, rehearsal=True)
    while made.courses[ceremony].step:
        made.do_step(ceremony)
    room.host.courses.update(made.courses)
    room.page.seen()
    (row,) = room.page.view().history
    assert (row.look.word, row.proof) == ("Done", "not logged: a rehearsal")
    room.page.open_ceremony(row.key)
    assert room.page.over is not None


def test_every_kind_can_be_chosen_or_says_why_not(room: Room) -> None:
    view = room.page.view()
    assert {each.kind for each in view.choices} == set(ScriptKind)
    assert choice(room, ScriptKind.GENESIS).why_not == ""
    assert "no authority here" in choice(room, ScriptKind.BACKUP).why_not
    assert choice(room, ScriptKind.BACKUP).why_no_rehearsal == ""
    room.page.plan(ScriptKind.BACKUP, rehearsal=False)
    assert room.page.over is None
    assert "no authority here" in room.asker.toasts[-1]


def test_one_thing_at_a_time(room: Room) -> None:
    room.page.plan(ScriptKind.GENESIS, rehearsal=False)
    first = room.page.over
    room.page.plan(ScriptKind.GENESIS, rehearsal=True)
    assert room.page.over is first
    assert isinstance(first, PlanPresenter)


def test_a_sealed_keyholder_offers_to_be_unsealed(room: Room) -> None:
    room.door.place = HostPlace.KEYHOLDER
    room.host.look = lambda: HostSeen((), "c0c0", sealed=True)  # type: ignore[method-assign]
    room.page.seen()
    (host,) = room.page.view().hosts
    assert (host.look.word, host.unseal) == ("Sealed", True)


def test_a_host_out_of_reach_says_why(room: Room) -> None:
    def silent() -> HostSeen:
        raise UnreachableError("nobody answers")

    room.host.look = silent  # type: ignore[method-assign]
    room.page.seen()
    (host,) = room.page.view().hosts
    assert host.look.word == "Out of reach"
    assert "nobody answers" in host.text


def test_an_unknown_target_changes_nothing(room: Room) -> None:
    room.page.open("nothing-like-it")
    assert room.page.over is None
    room.page.open("new")
    assert room.page.view().choosing
    room.page.open("plan:genesis")
    assert isinstance(room.page.over, PlanPresenter)


def test_a_target_opens_when_its_host_has_told_what_it_has(room: Room) -> None:
    made, ceremony = opened(room.host.cast, room.clock)
    room.host.courses.update(made.courses)
    room.host.taken.update(made.taken)
    room.door.held = []
    room.page.open(ceremony)
    assert room.page.over is None
    room.door.answer()
    assert room.wizard.ceremony == ceremony


def test_a_target_that_is_newer_than_the_list_is_asked_for(room: Room) -> None:
    room.page.seen()
    made, ceremony = opened(room.host.cast, room.clock)
    room.host.courses.update(made.courses)
    room.host.taken.update(made.taken)
    room.page.open(ceremony)
    assert room.wizard.ceremony == ceremony


def test_a_target_is_forgotten_when_something_else_is_chosen(room: Room) -> None:
    made, ceremony = opened(room.host.cast, room.clock)
    room.host.courses.update(made.courses)
    room.door.held = []
    room.page.open(ceremony)
    room.page.choose(True)
    room.door.answer()
    assert room.page.over is None


def test_a_target_that_no_host_has_is_not_kept(room: Room) -> None:
    made, ceremony = opened(room.host.cast, room.clock)
    room.page.open(ceremony)
    room.host.courses.update(made.courses)
    room.page.seen()
    assert room.page.over is None


def test_a_host_whose_word_does_not_hold_is_not_merely_out_of_reach(room: Room) -> None:
    def lying() -> HostSeen:
        raise UntrustedError("its log does not extend yours", hint="Enter no share.")

    room.door.place = HostPlace.LOCAL
    room.host.look = lying  # type: ignore[method-assign]
    room.page.seen()
    (host,) = room.page.view().hosts
    assert (host.look.word, host.look.token) == ("Not proved", "danger")
    assert "Enter no share" in host.text


def test_at_its_machine_later_ceremonies_are_planned_by_a_statement_that_is_brought(
    room: Room,
) -> None:
    room.knows()
    room.page.seen()
    assert "No keyholder" in choice(room, ScriptKind.BACKUP).why_not
    assert choice(room, ScriptKind.RESTORE).why_not == ""
    for place, why in ((HostPlace.LOCAL, ""), (HostPlace.KEYHOLDER, "No statement in force")):
        room.door.place = place
        room.host.look = lambda: HostSeen((), "c0c0")  # type: ignore[method-assign]
        room.page.seen()
        found = choice(room, ScriptKind.BACKUP).why_not
        assert found.startswith(why) if why else found == ""


def test_what_its_log_proves_is_newer_than_the_bundle(room: Room) -> None:
    known = room.knows()
    newer = replace(known, state=replace(known.state, size=7))
    room.stage.nobody = True
    room.door.place = HostPlace.LOCAL
    room.host.look = lambda: HostSeen((), "c0c0", authority=newer)  # type: ignore[method-assign]
    room.page.seen()
    line = room.page.view().authority
    assert line is not None
    assert "log proves it" in line.text


def test_what_was_proved_of_another_authority_counts_no_more(room: Room) -> None:
    """Another one was pinned here meanwhile; the keyholder was not looked at again."""
    other = paper_authority(make_cast(), room.clock())
    room.door.place = HostPlace.LOCAL
    room.stage.nobody = True
    room.host.look = lambda: HostSeen((), "c0c0", authority=other)  # type: ignore[method-assign]
    room.page.seen()
    known = room.knows()
    assert known.fingerprint != other.fingerprint
    line = room.page.view().authority
    assert line is not None
    assert line.fingerprint == known.fingerprint

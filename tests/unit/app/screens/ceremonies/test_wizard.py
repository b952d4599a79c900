"""Leading through a ceremony: who signs, what comes next, what went wrong, what is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.steps import Word
from keyturn_app.screens.ceremonies.hosts import Count, HostPlace
from keyturn_app.screens.ceremonies.leading import wizard_view
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.saying import SayPresenter
from keyturn_app.screens.ceremonies.viewmodel import Around, Ended, Phase
from support.paperhost import KEEPERS, SO_KEEPERS, opened
from unit.app.screens.ceremonies.conftest import Room, passphrase

BOTH = (("novak", Part.ADMINISTRATOR), ("osei", Part.WITNESS))


def test_everybody_whom_the_script_names_has_a_row(room: Room) -> None:
    view = room.begin().view()
    assert view.phase is Phase.SIGNING
    assert [each.officer for each in view.people] == ["novak", *KEEPERS, *SO_KEEPERS, "osei"]
    assert view.headline == "10 more signatures are needed"
    assert view.ring is not None
    assert (view.ring.filled, view.ring.segments) == (0, 10)
    assert view.people[0].current
    assert view.people[1].share == "user PIN 1 of 5, backup 1 of 3"
    assert view.next_why_not == "Continue becomes available at 10 of 10"


def test_a_signature_fills_a_segment_and_goes_to_the_record(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.sign("novak", Part.ADMINISTRATOR)
    view = wizard.view()
    assert view.ring is not None
    assert view.ring.figure == "1 of 2"
    assert [each.look.word for each in view.people] == ["Signed", "Waiting"]
    assert view.headline == "The witness is needed"
    room.sign("osei", Part.WITNESS)
    view = wizard.view()
    assert view.phase is Phase.STEP_DONE
    assert ("Level", "amber") in view.outcome
    assert view.transcript[-1].head == "Test the token: done"
    assert view.chain is not None
    assert view.chain.word == "Chain intact"


def test_continue_goes_to_the_step_that_waits(room: Room) -> None:
    wizard = room.begin(until="preflight")
    for officer, part in BOTH:
        room.sign(officer, part)
    assert wizard.view().next_text == "Continue to Make the token's keys"
    wizard.go_on()
    assert wizard.view().phase is Phase.SIGNING
    assert [each.state for each in wizard.view().steps[:4]] == [
        "done",
        "done",
        "current",
        "to-come",
    ]


def test_continue_does_nothing_before_all_have_signed(room: Room) -> None:
    wizard = room.begin(until="preflight")
    wizard.go_on()
    assert wizard.view().phase is Phase.SIGNING


def test_the_witness_signs_last_where_shares_are_proved(room: Room) -> None:
    view = room.begin(until="prove-shares").view()
    witness = view.people[-1]
    assert witness.officer == "osei"
    assert witness.why_not == "The witness signs last, when all others have."


def test_a_step_that_failed_says_what_was_found_and_what_to_do(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.host.failing["preflight"] = {
        "reason": "not-authorised",
        "found": "3 kB",
        "expected": "64 kB",
        "left": "Nothing was made.",
    }
    for officer, part in BOTH:
        room.sign(officer, part)
    trouble = wizard.view().trouble
    assert trouble is not None
    assert trouble.title.endswith("failed: not authorised")
    assert (trouble.found, trouble.expected) == ("3 kB", "64 kB")
    assert trouble.hint.startswith("Left: Nothing was made. Everybody")
    assert wizard.view().steps[1].state == "failed"
    assert all(each.action for each in wizard.view().people)


def test_a_record_that_does_not_fit_stops_everything(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.host.broken = True
    wizard.tick()
    view = wizard.view()
    assert view.phase is Phase.BROKEN
    assert view.chain is not None
    assert view.chain.word == "Chain broken"
    assert view.people == ()
    assert view.trouble is not None
    wizard.sign("novak", Part.ADMINISTRATOR)
    wizard.say(Word.NOTE)
    assert wizard.sheet is None


def test_a_host_that_shows_another_past_is_caught(room: Room) -> None:
    wizard = room.begin(until="make-token")
    before = room.host.courses[room.ceremony]
    other = make_other(room)
    room.host.courses[room.ceremony] = other
    wizard.tick()
    assert wizard.view().phase is Phase.BROKEN
    room.host.courses[room.ceremony] = before
    wizard.tick()
    assert wizard.view().phase is Phase.BROKEN  # what was caught once stays so


def make_other(room: Room) -> Course:
    host, ceremony = opened(room.host.cast, room.clock)
    host.until(ceremony, "make-token")
    return host.courses[ceremony]


def test_a_silent_host_is_said_and_asked_again(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.host.silent = True
    wizard.tick()
    assert "Not read anew" in wizard.view().error
    assert wizard.view().phase is Phase.SIGNING
    room.host.silent = False
    wizard.tick()
    assert wizard.view().error == ""


def test_long_work_shows_its_count(room: Room) -> None:
    wizard = room.begin(until="make-token")
    room.host.count = Count(6120, 10_000, "Keys wrapped")
    wizard.tick()
    progress = wizard.view().progress
    assert progress is not None
    assert progress.text == "Keys wrapped: 6,120 of 10,000"
    assert progress.fraction == pytest.approx(0.612)


def test_interrupted_it_is_resumed_with_a_reason_and_a_signature(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.host.interrupted.add(room.ceremony)
    wizard.tick()
    view = wizard.view()
    assert view.phase is Phase.INTERRUPTED
    assert view.resume
    assert not any(each.action for each in view.people)
    wizard.say(Word.RESUME)
    say(room, "novak", "the machine was restarted")
    assert wizard.view().phase is Phase.SIGNING
    assert wizard.view().transcript[-1].head == "resumed"


def test_an_abort_says_what_is_left_and_ends_it(room: Room) -> None:
    wizard = room.begin(until="prove-shares")
    wizard.say(Word.ABORT)
    sheet = wizard.sheet
    assert isinstance(sheet, SayPresenter)
    assert "No authority is founded" in sheet.view().left
    assert [each for each, _text in sheet.view().speakers] == ["novak", "osei"]
    assert sheet.view().why_not
    say(room, "osei", "the room was left")
    view = wizard.view()
    assert view.phase is Phase.ABORTED
    assert view.ended is not None
    assert "the room was left" in view.ended.text
    assert view.why_not_abort


def test_a_note_is_anybodys(room: Room) -> None:
    wizard = room.begin(until="preflight")
    wizard.say(Word.NOTE)
    say(room, "tomas", "the lamp flickers")
    assert "the lamp flickers" in wizard.view().transcript[-1].lines


def say(room: Room, officer: str, text: str) -> None:
    sheet = room.wizard.sheet
    assert isinstance(sheet, SayPresenter)
    sheet.choose_speaker(officer)
    sheet.write(text)
    sheet.write_place(str(room.keys[officer]))
    sheet.say(passphrase(officer))
    assert room.wizard.sheet is None, sheet.view().error


def test_a_host_that_forgot_other_shares_asks_for_those(room: Room) -> None:
    wizard = room.begin(until="found")
    room.host.unmet[room.ceremony] = (ShareUse.SO,)
    wizard.tick()
    view = wizard.view()
    assert view.phase is Phase.LOCKED
    assert [each.officer for each in view.people] == list(SO_KEEPERS)
    assert "once more: SO PIN." in view.says
    assert "Token closed" not in [each.word for each in view.chips]


def test_a_locked_token_asks_for_shares_of_the_user_pin_first(room: Room) -> None:
    wizard = room.begin(until="found")
    room.host.unmet[room.ceremony] = (ShareUse.USER,)
    wizard.tick()
    view = wizard.view()
    assert view.phase is Phase.LOCKED
    assert [each.officer for each in view.people] == list(KEEPERS)
    assert view.ring is not None
    assert view.ring.segments == 3
    assert view.people[0].action == "Share of Mara…"


def test_in_an_officers_own_app_only_their_row_is_open(room: Room) -> None:
    room.door.place = HostPlace.KEYHOLDER
    view = room.begin(until="preflight").view()
    assert [each.why_not == "" for each in view.people] == [True, False]
    assert "own app" in view.people[1].why_not


def test_another_authoritys_ceremony_is_not_called_a_broken_record(room: Room) -> None:
    error = CeremonyRefused(
        CeremonyReason.WRONG_CEREMONY, "not pinned here", found="sha256:b2", hint="Name a profile."
    )
    view = wizard_view(Reading().refused(error), Around(now=room.clock(), names={}))
    assert view.phase is Phase.BROKEN
    assert view.trouble is not None
    assert "not proved" in view.trouble.title
    assert view.trouble.found == "sha256:b2"
    assert "Name a profile." in view.trouble.hint


def ended(room: Room) -> Ended:
    """The last page, after everybody has signed the whole."""
    room.host.do_step(room.ceremony)
    room.wizard.tick()
    while room.wizard.view().phase is Phase.STEP_DONE:
        room.wizard.go_on()
    found = room.wizard.view().ended
    assert found is not None
    return found


def test_a_transcript_that_does_not_hold_is_loud_and_has_no_minutes(
    room: Room, tmp_path: Path
) -> None:
    """The host's file is no transcript: nothing looks done, and there are no minutes."""
    room.begin(until="close")
    room.host.swapped = b'{"type":"ceremony-transcript","format":1}'
    found = ended(room)
    view = room.wizard.view()
    assert (found.state.token, found.bad) == ("danger", True)
    assert "does not hold" in found.title
    assert "does not hold" in view.headline
    assert "evidence" in found.text
    assert view.ring is None
    assert {each.token for each in (view.chain, *view.chips)} == {"danger"}
    room.asker.chosen = tmp_path / "minutes.pdf"
    room.wizard.save_minutes()
    assert not (tmp_path / "minutes.pdf").exists()
    assert room.asker.told
    room.asker.chosen = tmp_path / "evidence.json"
    room.wizard.save_transcript()
    assert (tmp_path / "evidence.json").exists()


def test_a_transcript_that_did_not_come_is_asked_for_again(room: Room) -> None:
    room.begin(until="close")
    room.host.mute = True
    found = ended(room)
    assert found.state.token == "pending"
    assert "asked for again" in found.verdict
    assert found.why_no_minutes
    room.host.mute = False
    room.wizard.tick()
    found = room.wizard.view().ended  # type: ignore[assignment]
    assert (found.state.token, found.why_no_minutes) == ("ok", "")


def test_over_the_transcript_is_verified_and_saved(room: Room, tmp_path: Path) -> None:
    wizard = room.begin(until="close")
    room.host.do_step(room.ceremony)
    wizard.tick()
    while wizard.view().phase is Phase.STEP_DONE:
        wizard.go_on()
    view = wizard.view()
    assert view.phase is Phase.OVER
    assert view.ended is not None
    assert view.ended.verdict
    room.asker.chosen = tmp_path / "transcript.json"
    wizard.save_transcript()
    room.asker.chosen = tmp_path / "minutes.pdf"
    wizard.save_minutes()
    assert (tmp_path / "transcript.json").read_bytes().startswith(b'{"type":"ceremony-transcript"')
    assert (tmp_path / "minutes.pdf").read_bytes().startswith(b"%PDF")
    ended = wizard.view().ended
    assert ended is not None
    assert len(ended.files) == 2


def test_a_rehearsal_is_marked_until_it_is_left(room: Room) -> None:
    wizard = room.begin(rehearsal=True, until="preflight")
    assert wizard.view().rehearsal
    assert room.marks[-1].startswith("REHEARSAL")
    wizard.leave()
    assert room.marks[-1] == ""


def test_locking_the_app_closes_what_is_open(room: Room) -> None:
    wizard = room.begin(until="preflight")
    room.open_key("novak", Part.ADMINISTRATOR)
    room.desk.identity = replace(room.desk.identity, locked=True)
    room.desk.show(room.desk.facts)
    assert wizard.sheet is None
    assert room.host.taken[room.ceremony] == []

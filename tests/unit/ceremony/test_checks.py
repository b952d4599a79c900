"""Every way in which a signature or a word can be wrong, and what it is refused as."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.ceremony.checks import (
    attachments,
    check_envelope,
    check_plan_signature,
    check_recorded,
    check_said,
    check_step_signature,
)
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.steps import (
    STEP_TYPE,
    WORD_TYPE,
    StepSignature,
    Word,
    parse_said,
    parse_step_signature,
)
from keyturn.quorum.roster import OfficerId
from support.authority import sign
from support.ceremonies import Cast, Play, genesis_plan, playing_genesis, signed

WRONG = CeremonyReason


def at(step: str) -> Play:
    """A genesis that has come to this step."""
    return next(each for each in playing_genesis() if each.step.id == step)


def refusal(work: Callable[[], object]) -> CeremonyReason:
    with pytest.raises(CeremonyRefused) as refused:
        work()
    return refused.value.reason


def take(play: Play, signature: StepSignature, **more: object) -> None:
    check_step_signature(play.course, signature, play.now, **more)  # type: ignore[arg-type]


# ---- what is taken ----


@pytest.mark.parametrize("step", [each.id for each in SCRIPTS[ScriptKind.GENESIS].steps])
def test_everybodys_signatures_are_taken_in_turn(step: str) -> None:
    play = at(step)
    there: list[StepSignature] = []
    for signature in play.signatures():
        attached = play.attached(signature.officer, signature.part)
        take(play, signature, signed=there, attached=attached)
        there.append(signature)
    assert play.course.complete(there)


def test_an_optional_field_may_be_left_out() -> None:
    play = at("hand-out")
    entered = {"read-alone": "yes", "written-down": "yes"}
    take(play, play.signature("ada", Part.CUSTODIAN, entered=entered))


# ---- who ----


@pytest.mark.parametrize(
    ("officer", "part", "changed", "reason"),
    [
        ("mallory", Part.ADMINISTRATOR, {}, WRONG.UNKNOWN_OFFICER),
        ("hana", Part.ADMINISTRATOR, {"key": "viktor"}, WRONG.BAD_SIGNATURE),
        ("hana", Part.ADMINISTRATOR, {"key": "mallory"}, WRONG.BAD_SIGNATURE),
        ("viktor", Part.ADMINISTRATOR, {}, WRONG.WRONG_PART),
        ("hana", Part.WITNESS, {}, WRONG.WRONG_PART),
        ("viktor", Part.CUSTODIAN, {}, WRONG.WRONG_PART),
        ("sofia", Part.SCRIBE, {}, WRONG.WRONG_PART),
        ("ada", Part.OFFICER, {}, WRONG.WRONG_PART),
    ],
)
def test_somebody_else_than_the_step_needs(
    officer: str, part: Part, changed: dict[str, object], reason: CeremonyReason
) -> None:
    play = at("open")
    signature = play.signature(officer, part, **changed)
    assert refusal(lambda: take(play, signature)) is reason


def test_a_signature_is_needed_and_no_other_beside_it() -> None:
    play = at("preflight")
    raw = play.signature("hana", Part.ADMINISTRATOR).raw
    payload = parse_envelope(raw).payload
    both = sign(STEP_TYPE, payload, play.cast.key("hana"), play.cast.key("viktor"))
    none = Envelope(STEP_TYPE, payload, ()).to_bytes()
    for each in (both, none):
        assert refusal(lambda raw=each: take(play, parse_step_signature(raw))) is (  # type: ignore[misc]
            WRONG.BAD_SIGNATURE
        )


def test_an_altered_payload_is_no_longer_signed() -> None:
    play = at("preflight")
    envelope = play.signature("hana", Part.ADMINISTRATOR).envelope
    payload = envelope.payload.replace(b'"hana"', b'"ada"')
    altered = replace(envelope, payload=payload)
    signature = parse_step_signature(altered.to_bytes())
    assert refusal(lambda: take(play, signature)) is WRONG.BAD_SIGNATURE


def test_twice_is_once_too_often() -> None:
    play = at("open")
    signature = play.signature("ada", Part.CUSTODIAN)
    again = play.signature("ada", Part.CUSTODIAN, time=play.now + timedelta(seconds=1))
    for each in (signature, again):
        reason = refusal(lambda each=each: take(play, each, signed=[signature]))  # type: ignore[misc]
        assert reason is WRONG.SIGNED_ALREADY


def test_one_officer_signs_for_each_of_their_parts() -> None:
    cast = Cast(
        {**Cast().people, "ada": ("Ada", ("operator", "proposer", "approver", "custodian"))}
    )
    plan = replace(genesis_plan(cast), administrator=OfficerId("ada"))
    play = Play(cast, plan)
    first = play.signature("ada", Part.CUSTODIAN)
    take(play, play.signature("ada", Part.ADMINISTRATOR), signed=[first])


# ---- where and when ----


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seq": 1}, WRONG.WRONG_PLACE),
        ({"seq": 3}, WRONG.WRONG_PLACE),
        ({"previous": Digest("sha256:" + "0" * 64)}, WRONG.WRONG_PLACE),
        ({"ceremony": "rehearsal-genesis-2"}, WRONG.WRONG_CEREMONY),
        ({"rehearsal": False}, WRONG.WRONG_CEREMONY),
    ],
)
def test_another_place(changed: dict[str, object], reason: CeremonyReason) -> None:
    play = at("preflight")
    signature = play.signature("hana", Part.ADMINISTRATOR, place=play.place(**changed))
    assert refusal(lambda: take(play, signature)) is reason


def test_another_step() -> None:
    play = at("preflight")
    signature = play.signature("hana", Part.ADMINISTRATOR, step="make-token")
    assert refusal(lambda: take(play, signature)) is WRONG.WRONG_STEP


def test_a_signature_for_a_rehearsal_is_none_for_the_ceremony() -> None:
    rehearsing = at("preflight")
    real = Play(Cast(), genesis_plan(Cast(), rehearsal=False))
    signature = rehearsing.signature("hana", Part.ADMINISTRATOR)
    assert refusal(lambda: take(real, signature)) is WRONG.WRONG_CEREMONY


def test_a_signature_does_not_stand_a_second_time_after_a_failure() -> None:
    play = at("preflight")
    signature = play.signature("hana", Part.ADMINISTRATOR)
    play.fail()
    assert refusal(lambda: take(play, signature)) is WRONG.WRONG_PLACE


@pytest.mark.parametrize("seconds", [-121, 121, 86_400])
def test_another_time(seconds: int) -> None:
    play = at("preflight")
    time = play.now + timedelta(seconds=seconds)
    signature = play.signature("hana", Part.ADMINISTRATOR, time=time)
    assert refusal(lambda: take(play, signature)) is WRONG.WRONG_TIME


@pytest.mark.parametrize("seconds", [-120, 0, 120])
def test_clocks_need_not_agree_to_the_second(seconds: int) -> None:
    play = at("preflight")
    time = play.now + timedelta(seconds=seconds)
    take(play, play.signature("hana", Part.ADMINISTRATOR, time=time))


def test_after_the_end() -> None:
    play = at("preflight")
    place = play.course.place
    signature = play.signature("hana", Part.ADMINISTRATOR)
    play.say(Word.ABORT, "enough")
    assert refusal(lambda: take(play, signature)) is WRONG.OVER
    said = parse_said(play.word(Word.NOTE, "too late", "hana", Part.ADMINISTRATOR, place=place))
    assert refusal(lambda: check_said(play.course, said, play.now)) is WRONG.OVER


# ---- what was entered ----


@pytest.mark.parametrize(
    ("entered", "reason"),
    [
        ({}, WRONG.NOT_ENTERED),
        ({"phrase": ""}, WRONG.NOT_ENTERED),
        ({"phrase": "  "}, WRONG.NOT_ENTERED),
        ({"phrase": "topmost istanbul pluto"}, WRONG.WRONG_PHRASE),
    ],
)
def test_the_phrase_is_entered_and_is_right(
    entered: dict[str, str], reason: CeremonyReason
) -> None:
    play = at("open")
    signature = play.signature("viktor", Part.WITNESS, entered=entered)
    assert refusal(lambda: take(play, signature)) is reason


def test_the_phrase_of_another_record_is_wrong() -> None:
    play = at("open")
    old = play.course.phrase
    play.say(Word.EXCEPTION, "somebody came in")
    signature = play.signature("viktor", Part.WITNESS, entered={"phrase": old})
    assert refusal(lambda: take(play, signature)) is WRONG.WRONG_PHRASE


def test_a_note_leaves_signatures_as_they_are() -> None:
    play = at("open")
    before = play.signature("viktor", Part.WITNESS)
    play.say(Word.NOTE, "the lamp flickers")
    play.say(Word.NOTE, "and again")
    take(play, before)
    assert play.course.next.seq == play.course.place.seq + 2


def test_the_last_step_is_signed_over_notes_too() -> None:
    play = at("close")
    before = play.signature("viktor", Part.WITNESS)
    play.say(Word.NOTE, "the lamp flickers")
    assert refusal(lambda: take(play, before)) is WRONG.WRONG_PLACE


YES = {"read-alone": "yes", "written-down": "yes"}


@pytest.mark.parametrize(
    "entered",
    [
        {"read-alone": "yes"},
        {**YES, "written-down": "no"},
        {**YES, "written-down": "Yes"},
        {**YES, "more": "x"},
        {**YES, "phrase": "x"},
        {**YES, "bag": "B" * 201},
        {**YES, "bag": "   "},
    ],
)
def test_what_is_missing_extra_or_wrong(entered: dict[str, str]) -> None:
    play = at("hand-out")
    signature = play.signature("ada", Part.CUSTODIAN, entered=entered)
    assert refusal(lambda: take(play, signature)) is WRONG.NOT_ENTERED


def test_nobody_enters_what_another_part_does() -> None:
    play = at("open")
    entered = {"phrase": play.course.phrase}
    signature = play.signature("hana", Part.ADMINISTRATOR, entered=entered)
    assert refusal(lambda: take(play, signature)) is WRONG.NOT_ENTERED


# ---- what is attached ----


def test_a_custodian_attaches_one_share_for_each_that_they_hold() -> None:
    play = at("prove-shares")
    for officer, many in (("ada", 2), ("bela", 1), ("greta", 2), ("viktor", 0)):
        assert attachments(play.course, play.step, officer, Part.CUSTODIAN) == (many, many)
    assert attachments(play.course, play.step, "viktor", Part.WITNESS) == (0, 0)


def test_an_officer_attaches_a_statement_or_both() -> None:
    play = at("sign-founding")
    assert attachments(play.course, play.step, "ada", Part.OFFICER) == (1, 2)


ONE = digest_of(b"one")


@pytest.mark.parametrize(
    ("attached", "reason"),
    [
        ((), WRONG.NOT_ATTACHED),
        ((ONE,), WRONG.NOT_ATTACHED),
        ((ONE, digest_of(b"two"), digest_of(b"three")), WRONG.WRONG_ATTACHMENT),
    ],
)
def test_too_little_or_too_much(attached: tuple[Digest, ...], reason: CeremonyReason) -> None:
    play = at("prove-shares")
    signature = play.signature("ada", Part.CUSTODIAN, attached=attached)
    assert refusal(lambda: take(play, signature)) is reason


@pytest.mark.parametrize("there", [(), (b"one",), (b"two", b"one"), (b"one", b"two", b"two")])
def test_what_comes_with_a_signature_is_what_was_signed(there: tuple[bytes, ...]) -> None:
    play = at("prove-shares")
    digests = (ONE, digest_of(b"two"))
    signature = play.signature("ada", Part.CUSTODIAN, attached=digests)
    take(play, signature, attached=(b"one", b"two"))
    reason = refusal(lambda: take(play, signature, attached=there))
    assert reason is WRONG.WRONG_ATTACHMENT


def test_nothing_is_attached_where_nothing_is_asked() -> None:
    play = at("preflight")
    signature = play.signature("hana", Part.ADMINISTRATOR, attached=(ONE,))
    assert refusal(lambda: take(play, signature)) is WRONG.WRONG_ATTACHMENT


def test_the_witness_signs_last_where_custodians_attach_shares() -> None:
    play = at("prove-shares")
    *custodians, witness = play.signatures()
    assert refusal(lambda: take(play, witness, signed=custodians[:-1])) is WRONG.TOO_EARLY
    take(play, witness, signed=custodians)


def test_elsewhere_the_witness_signs_when_they_like() -> None:
    play = at("open")
    take(play, play.signature("viktor", Part.WITNESS))


# ---- in a record ----


def test_in_a_record_the_time_is_judged_by_the_record() -> None:
    play = at("preflight")
    before = play.course
    early = play.now - timedelta(seconds=300)
    signature = play.signature("hana", Part.ADMINISTRATOR, time=early)
    fine = play.signature("hana", Part.ADMINISTRATOR)
    record = play.do()
    check_recorded(before, fine, record, ())
    assert refusal(lambda: check_recorded(before, signature, record, ())) is WRONG.WRONG_TIME


# ---- words ----


def said(word: Word, officer: str, part: Part, **changed: object) -> None:
    play = at("make-token")
    now = play.now
    check_said(play.course, parse_said(play.word(word, "a text", officer, part, **changed)), now)


@pytest.mark.parametrize(
    ("word", "officer", "part"),
    [
        (Word.NOTE, "ada", Part.CUSTODIAN),
        (Word.NOTE, "sofia", Part.SCRIBE),
        (Word.NOTE, "emil", Part.OFFICER),
        (Word.EXCEPTION, "hana", Part.ADMINISTRATOR),
        (Word.ABORT, "viktor", Part.WITNESS),
        (Word.RESUME, "hana", Part.ADMINISTRATOR),
    ],
)
def test_who_may_say_what(word: Word, officer: str, part: Part) -> None:
    said(word, officer, part)


@pytest.mark.parametrize(
    ("word", "officer", "part", "changed", "reason"),
    [
        (Word.ABORT, "ada", Part.CUSTODIAN, {}, WRONG.WRONG_PART),
        (Word.EXCEPTION, "sofia", Part.SCRIBE, {}, WRONG.WRONG_PART),
        (Word.RESUME, "ada", Part.CUSTODIAN, {}, WRONG.WRONG_PART),
        (Word.ABORT, "ada", Part.WITNESS, {}, WRONG.WRONG_PART),
        (Word.NOTE, "viktor", Part.CUSTODIAN, {}, WRONG.WRONG_PART),
        (Word.ABORT, "hana", Part.ADMINISTRATOR, {"key": "viktor"}, WRONG.BAD_SIGNATURE),
        (Word.NOTE, "mallory", Part.CUSTODIAN, {}, WRONG.UNKNOWN_OFFICER),
    ],
)
def test_who_may_not(
    word: Word, officer: str, part: Part, changed: dict[str, object], reason: CeremonyReason
) -> None:
    assert refusal(lambda: said(word, officer, part, **changed)) is reason


def test_a_word_stands_in_one_place_and_time() -> None:
    play = at("make-token")
    for changed, reason in (
        ({"place": play.place(seq=2)}, WRONG.WRONG_PLACE),
        ({"place": play.place(ceremony="rehearsal-x")}, WRONG.WRONG_CEREMONY),
        ({"time": play.now + timedelta(seconds=121)}, WRONG.WRONG_TIME),
    ):
        with pytest.raises(CeremonyRefused) as refused:
            said(Word.NOTE, "hana", Part.ADMINISTRATOR, **changed)
        assert refused.value.reason is reason


# ---- the plan ----


def test_the_plan_is_the_administrators() -> None:
    cast, plan = Cast(), genesis_plan(Cast())
    check_plan_signature(signed(cast, plan), cast.roster)
    forged = signed(cast, plan, by="viktor")
    assert refusal(lambda: check_plan_signature(forged, cast.roster)) is WRONG.BAD_SIGNATURE


def test_an_envelopes_officer_is_returned() -> None:
    cast = Cast()
    raw = sign(WORD_TYPE, b"{}", cast.key("ada"))
    found = check_envelope(parse_envelope(raw), OfficerId("ada"), cast.roster)
    assert found.name == "Ada Byron"

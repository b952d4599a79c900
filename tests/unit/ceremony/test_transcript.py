"""A transcript that holds, and every way in which one does not."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Opened
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import StepSignature, Word
from keyturn.ceremony.transcript import (
    Verified,
    make_transcript,
    parse_transcript,
    verify_transcript,
)
from keyturn.quorum.roster import OfficerId
from support.ceremonies import (
    TOKEN,
    Cast,
    Play,
    authority_of,
    genesis_facts,
    genesis_plan,
    played_genesis,
    playing_genesis,
    share_sets,
    signed,
)
from support.ceremonylog import logged_genesis

CAST = Cast()
PLAYED = played_genesis(CAST)
EVENTFUL = played_genesis(CAST, eventful=True)


def proved(raw: bytes, fingerprint: Digest | None = None) -> Verified:
    return verify_transcript(parse_transcript(raw), fingerprint)


def of(records: Sequence[Record | bytes]) -> bytes:
    raws = [each if isinstance(each, bytes) else each.raw for each in records]
    return make_transcript(raws)


def refusal(work: Callable[[], object]) -> KeyturnError:
    with pytest.raises((CeremonyRefused, MalformedError)) as refused:
        work()
    return refused.value


def reason(work: Callable[[], object]) -> CeremonyReason:
    error = refusal(work)
    assert isinstance(error, CeremonyRefused), error
    return error.reason


# ---- what holds ----


def test_a_rehearsal_is_proved_and_is_shown_as_one() -> None:
    found = proved(PLAYED.transcript())
    assert found.rehearsal
    assert found.course.state is CourseState.DONE
    assert [each.step.id for each in found.done] == [
        each.id for each in SCRIPTS[ScriptKind.GENESIS].steps
    ]
    assert found.digest == PLAYED.course.last.digest
    assert found.authority == authority_of(PLAYED)
    assert not found.looked_at.pinned
    assert not found.looked_at.bundle
    assert found.looked_at.log is None


def test_all_that_happened_beside_the_steps_is_there() -> None:
    found = proved(EVENTFUL.transcript())
    assert [each.failed.found for each in found.failures] == ["CKR_DEVICE_ERROR"]
    assert [each.said.word for each in found.words] == [Word.EXCEPTION, Word.NOTE, Word.RESUME]
    assert [each.step.id for each in found.words if each.step] == [
        "make-token",
        "hand-out",
        "found",
    ]
    assert len(found.exceptions) == 1


@pytest.mark.parametrize("upto", range(1, len(EVENTFUL.course.records)))
def test_what_has_been_recorded_so_far_is_proved_too(upto: int) -> None:
    found = proved(of(EVENTFUL.course.records[:upto]))
    assert found.course.state is CourseState.RUNNING


def test_an_aborted_one_is_proved_and_says_so() -> None:
    play = next(each for each in playing_genesis() if each.step.id == "found")
    play.say(Word.ABORT, "the fire alarm", Part.WITNESS)
    found = proved(play.transcript())
    assert found.course.state is CourseState.ABORTED
    assert found.authority is None
    assert found.words[-1].said.text == "the fire alarm"


def test_the_same_transcript_gives_the_same_bytes() -> None:
    assert played_genesis(Cast()).transcript() == PLAYED.transcript()


# ---- the file ----


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "transcript"},
        {"format": 2},
        {"more": 1},
        {"records": []},
        {"records": ["===="]},
        {"records": [b64(b"{}")]},
        {"bundle": 1},
        {"bundle": "%"},
        {"receipts": None},
        {"receipts": ["x"]},
    ],
)
def test_no_other_file(changed: dict[str, object]) -> None:
    document = json.loads(PLAYED.transcript())
    with pytest.raises(MalformedError):
        parse_transcript(dump({**document, **changed}))
    for name in document:
        less = {each: value for each, value in document.items() if each != name}
        with pytest.raises(MalformedError):
            parse_transcript(dump(less))


# ---- the chain ----

RECORDS = PLAYED.course.records


@pytest.mark.parametrize("left_out", range(len(RECORDS) - 1))
def test_no_record_can_be_left_out(left_out: int) -> None:
    some = [*RECORDS[:left_out], *RECORDS[left_out + 1 :]]
    refusal(lambda: proved(of(some)))


@pytest.mark.parametrize("at", range(1, len(RECORDS) - 1))
def test_no_two_records_can_be_swapped(at: int) -> None:
    some = [*RECORDS[:at], RECORDS[at + 1], RECORDS[at], *RECORDS[at + 2 :]]
    error = refusal(lambda: proved(of(some)))
    assert error.message.startswith(f"record {at + 1}: ")


@pytest.mark.parametrize("at", range(len(RECORDS)))
def test_no_record_can_be_altered(at: int) -> None:
    raw = RECORDS[at].raw.replace(b"-30T09:", b"-30T10:", 1)
    assert raw != RECORDS[at].raw
    refusal(lambda: proved(of([*RECORDS[:at], raw, *RECORDS[at + 1 :]])))


def test_a_record_of_another_ceremony_does_not_fit_in() -> None:
    other = played_genesis(Cast(), ceremony="rehearsal-genesis-2")
    some = [*RECORDS[:3], *other.course.records[3:]]
    assert reason(lambda: proved(of(some))) is CeremonyReason.WRONG_CEREMONY


def test_a_rehearsal_cannot_pass_for_a_ceremony() -> None:
    some = [each.raw.replace(b'"rehearsal":true', b'"rehearsal":false') for each in RECORDS]
    refusal(lambda: proved(of(some)))


# ---- signatures ----


def replayed(
    step: str,
    choose: Callable[[Play], Sequence[StepSignature]],
    facts: Callable[[JsonObject], JsonObject] = lambda it: it,
) -> bytes:
    """A genesis up to a step, whose record a host writes as it likes."""
    play = next(each for each in playing_genesis() if each.step.id == step)
    said = genesis_facts(play.plan).get(step, {})
    play.add(Event.DONE, step, choose(play), facts(said))
    return play.transcript()


STEPS = [each.id for each in SCRIPTS[ScriptKind.GENESIS].steps]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_holds_with_all_its_signatures(step: str) -> None:
    proved(replayed(step, Play.signatures))


@pytest.mark.parametrize("step", STEPS)
def test_no_step_can_be_done_with_one_signature_less(step: str) -> None:
    play = next(each for each in playing_genesis() if each.step.id == step)
    for left_out in range(len(play.signatures())):
        raw = replayed(
            step,
            lambda it, without=left_out: [  # type: ignore[misc]
                each for place, each in enumerate(it.signatures()) if place != without
            ],
        )
        found = reason(lambda transcript=raw: proved(transcript))  # type: ignore[misc]
        assert found in (CeremonyReason.BAD_SIGNATURE, CeremonyReason.TOO_EARLY)


def test_a_signature_too_many_is_refused_too() -> None:
    def with_one_more(play: Play) -> list[StepSignature]:
        return [*play.signatures(), play.signature("sofia", Part.SCRIBE)]

    assert reason(lambda: proved(replayed("preflight", with_one_more))) is CeremonyReason.WRONG_PART


def test_a_signature_by_another_key_is_refused() -> None:
    def forged(play: Play) -> list[StepSignature]:
        real = play.signatures()
        return [play.signature("hana", Part.ADMINISTRATOR, key="mallory"), *real[1:]]

    error = refusal(lambda: proved(replayed("preflight", forged)))
    assert error.message.startswith("record 2: ")


def test_a_phrase_that_was_misheard_is_refused() -> None:
    def misheard(play: Play) -> list[StepSignature]:
        wrong = {"phrase": phrase_of(digest_of(b"another record"))}
        witness = play.signature("viktor", Part.WITNESS, entered=wrong)
        return [*play.signatures()[:-1], witness]

    assert reason(lambda: proved(replayed("open", misheard))) is CeremonyReason.WRONG_PHRASE


def test_facts_of_another_plan_are_refused() -> None:
    other = replace(TOKEN, label="another").document()
    raw = replayed("make-token", Play.signatures, lambda it: {**it, "token": other})  # type: ignore[dict-item]
    assert reason(lambda: proved(raw)) is CeremonyReason.FAILED
    raw = replayed("make-token", Play.signatures, lambda it: {**it, "more": 1})
    assert refusal(lambda: proved(raw)).message.startswith("record 3: ")


# ---- words ----


def test_a_word_says_what_was_signed() -> None:
    play = Play(Cast(), genesis_plan(Cast()))
    raw = play.word(Word.NOTE, "all is well", "hana", Part.ADMINISTRATOR)
    values: dict[str, object] = {
        "rehearsal": True,
        "seq": 1,
        "previous": play.course.last.digest,
        "event": Event.ABORTED,
        "step": None,
        "time": play.now,
        "signed": (raw,),
        "facts": {},
    }

    def transcript(**changed: object) -> bytes:
        record = make_record(play.plan.ceremony, **{**values, **changed})  # type: ignore[arg-type]
        return make_transcript([*play.raw, record.raw])

    proved(transcript(event=Event.NOTE))
    assert reason(lambda: proved(transcript())) is CeremonyReason.WRONG_STEP
    refusal(lambda: proved(transcript(event=Event.NOTE, signed=())))
    refusal(lambda: proved(transcript(event=Event.NOTE, facts={"left": "all"})))
    refusal(lambda: proved(transcript(event=Event.NOTE, signed=(raw, play.signed_plan.raw))))


# ---- plan and script ----


def opening(plan_raw: bytes, script: bytes) -> bytes:
    opened = Opened(script, "keyturn", "a host", None, ())
    record = make_record(
        "rehearsal-genesis-1",
        rehearsal=True,
        seq=0,
        previous=None,
        event=Event.OPENED,
        step=None,
        time=PLAYED.plan.time,
        signed=(plan_raw,),
        facts=opened.document(),
    )
    return make_transcript([record.raw])


SCRIPT = SCRIPTS[ScriptKind.GENESIS]


def test_the_plan_is_signed_by_its_administrator() -> None:
    plan = PLAYED.plan
    proved(opening(signed(CAST, plan).raw, SCRIPT.to_bytes()))
    forged = opening(signed(CAST, plan, by="viktor").raw, SCRIPT.to_bytes())
    assert reason(lambda: proved(forged)) is CeremonyReason.BAD_SIGNATURE


def test_people_without_the_roles_are_refused() -> None:
    plan = replace(PLAYED.plan, administrator=OfficerId("ada"))
    raw = opening(signed(CAST, plan).raw, SCRIPT.to_bytes())
    assert reason(lambda: proved(raw)) is CeremonyReason.UNFIT_PARTICIPANT


def test_an_easier_script_is_refused() -> None:
    easier = replace(SCRIPT, steps=SCRIPT.steps[-1:])
    raw = opening(signed(CAST, PLAYED.plan).raw, easier.to_bytes())
    assert reason(lambda: proved(raw)) is CeremonyReason.WRONG_SCRIPT


# ---- the authority ----

LOGGED = logged_genesis(CAST, eventful=True)


def test_with_bundle_and_receipts_the_log_is_looked_at() -> None:
    found = proved(LOGGED.transcript, LOGGED.fingerprint)
    assert not found.rehearsal
    assert found.authority == LOGGED.fingerprint
    assert (found.looked_at.pinned, found.looked_at.bundle) == (True, True)
    log = found.looked_at.log
    assert log is not None
    assert log.last - log.first == len(LOGGED.play.course.records) - 1


def test_without_them_it_is_not_and_nothing_claims_it() -> None:
    found = proved(LOGGED.play.transcript(), LOGGED.fingerprint)
    assert found.looked_at.log is None
    assert not found.looked_at.bundle
    assert proved(LOGGED.play.transcript(LOGGED.bundle)).looked_at.log is None


def test_another_authority_than_the_reader_knows() -> None:
    other = digest_of(b"another authority")
    for raw in (LOGGED.play.transcript(), PLAYED.transcript(), LOGGED.transcript):
        assert reason(lambda it=raw: proved(it, other)) is CeremonyReason.NOT_AUTHORISED  # type: ignore[misc]


def test_the_bundle_of_another_genesis_is_refused() -> None:
    names = {**Cast().people, "ada": ("Ada Lovelace", Cast().people["ada"][1])}
    other = logged_genesis(Cast(names))
    for bundle in (other.bundle, LOGGED.bundle[:-1], b"{}"):
        refusal(lambda it=bundle: proved(LOGGED.play.transcript(it)))  # type: ignore[misc]


def test_a_genesis_that_claims_an_authority_with_another_roster_is_refused() -> None:
    names = {**Cast().people, "ada": ("Ada Lovelace", Cast().people["ada"][1])}
    other = logged_genesis(Cast(names))
    facts = [each for each in other.play.course.done if each.step in ("sign-founding", "found")]
    play = played_genesis_with(Cast(), {str(each.step): each.facts for each in facts})
    raw = play.transcript(other.bundle)
    assert reason(lambda: proved(raw)) is CeremonyReason.NOT_AUTHORISED


def played_genesis_with(cast: Cast, facts: dict[str, JsonObject]) -> Play:
    plan = genesis_plan(cast, rehearsal=False)
    play = Play(cast, plan)
    told = {**genesis_facts(plan), **facts}
    while not play.course.over:
        play.do(told.get(play.step.id))
    return play


def rotation() -> Play:
    plan = replace(
        genesis_plan(CAST, rehearsal=False),
        kind=ScriptKind.KEK_ROTATION,
        script=SCRIPTS[ScriptKind.KEK_ROTATION].digest,
        ceremony="rotation-1",
        authority=LOGGED.fingerprint,
        statement=digest_of(b"a statement"),
        founding=None,
        shares={},
        time=LOGGED.play.now,
    )
    return Play(CAST, plan, custody=share_sets(LOGGED.play.plan))


def test_a_ceremony_of_an_authority_is_proved_by_its_bundle() -> None:
    play = rotation()
    play.do({"roster": None, "file": None})
    assert proved(play.transcript(LOGGED.bundle), LOGGED.fingerprint).looked_at.bundle
    without = play.transcript()
    assert reason(lambda: proved(without)) is CeremonyReason.NOT_AUTHORISED


@pytest.mark.parametrize("sets", [share_sets(genesis_plan(CAST)), ()])
def test_shares_that_stood_before_are_of_the_same_sort(sets: tuple[ShareSet, ...]) -> None:
    """A rehearsal's, in earnest: a reader refuses the first record, whatever comes behind it."""
    first = rotation().course.records[0]
    facts = {**first.facts, "custody": [each.document() for each in sets]}
    raw = make_transcript(
        [dump({**load_object(first.raw, limit=1 << 20, what="x"), "facts": facts})]
    )
    transcript = replace(parse_transcript(raw), bundle=LOGGED.bundle)
    if not sets:
        assert verify_transcript(transcript, LOGGED.fingerprint)
        return
    with pytest.raises(CeremonyRefused, match="record 0: share set: it is a rehearsal's"):
        verify_transcript(transcript, LOGGED.fingerprint)


def test_a_ceremony_before_any_roster_of_the_bundle_is_refused() -> None:
    play = rotation()
    early = Play(CAST, replace(play.plan, time=genesis_plan(CAST).time.replace(year=2020)))
    raw = early.transcript(LOGGED.bundle)
    assert reason(lambda: proved(raw)) is CeremonyReason.NOT_AUTHORISED

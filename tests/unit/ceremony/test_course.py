"""Where a ceremony stands, by its records alone."""

import itertools
from dataclasses import replace

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.course import (
    CourseState,
    fewest,
    fulfils,
    open_course,
    schemes_of,
    statement_kinds,
)
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import Action, Part, ScriptKind, ShareUse, Signers
from keyturn.ceremony.shareerrors import ShareRefused
from keyturn.ceremony.steps import Word
from keyturn.quorum.kinds import Kind
from support.ceremonies import (
    EVERY_SCHEME,
    Cast,
    Play,
    genesis_plan,
    played_genesis,
    playing_genesis,
    scheme,
    share_sets,
    signed,
)

PLAN = genesis_plan(Cast())


def play() -> Play:
    return Play(Cast(), PLAN)


def unlike(record: Record, **changed: object) -> Record:
    """The same record but for one thing."""
    values: dict[str, object] = {
        "rehearsal": record.rehearsal,
        "seq": record.seq,
        "previous": record.previous,
        "event": record.event,
        "step": record.step,
        "time": record.time,
        "signed": record.signed,
        "facts": record.facts,
    }
    ceremony = str(changed.pop("ceremony", record.ceremony))
    return make_record(ceremony, **{**values, **changed})  # type: ignore[arg-type]


def test_a_ceremony_goes_from_step_to_step_and_is_over_with_the_last() -> None:
    steps = []
    for playing in playing_genesis():
        if playing.course.over:
            break
        assert playing.course.state is CourseState.RUNNING
        steps.append(playing.step.id)
    assert steps == [each.id for each in SCRIPTS[ScriptKind.GENESIS].steps]
    assert playing.course.state is CourseState.DONE
    assert playing.course.step is None
    assert playing.course.needs() == ()
    assert not playing.course.complete(())


def test_what_happens_beside_steps_moves_nothing() -> None:
    playing = play()
    playing.do()
    before = playing.course.step
    playing.say(Word.NOTE, "a note")
    playing.say(Word.EXCEPTION, "an exception")
    playing.say(Word.RESUME, "the host was restarted")
    playing.fail()
    assert playing.course.step == before
    assert playing.course.place.seq == 6


def test_an_abort_ends_it_wherever_it_is() -> None:
    playing = play()
    playing.say(Word.ABORT, "a custodian fell ill", Part.WITNESS)
    assert (playing.course.state, playing.course.over) == (CourseState.ABORTED, True)
    assert playing.course.step is None


def test_the_phrase_is_of_the_last_record() -> None:
    playing = play()
    assert playing.course.phrase == phrase_of(playing.course.last.digest)


# ---- what does not follow ----


def next_record() -> tuple[Play, Record]:
    playing = play()
    before = playing.course
    record = playing.do()
    playing.course = before
    return playing, record


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seq": 2}, CeremonyReason.BROKEN_CHAIN),
        ({"previous": Digest("sha256:" + "0" * 64)}, CeremonyReason.BROKEN_CHAIN),
        ({"ceremony": "rehearsal-genesis-2"}, CeremonyReason.WRONG_CEREMONY),
        ({"rehearsal": False}, CeremonyReason.WRONG_CEREMONY),
        ({"step": "close"}, CeremonyReason.WRONG_STEP),
        ({"step": "preflight"}, CeremonyReason.WRONG_STEP),
        ({"step": "no-such-step", "event": Event.FAILED}, CeremonyReason.WRONG_STEP),
        ({"time": PLAN.time}, CeremonyReason.WRONG_TIME),
    ],
)
def test_a_record_that_does_not_stand_here_is_refused(
    changed: dict[str, object], reason: CeremonyReason
) -> None:
    playing, record = next_record()
    assert playing.course.follow(record).last == record
    with pytest.raises(CeremonyRefused) as refused:
        playing.course.follow(unlike(record, **changed))
    assert refused.value.reason is reason


@pytest.mark.parametrize("ending", ["done", "aborted"])
def test_nothing_follows_after_the_end(ending: str) -> None:
    playing = played_genesis() if ending == "done" else play()
    if ending == "aborted":
        playing.say(Word.ABORT, "enough")
    with pytest.raises(CeremonyRefused) as refused:
        playing.say(Word.NOTE, "one more thing")
    assert refused.value.reason is CeremonyReason.OVER


def test_a_course_opens_with_its_own_plan_and_script() -> None:
    playing = play()
    first, script = playing.course.records[0], playing.course.script
    others = signed(Cast(), replace(PLAN, token="another"))
    roster = Cast().roster
    with pytest.raises(MalformedCeremony):
        open_course(others, script, roster, first)
    with pytest.raises(CeremonyRefused) as refused:
        open_course(playing.signed_plan, SCRIPTS[ScriptKind.SEAL], roster, first)
    assert refused.value.reason is CeremonyReason.WRONG_SCRIPT
    with pytest.raises(CeremonyRefused) as refused:
        open_course(playing.signed_plan, replace(script, revision=2), roster, first)
    assert refused.value.reason is CeremonyReason.WRONG_SCRIPT
    other = unlike(first, ceremony="rehearsal-other")
    with pytest.raises(CeremonyRefused) as refused:
        open_course(playing.signed_plan, script, roster, other)
    assert refused.value.reason is CeremonyReason.WRONG_CEREMONY


def test_shares_that_stood_before_are_of_the_same_sort_and_none_at_a_genesis() -> None:
    rehearsed, real = share_sets(PLAN), share_sets(genesis_plan(Cast(), rehearsal=False))
    kind = ScriptKind.CUSTODIAN_CHANGE
    for rehearsal, good, bad in ((True, rehearsed, real), (False, real, rehearsed)):
        plan = genesis_plan(Cast(), rehearsal=rehearsal)
        change = replace(plan, kind=kind, script=SCRIPTS[kind].digest)
        assert Play(Cast(), change, custody=good).course.custody == EVERY_SCHEME
        with pytest.raises(ShareRefused):
            Play(Cast(), change, custody=bad)
        with pytest.raises(MalformedCeremony, match="stood before"):
            Play(Cast(), plan, custody=good)


# ---- who ----


def needs_of(step: str) -> dict[Part, tuple[tuple[str, ...], int]]:
    for playing in playing_genesis():
        if playing.step.id == step:
            return {
                each.part: (tuple(map(str, each.officers)), each.least)
                for each in playing.course.needs()
            }
    raise AssertionError(step)


def test_every_custodian_of_every_share_once() -> None:
    user, so = ["ada", "bela", "chen", "dora", "emil"], ["farid", "greta", "hugo"]
    assert needs_of("hand-out") == {Part.CUSTODIAN: (tuple(user + so), 8)}


def test_the_scribe_signs_the_whole_where_there_is_one() -> None:
    assert needs_of("close")[Part.SCRIBE] == (("sofia",), 1)
    without = Play(Cast(), replace(PLAN, scribe=None))
    scribe = Signers(Part.SCRIBE)
    assert without.course.officers_of(scribe, Action.CLOSE) == ()


def test_officers_are_as_many_as_the_highest_threshold_and_a_proposer() -> None:
    officers, least = needs_of("sign-founding")[Part.OFFICER]
    assert officers == ("hana", "ada", "bela", "chen", "dora", "emil")
    assert least == 4


def test_nothing_is_complete_before_the_last_signature() -> None:
    playing = play()
    everybody = playing.signatures()
    for left_out in everybody:
        there = [each for each in everybody if each is not left_out]
        assert not playing.course.complete(there)
    assert playing.course.complete(everybody)


def test_a_signature_counts_for_its_part_alone() -> None:
    playing = play()
    needs = playing.course.needs([playing.signature("hana", Part.WITNESS)])
    assert [each.signed for each in needs] == [(), (), ()]


@pytest.mark.parametrize("kind", [ScriptKind.CUSTODIAN_CHANGE, ScriptKind.RESTORE])
def test_what_a_host_has_locked_is_opened_by_what_is_in_force(kind: ScriptKind) -> None:
    """Old shares, but of a token that the ceremony has made: then those that it dealt for it."""
    plan = replace(
        PLAN,
        kind=kind,
        script=SCRIPTS[kind].digest,
        shares={ShareUse.USER: scheme((2, "ada bela"))},
    )
    old = share_sets(replace(PLAN, shares={ShareUse.USER: scheme((2, "farid greta"))}))
    playing = Play(Cast(), plan, custody=old)
    holders = []
    for _ in range(5):
        playing.do()
        found = playing.course.opening_scheme(ShareUse.USER)
        assert found is not None
        holders.append(found.officers)
    made = kind is ScriptKind.RESTORE
    assert holders[0] == ("farid", "greta")
    assert holders[-1] == (("ada", "bela") if made else ("farid", "greta"))
    assert playing.course.opening_scheme(ShareUse.SO) is None


def test_old_shares_unlock_and_new_ones_are_handed_out() -> None:
    old = share_sets(replace(PLAN, shares={ShareUse.USER: scheme((2, "farid greta"))}))
    change = replace(
        PLAN,
        kind=ScriptKind.CUSTODIAN_CHANGE,
        script=SCRIPTS[ScriptKind.CUSTODIAN_CHANGE].digest,
    )
    course = Play(Cast(), change, custody=old).course
    unlocking = course.scheme(ShareUse.USER, Action.UNLOCK)
    assert unlocking is not None
    assert unlocking.officers == ("farid", "greta")
    handing = course.scheme(ShareUse.USER, Action.HAND_OUT)
    assert handing == EVERY_SCHEME[ShareUse.USER]
    assert course.scheme(ShareUse.SO, Action.UNLOCK_SO) == EVERY_SCHEME[ShareUse.SO]


def test_who_has_a_part() -> None:
    course = play().course
    assert course.has_part("hana", Part.ADMINISTRATOR)
    assert course.has_part("hugo", Part.CUSTODIAN)
    assert course.has_part("emil", Part.OFFICER)
    assert not course.has_part("hana", Part.WITNESS)
    assert not course.has_part("viktor", Part.CUSTODIAN)
    assert not course.has_part("farid", Part.OFFICER)


def test_no_officer_takes_part_where_none_signs() -> None:
    plan = replace(
        PLAN,
        kind=ScriptKind.SEAL,
        script=SCRIPTS[ScriptKind.SEAL].digest,
        shares={},
        kek_profile=None,
    )
    assert not Play(Cast(), plan).course.has_part("emil", Part.OFFICER)


# ---- quorums ----


@pytest.mark.parametrize("many", range(6))
def test_a_quorum_of_one_group(many: int) -> None:
    members = EVERY_SCHEME[ShareUse.USER].officers
    for some in itertools.combinations(members, many):
        assert fulfils(EVERY_SCHEME[ShareUse.USER], some) is (many >= 3)


def test_a_quorum_of_groups() -> None:
    groups = scheme((2, "ada bela chen"), (1, "dora"), (2, "emil farid"), needed=2)
    assert fewest(groups) == 3
    assert fulfils(groups, ("ada", "bela", "dora"))
    assert fulfils(groups, ("ada", "chen", "emil", "farid"))
    assert not fulfils(groups, ("ada", "bela", "chen", "emil"))
    assert not fulfils(groups, ("dora", "emil", "ada"))


def test_schemes_of_share_sets() -> None:
    assert schemes_of(share_sets(PLAN)) == EVERY_SCHEME


def test_which_statements_a_step_signs() -> None:
    founding = statement_kinds(ScriptKind.GENESIS, Action.SIGN_FOUNDING)
    assert founding == (Kind.ROSTER, Kind.KEYS)
    assert statement_kinds(ScriptKind.RESTORE, Action.SIGN_KEYS) == (Kind.KEYS,)
    assert statement_kinds(ScriptKind.HSM_REPLACEMENT, Action.SIGN_KEYS) == (Kind.KEYS,)
    assert statement_kinds(ScriptKind.GENESIS, Action.CLOSE) == ()

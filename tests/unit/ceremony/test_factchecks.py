"""Facts that are not of the plan, or name others than signed."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.factchecks import check_facts
from keyturn.ceremony.facts import (
    Facts,
    KekMade,
    LogStands,
    ModelKeyDestroyed,
    PinsReplaced,
    SharesProved,
    StatementsSigned,
    TokenMade,
    Unlocked,
)
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Action, Part, ScriptKind, ShareUse, Step
from keyturn.ceremony.shareerrors import ShareRefused
from keyturn.ceremony.steps import StepSignature
from keyturn.quorum.roster import OfficerId
from support.ceremonies import (
    EVERY_SCHEME,
    REHEARSED_ORIGIN,
    Cast,
    Play,
    genesis_plan,
    playing_genesis,
    scheme,
    share_sets,
)
from unit.ceremony.every_fact import DIGEST, EVERY, KEK, LOG, OLD, SETS, STATEMENTS

PLAN = genesis_plan(Cast())
PINS = {use: EVERY_SCHEME[use] for use in (ShareUse.USER, ShareUse.SO)}
MADE = EVERY[Action.MAKE_TOKEN]
assert isinstance(MADE, TokenMade)


def genesis(step: str) -> tuple[Course, Step, tuple[StepSignature, ...]]:
    play = next(each for each in playing_genesis() if each.step.id == step)
    return play.course, play.step, play.signatures()


def change() -> tuple[Course, Step, tuple[StepSignature, ...]]:
    """A custodian change at its step `unlock`."""
    plan = replace(
        PLAN,
        kind=ScriptKind.CUSTODIAN_CHANGE,
        script=SCRIPTS[ScriptKind.CUSTODIAN_CHANGE].digest,
        shares=PINS,
        kek_profile=None,
    )
    play = Play(Cast(), plan, custody=SETS)
    play.do()
    return play.course, play.step, play.signatures()


def check(
    at: tuple[Course, Step, tuple[StepSignature, ...]], facts: Facts, action: Action | None = None
) -> None:
    course, step, signed = at
    check_facts(course, replace(step, action=action or step.action), facts, signed)


PROVED = SharesProved(tuple((each.use, m.officer) for each in SETS for m in each.members))
UNLOCKED = Unlocked(ShareUse.USER, 16384, tuple(map(OfficerId, ("ada", "bela", "chen"))))


def test_facts_of_the_plan_pass() -> None:
    check(genesis("make-token"), MADE)
    check(genesis("prove-shares"), PROVED)
    check(genesis("sign-founding"), STATEMENTS)
    check(genesis("found"), replace(LOG, origin=REHEARSED_ORIGIN))
    check(change(), UNLOCKED)
    check(change(), PinsReplaced(SETS[:2]))
    check(genesis("hand-out"), EVERY[Action.HAND_OUT])
    check(genesis("make-token"), KekMade(KEK, OLD))


OTHER_SETS = share_sets(replace(PLAN, shares={**EVERY_SCHEME, ShareUse.SO: scheme((3, "farid greta hugo"))}))  # fmt: skip  # noqa: E501
NEVER = replace(KEK, profile=KekProfile.NEVER_EXTRACTABLE)


@pytest.mark.parametrize(
    "facts",
    [
        replace(MADE, token=replace(MADE.token, label="another")),
        replace(MADE, share_sets=SETS[:2]),
        replace(MADE, share_sets=OTHER_SETS),
        replace(MADE, keys=(NEVER,)),
        KekMade(NEVER, OLD),
    ],
)
def test_another_token_other_shares_another_profile(facts: Facts) -> None:
    with pytest.raises(CeremonyRefused):
        check(genesis("make-token"), facts)


REAL_SETS = share_sets(genesis_plan(Cast(), rehearsal=False))


def test_a_rehearsal_deals_and_opens_nothing_real() -> None:
    with pytest.raises(ShareRefused, match="a real token"):
        check(genesis("make-token"), replace(MADE, share_sets=REAL_SETS))
    with pytest.raises(ShareRefused, match="a real token"):
        check(change(), PinsReplaced(REAL_SETS[:2]))
    with pytest.raises(ShareRefused, match="a real token"):
        check(change(), replace(UNLOCKED, identifier=16383))


def test_a_real_ceremony_deals_nothing_that_says_it_is_a_rehearsals() -> None:
    play = next(each for each in playing_genesis(rehearsal=False) if each.step.id == "make-token")
    made = replace(MADE, token=replace(MADE.token, label=play.plan.token))
    check((play.course, play.step, ()), replace(made, share_sets=REAL_SETS))
    with pytest.raises(ShareRefused, match="a rehearsal"):
        check((play.course, play.step, ()), replace(made, share_sets=SETS))


def test_a_share_that_was_not_proved() -> None:
    for less in range(len(PROVED.proved)):
        some = PROVED.proved[:less] + PROVED.proved[less + 1 :]
        with pytest.raises(CeremonyRefused):
            check(genesis("prove-shares"), SharesProved(some))
    with pytest.raises(CeremonyRefused):
        check(genesis("prove-shares"), SharesProved((*PROVED.proved, (ShareUse.SO, OfficerId("ada")))))  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    "facts",
    [
        replace(UNLOCKED, use=ShareUse.SO),
        replace(UNLOCKED, officers=UNLOCKED.officers[:2]),
        replace(UNLOCKED, officers=(*UNLOCKED.officers[:2], OfficerId("dora"))),
        replace(UNLOCKED, officers=(*UNLOCKED.officers[:2], OfficerId("hugo"))),
    ],
)
def test_no_quorum_unlocked_it_or_others_than_signed(facts: Facts) -> None:
    with pytest.raises(CeremonyRefused):
        check(change(), facts)


def test_new_pins_have_the_plans_custodians() -> None:
    with pytest.raises(CeremonyRefused):
        check(change(), PinsReplaced(SETS))


def test_other_statements() -> None:
    for some in (STATEMENTS.statements[:1], STATEMENTS.statements[::-1], ()):
        with pytest.raises(CeremonyRefused):
            check(genesis("sign-founding"), StatementsSigned(some))


def test_another_log_or_authority() -> None:
    with pytest.raises(CeremonyRefused):
        check(genesis("found"), replace(LOG, origin="other.example/log"))
    plan = replace(PLAN, founding=None, authority=digest_of(b"ours"), shares={}, kek_profile=None)
    play = Play(Cast(), plan)
    stands = LogStands(DIGEST, "any", 1, "00" * 32)
    at = play.course, play.step, play.signatures()
    with pytest.raises(CeremonyRefused):
        check(at, stands)
    check(at, replace(stands, authority=digest_of(b"ours")))


def test_another_model() -> None:
    plan = replace(PLAN, concerns=(DIGEST,))
    play = Play(Cast(), plan)
    at = play.course, play.step, play.signatures()
    check(at, ModelKeyDestroyed(DIGEST, None))
    with pytest.raises(CeremonyRefused):
        check(at, ModelKeyDestroyed(digest_of(b"another"), None))


def test_who_witnessed_an_unlocking_entered_no_share() -> None:
    course, step, signed = change()
    custodians = [each for each in signed if each.part is Part.CUSTODIAN]
    assert len(custodians) == 3
    with pytest.raises(CeremonyRefused):
        check_facts(course, step, UNLOCKED, [each for each in signed if each not in custodians])

"""The scripts: each one is well formed, and asks of everybody what it must."""

import pytest

from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.kinds.signing import EVERY, PINS, each, hand_out, quorum
from keyturn.ceremony.people import WITHOUT_STATEMENT, shares_made
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import (
    Action,
    Attaches,
    EnteredKind,
    Many,
    Part,
    Script,
    ScriptKind,
    parse_script,
)
from keyturn.quorum.ceremony_body import CeremonyKind

ALL = [pytest.param(each, id=each.kind.value) for each in SCRIPTS.values()]


def test_there_is_one_script_of_each_kind() -> None:
    assert set(SCRIPTS) == set(ScriptKind)
    assert all(kind is script.kind for kind, script in SCRIPTS.items())


def test_every_kind_that_a_statement_can_name_has_a_script() -> None:
    assert {each.value for each in CeremonyKind} < {each.value for each in ScriptKind}


@pytest.mark.parametrize("script", ALL)
def test_a_script_is_read_back_as_it_was_written(script: Script) -> None:
    assert parse_script(script.to_bytes()) == script


@pytest.mark.parametrize("script", ALL)
def test_every_step_is_signed_and_says_what_happens(script: Script) -> None:
    for step in script.steps:
        assert step.signers, step.id
        assert 40 < len(step.says) < 1200, step.id
        assert step.says == " ".join(step.says.split()), step.id


@pytest.mark.parametrize("script", ALL)
def test_the_last_step_closes_but_for_the_urgent_ones_which_have_no_other(script: Script) -> None:
    only = {ScriptKind.SEAL: Action.SEAL, ScriptKind.UNSEAL: Action.UNLOCK}
    assert script.steps[-1].action is only.get(script.kind, Action.CLOSE)
    assert (len(script.steps) == 1) is (script.kind in only)


@pytest.mark.parametrize("script", ALL)
def test_nobody_enters_what_they_do_not_sign(script: Script) -> None:
    for step in script.steps:
        parts = {signer.part for signer in step.signers}
        names = [(entered.name, entered.part) for entered in step.entered]
        assert len(set(names)) == len(names), step.id
        assert {entered.part for entered in step.entered} <= parts, step.id


@pytest.mark.parametrize("script", ALL)
def test_shares_are_attached_where_custodians_enter_them_and_nowhere_else(script: Script) -> None:
    entering = {Action.UNLOCK, Action.UNLOCK_SO, Action.UNLOCK_BACKUP, Action.PROVE_SHARES}
    for step in script.steps:
        assert (step.attaches is Attaches.SHARE) is (step.action in entering), step.id


@pytest.mark.parametrize("script", ALL)
def test_new_shares_are_handed_out_and_every_one_is_proved(script: Script) -> None:
    made = shares_made(script.kind, KekProfile.RECOVERABLE)
    steps = {step.action: step for step in script.steps}
    if not made:
        assert Action.HAND_OUT not in steps
        return
    for action in (Action.HAND_OUT, Action.PROVE_SHARES):
        signer = next(each for each in steps[action].signers if each.part is Part.CUSTODIAN)
        assert (set(signer.shares), signer.many) == (set(made), Many.EACH)


@pytest.mark.parametrize("script", ALL)
def test_all_but_the_urgent_ones_are_witnessed_from_the_first_step(script: Script) -> None:
    signed_by = {signer.part for signer in script.steps[0].signers}
    urgent = {ScriptKind.SEAL, ScriptKind.UNSEAL}
    assert (Part.WITNESS in signed_by) is (script.kind not in urgent)


@pytest.mark.parametrize("script", ALL)
def test_phrases_are_read_back_when_it_opens_and_when_it_closes(script: Script) -> None:
    if script.kind in (ScriptKind.SEAL, ScriptKind.UNSEAL):
        return
    for step in (script.steps[0], script.steps[-1]):
        assert EnteredKind.PHRASE in {entered.kind for entered in step.entered}, step.id


def test_what_genesis_does_in_which_order() -> None:
    assert [(step.id, step.action.value) for step in SCRIPTS[ScriptKind.GENESIS].steps] == [
        ("open", "attend"),
        ("preflight", "preflight"),
        ("make-token", "make-token"),
        ("hand-out", "hand-out"),
        ("prove-shares", "prove-shares"),
        ("sign-founding", "sign-founding"),
        ("found", "found"),
        ("close", "close"),
    ]


def test_a_rotation_destroys_the_old_kek_only_after_its_keys_and_a_backup_are_safe() -> None:
    actions = [step.action for step in SCRIPTS[ScriptKind.KEK_ROTATION].steps]
    order = [Action.BACK_UP, Action.REWRAP, Action.RETIRE_KEK, Action.DESTROY_KEK]
    places = [actions.index(action) for action in order]
    assert places == sorted(places)


def test_a_replacement_destroys_nothing_before_the_log_goes_on() -> None:
    actions = [step.action for step in SCRIPTS[ScriptKind.HSM_REPLACEMENT].steps]
    assert actions.index(Action.CONTINUE_LOG) < actions.index(Action.DESTROY_KEK)


def test_the_destruction_of_a_models_key_says_what_it_cannot_prove() -> None:
    says = SCRIPTS[ScriptKind.MODEL_KEY_DESTRUCTION].steps[0].says
    for word in ("cannot prove", "backup of the database", "keyturn.key", "lease ends", "rotate"):
        assert word in says


def test_only_urgent_or_first_ceremonies_need_no_statement() -> None:
    assert {ScriptKind.GENESIS, ScriptKind.UNSEAL, ScriptKind.SEAL} == WITHOUT_STATEMENT


def test_signers_of_shares() -> None:
    assert (each(PINS).many, quorum(PINS).many) == (Many.EACH, Many.QUORUM)
    assert hand_out(EVERY).signers == (each(EVERY),)
    assert [entered.required for entered in hand_out(EVERY).entered] == [True, True, False]

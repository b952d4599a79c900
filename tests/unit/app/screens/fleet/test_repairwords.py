"""Every way out of a refusal has its words, its risk and, where it is done elsewhere, its steps."""

import pytest

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import digest_of
from keyturn.policy import repairing
from keyturn.policy.repairing import Action, ChangeNode, Draft, Repair, Risk, Setting, Why
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn_app.screens.fleet import repairwords

DRAFT = Draft(Kind.POLICY, "serving", {})
ONE_OF_EACH: tuple[Action, ...] = (
    repairing.RestartNode(),
    repairing.CosignLog(),
    repairing.FetchCollateral((next(iter(CollateralKind)),)),
    repairing.UpdateFirmware((repairing.Component("snp", 4, 5),)),
    repairing.RemoveDebug(),
    ChangeNode(Setting.SMT),
    repairing.RenewStatement(Kind.POLICY, "serving"),
    repairing.ProposeBaseline(DRAFT),
    repairing.ImportRim(),
    repairing.ProposePlatform(DRAFT, site_known=False),
    repairing.ProposePolicyCaveat(Caveat.PARAVISOR, DRAFT),
    repairing.MoveOn(TargetKind.NODE, "node-1", digest_of(b"x")),
    repairing.Investigate(),
)


def test_each_kind_of_action_stands_here_once() -> None:
    assert [type(each) for each in ONE_OF_EACH] == list(repairing.Action.__args__)
    assert {type(each) for each in ONE_OF_EACH} == repairwords.ACTIONS


@pytest.mark.parametrize("action", ONE_OF_EACH, ids=lambda each: type(each).__name__)
def test_each_action_has_a_title_and_a_button_or_steps(action: Action) -> None:
    repair = Repair(action, Risk.MACHINE, Why.STRICTER)
    assert repairwords.title(repair)
    assert repairwords.button_text(repair) or repairwords.steps(repair, "node-1")


def test_no_two_risks_reasons_or_settings_read_alike() -> None:
    for texts in (
        [repairwords.risk_words(each) for each in Risk],
        [repairwords.why_words(each) for each in Why],
        [repairwords.setting_words(each) for each in Setting],
    ):
        assert all(texts)
        assert len(set(texts)) == len(texts)
    assert len({repairwords.risk_token(each) for each in Risk}) == 4


def test_steps_name_what_is_missing_and_the_command() -> None:
    listed = repairwords.steps(Repair(ONE_OF_EACH[3], Risk.MACHINE, Why.KNOWN_GAP), "node-1")
    assert listed[0].text == "snp: 4, at least 5 is asked"
    found = repairwords.steps(Repair(repairing.Investigate(), Risk.NOTHING, Why.NOT_PROVED), "n-7")
    assert found[1].command == "keyturn node explain n-7"
    site = repairwords.steps(Repair(ONE_OF_EACH[9], Risk.KNOWN_GOOD, Why.YOURS), "node-1")
    assert "fill it in" in site[0].text

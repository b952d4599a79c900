"""A refusal explained: what set the expectation, who shares the fault, and the safest way out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.policy.explaining import Explanation, Fault, explain, source_of
from keyturn.policy.findings import not_met
from keyturn.policy.repairing import (
    ChangeNode,
    Investigate,
    MoveOn,
    ProposeBaseline,
    RemoveDebug,
    RestartNode,
    Risk,
    Setting,
    Why,
)
from keyturn.policy.sidebyside import Shape
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_sim.node import Fault as Misbehaviour
from unit.keyrelease.release_desk import Desk
from unit.policy.refusals import asked, explained

WRONG = b"\xee" * 48


@pytest.fixture
def desk() -> Desk:
    return Desk()


def only(explanation: Explanation, reason: str) -> Fault:
    (found,) = [each for each in explanation.faults if each.code == reason]
    return found


def test_a_fault_names_what_set_the_expectation_and_who_approved_it(desk: Desk) -> None:
    found = explained(desk, asked(desk, sim=desk.node.sim.with_firmware(WRONG)))
    (fault,) = found.faults
    baseline = desk.log.state.newest[(Kind.REFERENCE_VALUES, "firmware")]
    source = fault.source
    assert source is not None
    assert fault.code == "measurement-mismatch"
    assert (source.kind, source.subject, source.version) == (Kind.REFERENCE_VALUES, "firmware", 1)
    assert (source.digest, source.index) == (baseline.statement.digest, baseline.index)
    assert source.proposer == baseline.statement.proposer
    assert {each.officer for each in source.approvers} == baseline.approved_by
    assert all(each.name and each.time <= baseline.since for each in source.approvers)
    assert source.since == baseline.since
    assert (found.said_only, found.found_only) == ((), ())
    assert found.measurable


def test_found_and_expected_stand_side_by_side(desk: Desk) -> None:
    close = desk.node.sim.launch.measurement[:-1] + b"\xff"
    (fault,) = explained(desk, asked(desk, sim=desk.node.sim.with_firmware(close))).faults
    difference = fault.difference
    assert difference.shape is Shape.HEX
    assert "".join(each.found for each in difference.parts) == fault.finding.found
    assert "".join(each.expected for each in difference.parts) == fault.finding.expected
    assert [each.same for each in difference.parts[:12]] == [True] * 11 + [False]


def test_who_shares_the_fault_and_who_passes(desk: Desk) -> None:
    wrong = desk.node.sim.with_firmware(WRONG)
    fleet = (
        asked(desk, "good"),
        asked(desk, "same", wrong),
        asked(desk, "other", desk.node.sim.with_firmware(b"\xdd" * 48)),
        asked(desk, "forged", wrong.misbehaving(Misbehaviour.OTHER_REPORT_DATA)),
    )
    (fault,) = explained(desk, asked(desk, "node-1", wrong), fleet).faults
    assert (fault.shared_by, fault.passed_by) == (("same",), ("good",))


def test_where_others_pass_the_machine_is_mended_before_anything_is_trusted(desk: Desk) -> None:
    wrong = desk.node.sim.with_firmware(WRONG)
    alone = explained(desk, asked(desk, sim=wrong))
    among = explained(desk, asked(desk, sim=wrong), (asked(desk, "good"),))
    assert [type(each.action) for each in alone.repairs] == [ProposeBaseline]
    assert among.repairs[0].action == ChangeNode(Setting.FIRMWARE)
    assert among.repairs[0].why is Why.MET_ELSEWHERE
    assert [type(each.action) for each in among.repairs] == [ChangeNode, ProposeBaseline]


def test_the_proposed_baseline_lets_the_node_pass_and_keeps_the_others(desk: Desk) -> None:
    wrong = desk.node.sim.with_firmware(WRONG).with_gpu_measurement(0, 1, b"\x77" * 48)
    case = asked(desk, sim=wrong)
    found = explained(desk, case)
    assert {each.code for each in found.faults} == {"measurement-mismatch"}
    (repair,) = found.repairs  # one statement for all that fails
    assert (repair.risk, repair.why) == (Risk.KNOWN_GOOD, Why.GENUINE)
    draft = repair.draft
    assert draft is not None
    assert (draft.kind, draft.subject) == (Kind.REFERENCE_VALUES, "firmware")
    desk.log.enact(draft.kind, draft.subject, draft.body)
    assert asked(desk, sim=wrong).granted
    assert asked(desk).granted
    again = explained(desk, case)
    assert {each.action for each in again.repairs} == {RestartNode()}
    assert {each.why for each in again.repairs} == {Why.ALLOWED_NOW}


def test_what_may_be_debugged_is_never_proposed_as_known_good(desk: Desk) -> None:
    """A debugged guest's host writes what it likes into it after it was measured."""
    sim = desk.node.sim.with_firmware(WRONG).with_debug()
    found = explained(desk, asked(desk, sim=sim))
    assert {each.code for each in found.faults} == {
        "debug-allowed-by-guest-policy",
        "measurement-mismatch",
    }
    assert RemoveDebug() in [each.action for each in found.repairs]
    assert not any(each.draft for each in found.repairs)


def test_what_is_not_genuine_is_never_mended_by_a_statement(desk: Desk) -> None:
    sim = desk.node.sim.with_firmware(WRONG).misbehaving(Misbehaviour.OTHER_REPORT_DATA)
    found = explained(desk, asked(desk, sim=sim))
    assert not found.measurable
    assert found.repairs
    assert all(each.risk is Risk.NOTHING and each.draft is None for each in found.repairs)
    assert {type(each.action) for each in found.repairs} <= {RestartNode, Investigate}


def test_a_revoked_node_has_nothing_to_mend_here(desk: Desk) -> None:
    desk.log.enact(
        Kind.REVOCATION, "node:node-1", {"target_kind": "node", "target": "node-1"}, life=None
    )
    found = explained(desk, asked(desk))
    fault = only(found, "revoked")
    revocation = desk.log.state.revoked[(TargetKind.NODE, "node-1")].statement.digest
    assert [each.action for each in fault.repairs] == [
        MoveOn(TargetKind.NODE, "node-1", revocation)
    ]
    assert fault.source is not None
    assert fault.source.kind is Kind.REVOCATION


def test_reasons_that_no_check_finds_and_faults_that_it_does_not_name_are_both_told(
    desk: Desk,
) -> None:
    case = asked(desk, sim=desk.node.sim.with_firmware(WRONG))
    lied = replace(case, reasons=("ak-not-activated",))
    found = explained(desk, lied)
    assert found.said_only == ("ak-not-activated",)
    assert found.found_only == ("measurement-mismatch",)


def test_without_evidence_only_asking_again_is_offered(desk: Desk) -> None:
    case = asked(desk)
    missing = not_met("evidence", "evidence-missing", "nobody has it", "the request")
    found = explain(
        [missing],
        ["measurement-mismatch"],
        replace(case.observed, shown=None, findings=(missing,), evidence=None),
        desk.log.state,
        now=desk.clock() + timedelta(seconds=1),
    )
    assert not found.measurable
    assert [each.action for each in found.repairs] == [RestartNode()]
    assert found.said_only == ("measurement-mismatch",)


def test_the_protocols_own_expectations_have_no_statement(desk: Desk) -> None:
    assert source_of(None, desk.log.state) is None
    assert source_of(desk.digest, desk.log.state) is None


def test_a_granted_node_has_nothing_to_explain(desk: Desk) -> None:
    found = explained(desk, asked(desk))
    assert (found.faults, found.repairs, found.said_only) == ((), (), ())

"""An explanation as a document and as lines: everything of it, under stable names."""

from datetime import timedelta

import pytest

from keyturn.client.evidence import NO_COLLATERAL, FleetEvidence
from keyturn.client.explaining import (
    ACTIONS,
    WHYS,
    Explained,
    action_name,
    explain_node,
    explanation_document,
    explanation_lines,
)
from keyturn.policy import repairing
from keyturn.policy.repairing import Repair, Risk, Why
from keyturn.quorum.kinds import Kind
from unit.client.test_examination import WRONG, examined, refused, released, seen
from unit.keyrelease.release_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def explained(desk: Desk, *, kept: bool = True) -> Explained:
    view = seen(desk)
    objects = desk.log.objects
    evidence = FleetEvidence(
        lambda digests: {each: objects[each] for each in digests if kept and each in objects}
    )
    now = desk.clock() + timedelta(seconds=1)
    return explain_node(examined(desk), view, evidence, now, NO_COLLATERAL)


def test_a_refusal_is_a_document_with_a_draft_that_can_be_proposed(desk: Desk) -> None:
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    document = explanation_document(explained(desk).explanation)
    (fault,) = document["faults"]
    assert fault["reason"] == "measurement-mismatch"
    assert fault["set_by"]["subject"] == "firmware"
    assert {each["officer"] for each in fault["set_by"]["approvers"]}
    assert "".join(each["found"] for each in fault["difference"]) == WRONG.hex()
    (repair,) = document["repairs"]
    assert (repair["action"], repair["risk"], repair["why"]) == (
        "propose-baseline",
        "known-good",
        "genuine",
    )
    draft = repair["draft"]
    desk.log.enact(Kind(draft["kind"]), draft["subject"], draft["body"])
    assert desk.reasons(sim=desk.node.sim.with_firmware(WRONG)) == []


def test_people_read_the_same(desk: Desk) -> None:
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    text = "\n".join(explanation_lines(explained(desk).explanation))
    for part in (
        "cpu: firmware measurement: measurement-mismatch",
        WRONG.hex(),
        "set by    reference-values 'firmware' version 1",
        "1. propose this node's firmware as a new version of the baseline",
        "because it is proved, not debugged",
    ):
        assert part in text


def test_what_the_keyholder_alone_says_is_told_as_such(desk: Desk) -> None:
    """A refusal whose reasons do not match what the evidence shows."""
    wrong = desk.node.sim.with_firmware(WRONG)
    refused(desk, desk.request(sim=wrong), reasons=("ak-not-activated",))
    found = explained(desk)
    lines = list(explanation_lines(found.explanation))
    assert "said by the keyholder alone, found by no check here: ak-not-activated" in lines
    assert "found here, not named by the log's entry: measurement-mismatch" in lines


def test_without_evidence_it_says_that_nothing_is_measurable(desk: Desk) -> None:
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    found = explained(desk, kept=False)
    assert found.request is None
    assert not found.explanation.measurable
    lines = list(explanation_lines(found.explanation))
    assert "its evidence is not measurable: nothing that it says is relied on" in lines


def test_a_granted_node_has_no_fault(desk: Desk) -> None:
    released(desk)
    assert explained(desk).explanation.faults == ()


def test_every_action_and_every_why_has_words() -> None:
    made = repairing.Action.__args__  # type: ignore[attr-defined]
    names = {
        "".join(f"-{c.lower()}" if c.isupper() else c for c in each.__name__).lstrip("-")
        for each in made
    }
    assert names == set(ACTIONS)
    assert {each.value for each in Why} == set(WHYS)
    assert action_name(Repair(repairing.RemoveDebug(), Risk.MACHINE, Why.READABLE)) == (
        "remove-debug"
    )

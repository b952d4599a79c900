"""A refused node explained: who shares the fault, where a repair leads, what is taken away."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.client.explainbundle import recheck
from keyturn.client.inventory import NodeState
from keyturn.quorum.kinds import Kind
from keyturn_app.handing import handed
from keyturn_app.screens.fleet.explained import WhyView
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.screens.fleet.viewing import EvidenceView, Tab
from unit.app.screens.fleet.refusals import ALSO, BAD, GOOD, WRONG, Refusals


@pytest.fixture
def world() -> Refusals:
    return Refusals()


def why(presenter: FleetPresenter) -> WhyView:
    found = presenter.view().why
    assert found is not None
    return found


def evidence(presenter: FleetPresenter) -> EvidenceView:
    found = presenter.view().evidence
    assert found is not None
    return found


def test_a_refusal_says_what_failed_who_set_it_and_who_shares_it(world: Refusals) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    found = why(presenter)
    (fault,) = found.faults
    assert fault.title == "CPU: firmware measurement"
    assert (fault.code, fault.found) == ("measurement-mismatch", WRONG.hex())
    assert fault.hex
    assert "".join(each.found for each in fault.parts) == WRONG.hex()
    assert fault.source[0] == "Reference values firmware, version 1"
    assert "Ada" in fault.source[2]
    assert (fault.shared, fault.passed) == ((ALSO,), (GOOD,))
    assert found.note == ""


def test_the_safest_repair_is_first_and_each_says_why_and_what_it_risks(world: Refusals) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    machine, baseline = why(presenter).repairs
    assert "firmware back" in machine.title
    assert machine.button == "Copy the steps"
    assert machine.copied.endswith("keyturn agent doctor --config agent.toml")
    assert machine.steps[0].command.startswith("keyturn agent doctor")
    assert baseline.title == "Propose this node's firmware as a new baseline version"
    assert "proved, not debugged" in baseline.why
    assert "known good" in baseline.risk
    assert baseline.why_not == ""


def test_a_repair_opens_the_draft_with_its_body_and_signs_nothing(world: Refusals) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    asked = len(world.server.asked)
    presenter.repair(1)
    ((page, target),) = world.went
    given = handed(target)
    assert page == "approvals"
    assert given is not None
    assert (given.kind, given.subject) == (Kind.REFERENCE_VALUES, "firmware")
    assert BAD in given.reason
    assert len(world.server.asked) == asked
    world.server.enact(given.kind, given.subject, dict(given.body))
    world.show(BAD, wrong=True)
    assert next(each for each in world.nodes if each.name == BAD).state is NodeState.ATTESTED


def test_who_may_not_propose_is_told_so() -> None:
    world = Refusals()
    world.desk.identity = replace(world.desk.identity, officer="nobody")
    presenter = world.presenter()
    presenter.select(BAD)
    assert "role proposer" in why(presenter).repairs[1].why_not
    presenter.repair(1)
    assert world.went == []
    assert "role proposer" in world.officer.toasts[0]


def test_a_healthy_node_has_no_explanation(world: Refusals) -> None:
    presenter = world.presenter()
    presenter.select(GOOD)
    assert presenter.view().why is None
    presenter.open_evidence()
    assert evidence(presenter).shown.tab is Tab.CHECKS
    presenter.select(None)
    assert presenter.view().evidence is None


def test_a_newer_refusal_is_explained_anew(world: Refusals) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    world.show(BAD, wrong=False)
    world.tell()
    presenter.tick()
    assert presenter.view().why is None
    world.show(BAD, wrong=True)
    world.tell()
    presenter.tick()
    assert [each.code for each in why(presenter).faults] == ["measurement-mismatch"]


def test_while_it_is_found_out_nothing_is_said_yet(world: Refusals) -> None:
    presenter = world.presenter()
    world.desk.waiting = True
    presenter.select(BAD)
    assert why(presenter).loading
    assert why(presenter).faults == ()
    world.desk._held.pop(0)()  # examined
    world.desk._held.pop(0)()  # looked at alone
    assert len(why(presenter).faults) == 1
    assert why(presenter).faults[0].shared == ()
    assert why(presenter).note == "Comparing with the other nodes: 0 of 2"
    assert why(presenter).comparing
    presenter.understanding.explaining.stop_comparing()
    assert why(presenter).note == "Not compared with the other nodes."
    world.desk.answer()
    assert why(presenter).faults[0].shared == ()
    presenter.select(GOOD)
    world.desk.answer()
    assert presenter.view().why is None


def test_without_the_others_its_own_faults_are_told(world: Refusals) -> None:
    presenter = world.presenter()
    world.server.denied["/v1/evidence/batch"] = "not yours"
    presenter.select(BAD)
    assert len(why(presenter).faults) == 1
    assert why(presenter).note.startswith("The other nodes could not be looked at")
    assert not why(presenter).comparing


def test_other_bytes_from_the_server_are_no_evidence(world: Refusals) -> None:
    presenter = world.presenter()
    node = next(each for each in world.nodes if each.name == BAD)
    assert node.refused is not None
    world.server.evidence[node.refused[1].evidence] += b" "
    presenter.select(BAD)
    presenter.open_evidence()
    shown = evidence(presenter)
    assert shown.trouble
    assert not shown.can_copy
    assert why(presenter).faults == ()


def test_evidence_that_is_not_kept_says_so(world: Refusals) -> None:
    presenter = world.presenter()
    node = next(each for each in world.nodes if each.name == BAD)
    assert node.refused is not None

    del world.server.evidence[node.refused[1].evidence]
    presenter.select(BAD)
    presenter.open_evidence()
    shown = evidence(presenter)
    assert "has not kept the evidence" in shown.note
    presenter.understanding.viewing.turn_to(Tab.FIELDS)
    assert "not keep this evidence any more" in evidence(presenter).shown.empty


def test_the_bundle_says_what_is_inside_and_proves_itself(world: Refusals, tmp_path: Path) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    world.officer.chosen = tmp_path / "why.zip"
    presenter.export_explanation()
    question = world.officer.asked[0]
    assert "no key, share, session, prompt or other secret" in question.text  # type: ignore[attr-defined]
    raw = (tmp_path / "why.zip").read_bytes()
    assert "explanation.txt" in zipfile.ZipFile(io.BytesIO(raw)).namelist()
    again = recheck(raw, world.server.fingerprint, world.server.clock())
    assert again.differing == ()
    assert "why.zip" in world.officer.toasts[-1]


def test_a_file_that_is_there_is_not_written_over(world: Refusals, tmp_path: Path) -> None:
    presenter = world.presenter()
    presenter.select(BAD)
    world.officer.chosen = tmp_path / "why.zip"
    world.officer.chosen.write_bytes(b"mine")
    presenter.export_explanation()
    assert world.officer.chosen.read_bytes() == b"mine"
    assert world.officer.told[-1].title == "Nothing was exported"

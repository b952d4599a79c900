"""The baselines page without a window, on the real keyholder and control plane."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_app.facts import Connection, Link
from keyturn_app.screens.baselines.comparing import ComparePresenter
from keyturn_app.screens.baselines.comparison import Change
from keyturn_app.screens.baselines.drafting import Into
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.standing import Standing, ValueKind
from keyturn_app.screens.baselines.viewmodel import Column, Phase
from support.nodes import Node
from unit.app.screens.baselines.conftest import Here, body_of

VALUE = "ab" * 48


def by_hand(value: str = VALUE, **origin: object) -> dict[str, object]:
    one = {"value": value, "source": "by hand: a test says so", **origin}
    return {"snp": {"measurements": [one]}, "gpu": []}


def draft_of(here: Here) -> NewPresenter:
    assert isinstance(here.presenter.sheet, NewPresenter)
    return here.presenter.sheet


def comparison_of(here: Here) -> ComparePresenter:
    assert isinstance(here.presenter.sheet, ComparePresenter)
    return here.presenter.sheet


def names(here: Here) -> list[str]:
    return [each.subject for each in here.presenter.view().rows]


# ---- the list ----


def test_before_the_first_answer_it_loads(here: Here) -> None:
    assert here.presenter.view().phase is Phase.LOADING
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.OFFLINE)))
    assert here.presenter.view().phase is Phase.OFFLINE


def test_an_empty_list_leads_to_capturing_and_importing(here: Here) -> None:
    here.desk.refresh()
    view = here.presenter.view()
    assert view.phase is Phase.EMPTY
    actions = {each.id: each.why_not for each in view.actions}
    assert actions["baselines.capture"] == actions["baselines.import"] == ""
    assert actions["baselines.compare"]


def test_a_server_that_lied_is_not_shown(here: Here) -> None:
    here.whole.enact(Kind.REFERENCE_VALUES, "firmware", by_hand())
    here.desk.refresh()
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.DISTRUSTED)))
    view = here.presenter.view()
    assert (view.phase, view.rows, view.tiles) == (Phase.DISTRUSTED, (), ())


def test_how_each_stands_and_what_waits(here: Here) -> None:
    here.enact(by_hand())
    here.propose(by_hand("cd" * 48), "other")
    here.propose(by_hand("ef" * 48))
    rows = {each.subject: each for each in here.presenter.view().rows}
    assert rows["firmware"].baseline.standing is Standing.IN_FORCE
    assert rows["firmware"].note == "version 2 proposed: 0 of 2"
    assert rows["other"].baseline.standing is Standing.OPEN
    assert rows["other"].texts[Column.FROM] == "source only"


def test_an_expired_one_says_so(here: Here) -> None:
    here.enact(by_hand())
    here.system.clock.now += timedelta(days=400)
    here.presenter.tick()
    (row,) = here.presenter.view().rows
    assert row.baseline.standing is Standing.EXPIRED


def test_a_revoked_measurement_is_told(here: Here) -> None:
    here.enact(by_hand())
    body = {"target_kind": TargetKind.MEASUREMENT.value, "target": VALUE}
    here.whole.enact(Kind.REVOCATION, f"measurement:{VALUE}", body)
    here.desk.refresh()
    here.presenter.select("firmware")
    view = here.presenter.view()
    assert view.rows[0].baseline.standing is Standing.REVOKED
    assert view.detail is not None
    assert view.detail.sets[0].lines[0].revoked


def test_values_that_end_soon_are_warned_of(here: Here) -> None:
    now = here.system.clock()
    provenance = {
        "method": "by-hand",
        "document": None,
        "signer": None,
        "obtained": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "until": (now + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    here.enact(by_hand(provenance=provenance))
    here.presenter.select("firmware")
    view = here.presenter.view()
    assert "1 baseline end within 14 days" in view.banner
    assert view.rows[0].until.token == "stale"
    assert view.detail is not None
    assert any("ends in" in each for each in view.detail.warnings)
    here.system.clock.now += timedelta(days=4)
    here.presenter.tick()
    assert here.presenter.view().rows[0].baseline.standing is Standing.ENDED


def test_filter_by_value_kind_and_words(here: Here, golden: Node) -> None:
    here.enact(by_hand(), "spare")
    assert names(here) == ["firmware", "spare"]
    here.presenter.filter("abab by hand")
    assert names(here) == ["spare"]
    here.presenter.open_all()
    here.presenter.show(ValueKind.GPU)
    assert names(here) == ["firmware"]
    here.presenter.filter("nothing like it")
    assert here.presenter.view().phase is Phase.NO_MATCH
    here.presenter.open_all()
    here.presenter.sort(Column.NAME)
    assert names(here) == ["spare", "firmware"]
    assert golden is not None


def test_what_rests_on_it_by_verified_evidence(here: Here, golden: Node) -> None:
    here.presenter.select("firmware")
    view = here.presenter.view()
    assert view.detail is not None
    assert (view.detail.use.policies, view.detail.use.nodes) == (("serving",), None)
    here.presenter.seen()
    view = here.presenter.view()
    assert view.detail is not None
    assert view.detail.use.nodes is not None
    assert [name for name, _parts in view.detail.use.nodes] == [golden.name]
    assert len(view.detail.use.models) == 1
    assert "1 of 1 nodes" in view.fleet.text


# ---- capturing ----


def test_a_golden_nodes_values_become_a_new_version(here: Here, golden: Node) -> None:
    here.presenter.capture()
    draft = draft_of(here)
    (node,) = draft.view().nodes
    assert node.why_not == ""
    assert draft.view().read_why_not == "Choose a node."
    draft.choose_node(node.name)
    draft.read()
    view = draft.view()
    assert view.error is None
    assert {each.key for each in view.sets} >= {
        f"snp.{golden.sim.launch.measurement.hex()}",  # type: ignore[union-attr]
        "gpu.0",
    }
    assert all(item.ticked for each in view.sets for item in each.items)
    draft.set_subject("firmware")
    draft.set_until("90")
    assert draft.view().problem == "Say why; every officer will read it."
    draft.say(reason="the golden node")
    view = draft.view()
    assert (view.problem, view.can_add) == ("", True)
    assert view.result.basis == "Version 2: the values of version 1 and these."
    draft.set_into(Into.REPLACE)
    assert "other values end" in draft.view().result.basis
    draft.propose()
    (page, digest) = here.went[-1]
    assert page == "approvals"
    proposals = here.desk.facts.proposals
    assert proposals is not None
    (made,) = [each for each in proposals.all if each.digest == digest]
    assert (made.status, made.statement.version) == (Status.OPEN, 2)
    assert here.presenter.sheet is None
    origin = next(iter(made.statement.body.snp.values()))  # type: ignore[union-attr]
    assert origin.source.startswith("SIMULATED: captured from node node-1")
    assert origin.provenance.until == here.system.clock() + timedelta(days=90)


def test_what_is_not_ticked_is_not_taken(here: Here, golden: Node) -> None:
    here.presenter.open("capture:node-1")
    draft = draft_of(here)
    draft.read()
    measurement = f"snp.{golden.sim.launch.measurement.hex()}"  # type: ignore[union-attr]
    draft.tick(measurement, taken=False)
    items = next(each for each in draft.view().sets if each.key == "gpu.0").items
    draft.tick(items[0].key, taken=False)
    view = draft.view()
    gpu = next(each for each in view.sets if each.key == "gpu.0")
    assert gpu.warning.startswith("What is left out is not compared")
    assert view.result.body is not None
    assert view.result.body["snp"] == {"measurements": []}
    draft.tick_set("gpu.0", taken=False)
    assert draft.view().problem == "Choose at least one value."
    draft.tick_set("gpu.0", taken=True)
    draft.set_until("yesterday")
    error = draft.view().error
    assert error is not None
    assert draft.view().result.body is None


def test_a_node_whose_evidence_is_not_genuine_cannot_be_captured(here: Here, golden: Node) -> None:
    here.presenter.seen()
    fleet = here.presenter.evidence.fleet
    bad = replace(fleet.observed["node-1"], shown=None)
    here.presenter.evidence.fleet = replace(fleet, observed={"node-1": bad})
    here.presenter.open("capture:node-1")
    draft = draft_of(here)
    assert draft.view().read_why_not
    draft.read()
    assert draft.view().sets == ()
    assert golden is not None


def test_an_auditor_reads_only(here: Here, golden: Node) -> None:
    seen = here.desk.facts.seen
    assert seen is not None
    here.desk.identity = replace(here.desk.identity, officer="nobody")
    here.presenter.capture()
    assert here.presenter.sheet is None
    actions = {each.id: each.why_not for each in here.presenter.view().actions}
    assert actions["baselines.capture"]
    assert actions["baselines.import"]
    assert actions["baselines.compare"] == ""
    assert golden is not None


def test_a_draft_is_not_thrown_away_by_another(here: Here, golden: Node) -> None:
    here.presenter.capture()
    sheet = here.presenter.sheet
    here.presenter.import_values()
    assert here.presenter.sheet is sheet
    draft_of(here).cancel()
    assert here.presenter.sheet is None
    assert golden is not None


# ---- comparing ----


def test_two_versions_are_compared_by_sign_and_word(here: Here) -> None:
    here.enact(by_hand())
    here.enact(by_hand("cd" * 48))
    here.presenter.select("firmware")
    here.presenter.compare()
    shown = comparison_of(here).view().shown
    assert shown is not None
    assert [(each.change, each.word) for each in shown.rows] == [
        (Change.REMOVED, "removed"),
        (Change.ADDED, "added"),
    ]
    assert shown.rows[0].left.startswith("abab abab")
    comparison_of(here).copy()
    assert here.copied[-1].startswith("−\tremoved")
    comparison_of(here).swap()
    again = comparison_of(here).view().shown
    assert again is not None
    assert again.rows[0].change is Change.ADDED


def test_a_baseline_beside_a_nodes_evidence(here: Here, golden: Node) -> None:
    body = body_of(golden)
    here.enact({**body, "snp": by_hand()["snp"]}, "other")
    here.presenter.seen()
    here.presenter.select("other")
    here.presenter.compare()
    comparison = comparison_of(here)
    comparison.choose_right("node:node-1")
    shown = comparison.view().shown
    assert shown is not None
    (row,) = shown.rows
    assert (row.change, row.word, row.kind) == (Change.DIFFERS, "differs", "SNP")
    comparison.show_every(every=True)
    assert len(comparison.view().shown.rows) > 1  # type: ignore[union-attr]
    comparison.choose_right("node:gone")
    assert "not known" in comparison.view().problem


@pytest.mark.parametrize("target", ["", "nothing", "capture:"])
def test_an_unknown_target_changes_nothing(here: Here, target: str) -> None:
    here.desk.refresh()
    here.presenter.open(target)
    assert here.presenter.view().detail is None

"""The page of policies without a window, on the real system."""

import json
from dataclasses import replace

from keyturn.base.encoding import digest_of
from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Connection, Link
from keyturn_app.impact import Phase as Simulating
from keyturn_app.screens.policies.viewmodel import Form, Phase, Show
from support.nodes import Node
from unit.app.screens.policies.conftest import Here


def figures(here: Here) -> list[str]:
    view = here.presenter.service.simulation.view
    assert view is not None
    return [each.figure for each in view.tiles]


# ---- the list ----


def test_before_the_first_answer_it_loads_then_says_that_there_is_none(here: Here) -> None:
    assert here.presenter.view().phase is Phase.LOADING
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.OFFLINE)))
    assert here.presenter.view().phase is Phase.OFFLINE
    here.desk.refresh()
    assert here.presenter.view().phase is Phase.EMPTY


def test_what_is_in_force_and_what_awaits(here: Here, node: Node) -> None:
    here.enact()
    here.serve(node)
    here.propose("other", lease_seconds=99)
    rows = here.presenter.view().rows

    assert [(each.subject, each.status) for each in rows] == [
        ("other", Status.OPEN),
        ("serving", Status.IN_FORCE),
    ]
    assert rows[1].line == "1 model · 1 node satisfies it"
    assert "expires in" in rows[1].expiry
    here.presenter.show(Show.WAITING)
    assert [each.subject for each in here.presenter.view().rows] == ["other"]
    here.presenter.show(Show.ALL)
    here.presenter.search("serv")
    assert [each.subject for each in here.presenter.view().rows] == ["serving"]
    here.presenter.search("nothing of this name")
    assert here.presenter.view().phase is Phase.NO_MATCH


def test_a_server_that_was_caught_is_shown_nothing_of(here: Here) -> None:
    here.enact()
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.DISTRUSTED)))
    view = here.presenter.view()
    assert view.phase is Phase.DISTRUSTED
    assert not view.rows
    assert view.detail is None


def test_while_not_connected_nodes_are_unknown_and_nothing_is_proposed(here: Here) -> None:
    here.enact()
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.OFFLINE)))
    view = here.presenter.view()
    assert view.rows[0].nodes is None
    assert view.banner
    assert view.why_not_new


# ---- one policy ----


def test_versions_and_what_differs_between_any_two(here: Here) -> None:
    here.enact()
    here.enact(lease_seconds=99)
    here.propose(lease_seconds=99, witnesses=0, evidence_seconds=60)
    detail = here.detail

    assert [each.number for each in detail.versions] == [3, 2, 1]
    assert [each.status for each in detail.versions] == [
        Status.OPEN,
        Status.IN_FORCE,
        Status.SUPERSEDED,
    ]
    assert detail.before is not None
    assert detail.before.number == 2
    assert "NOT IN FORCE: 0 of 2" in detail.after.story
    here.presenter.show_version(detail.versions[1].digest)
    assert [each.words for each in here.detail.compared.rows] == ["Lease, seconds"]
    here.presenter.show_version(detail.versions[0].digest)
    here.presenter.compare_with(detail.versions[2].digest)
    assert {each.place for each in here.detail.compared.rows} >= {"lease_seconds"}
    assert "approved by" in detail.versions[1].story


def test_opened_by_its_name_or_by_a_version(here: Here) -> None:
    here.enact()
    here.enact("zeta")
    here.presenter.open("zeta")
    assert here.detail.subject == "zeta"
    here.presenter.open("serving")
    here.presenter.open(here.detail.versions[0].digest)
    assert here.detail.subject == "serving"


def test_words_uses_json_and_the_file(here: Here, node: Node) -> None:
    here.enact()
    here.serve(node)
    assert any("Genoa" in each for each in here.detail.words)
    assert [each.name.split()[0] for each in here.detail.uses] == ["mini"]
    here.presenter.copy_json()
    assert json.loads(here.copied[0])["tees"] == ["snp"]
    here.officer.chosen = here.tmp / "policy.json"
    here.presenter.export()
    assert json.loads((here.tmp / "policy.json").read_text()) == json.loads(here.copied[0])
    here.officer.chosen = here.tmp / "nowhere" / "policy.json"
    here.presenter.export()
    assert here.officer.told[-1].found == "No such file or directory"


def test_the_impact_of_a_proposal(here: Here, node: Node) -> None:
    here.enact()
    here.serve(node)
    here.propose(gpu={"count": 2})
    here.presenter.show_form(Form.IMPACT)

    assert figures(here) == ["0", "−1", "0", "0"]
    assert not here.detail.impact_of_other
    here.presenter.show_version(here.detail.versions[1].digest)
    assert here.detail.impact_of_other
    here.presenter.simulate()
    assert figures(here) == ["0", "0", "0", "1"]
    here.officer.chosen = here.tmp / "impact.json"
    here.presenter.export_impact()
    view = here.presenter.service.simulation.view
    assert view is not None
    assert digest_of((here.tmp / "impact.json").read_bytes()) == view.digest


# ---- writing ----


def test_from_the_form_to_a_proposal(here: Here, node: Node) -> None:
    here.enact()
    here.serve(node)
    here.presenter.write_next()
    editor = here.editor
    assert editor.view().why_not_propose == "Say why: every officer will read the reason."
    editor.set("gpu.count", 2)
    editor.say(reason="two GPUs", ticket="CHG-7", days="30")
    editor.simulate()
    view = editor.view()
    assert view.simulation.view is not None
    assert [each.figure for each in view.simulation.view.tiles] == ["0", "−1", "0", "0"]
    assert not view.impact_old
    assert view.summary == "1 added · 1 removed"
    editor.set("gpu.count", 3)
    assert editor.view().impact_old
    editor.undo()
    assert not editor.view().impact_old
    editor.propose()

    assert any("−1 node would lose keys" in each for each in here.officer.asked[-1].details)  # type: ignore[attr-defined]
    assert here.presenter.editor is None
    here.desk.refresh()
    proposed = here.detail.after
    assert (proposed.number, proposed.ticket, proposed.index) == (2, "CHG-7", None)
    assert here.went == [("approvals", proposed.digest)]


def test_a_pause_in_editing_computes_the_impact_anew(here: Here) -> None:
    here.enact()
    here.presenter.write_next()
    for _ in range(3):
        here.presenter.tick()
    assert here.editor.view().simulation.phase is Simulating.DONE
    here.editor.set("lease_seconds", 30)
    assert here.editor.view().impact_old
    for _ in range(3):
        here.presenter.tick()
    assert not here.editor.view().impact_old


def test_lint_stands_beside_its_field_and_malformed_is_said(here: Here) -> None:
    here.enact()
    here.presenter.write_next()
    editor = here.editor
    editor.toggle("baselines", "firmware", chosen=False)
    view = editor.view()
    assert view.problem.startswith("policy: no baseline")
    assert view.why_not_propose == view.problem or "Say why" in view.why_not_propose
    assert view.verdict_tone == "danger"
    editor.undo()
    editor.set("tpm", True)
    fields = {f.place: f for each in editor.view().sections for f in each.fields}
    assert [each.look.word for each in fields["tpm"].remarks] == ["Error"]
    assert "1 error" in editor.view().verdict


def test_undo_redo_and_back_to_the_beginning(here: Here) -> None:
    here.enact()
    here.presenter.write_next()
    editor = here.editor
    start = editor.view().json
    for seconds in (70, 71, 72):
        editor.set("lease_seconds", seconds, typing=True)
    editor.set("snp.debug", True)
    editor.undo()
    assert '"lease_seconds": 72' in editor.view().json
    editor.undo()
    assert editor.view().json == start
    editor.redo()
    assert '"lease_seconds": 72' in editor.view().json
    editor.reset()
    assert editor.view().json == start
    assert not editor.view().differs


def test_what_is_seen_is_taken_over(here: Here, node: Node) -> None:
    here.enact()
    here.serve(node)
    here.presenter.write_next()
    editor = here.editor
    editor.simulate()
    fields = {f.place: f for each in editor.view().sections for f in each.fields}
    offered = fields["gpu.drivers"].offered[0].value
    editor.take("gpu.drivers", offered)
    editor.take("gpu.drivers", offered)
    floor = fields["snp.min_tcb.Genoa"].offered[0].value
    editor.take("snp.min_tcb.Genoa", floor)
    fields = {f.place: f for each in editor.view().sections for f in each.fields}
    assert fields["gpu.drivers"].value == offered
    assert fields["snp.min_tcb.Genoa"].value == floor
    assert not fields["snp.min_tcb.Genoa"].remarks
    editor.choose_any("workloads", chosen=False)
    assert editor.view().problem


def test_a_new_policy_needs_a_name(here: Here) -> None:
    here.desk.refresh()
    here.presenter.write_new()
    editor = here.editor
    editor.set("baselines", ("firmware",))
    editor.set("workloads", "any")
    editor.set("platforms", "any")
    assert editor.view().why_not_propose == "Give the policy a name."
    editor.say(subject="fresh", reason="the first")
    editor.propose()
    here.desk.refresh()
    assert [each.subject for each in here.presenter.view().rows] == ["fresh"]


def test_leaving_what_was_changed_is_asked_about(here: Here) -> None:
    here.enact()
    here.presenter.write_next()
    here.editor.set("lease_seconds", 30)
    here.officer.confirms = None
    here.editor.cancel()
    assert here.presenter.editor is not None
    here.editor.undo()
    here.editor.cancel()
    assert here.presenter.editor is None


def test_roll_back_is_a_new_version_with_the_old_body(here: Here) -> None:
    here.enact()
    here.enact(lease_seconds=99)
    assert here.detail.why_not_roll_back == "It is the newest version."
    here.presenter.show_version(here.detail.versions[1].digest)
    assert not here.detail.why_not_roll_back
    here.presenter.roll_back()
    view = here.editor.view()
    assert view.said.reason == "Back to version 1: "
    assert view.basis == "Version 3, in place of version 2."
    here.editor.say(reason="Back to version 1: leases were too long")
    here.editor.propose()
    here.desk.refresh()
    proposed, _second, first = here.detail.versions
    assert proposed.body == first.body
    assert proposed.number == 3


def test_actions_say_why_not(here: Here) -> None:
    here.desk.refresh()
    found = here.actions.get("policies.edit")
    assert found is not None
    assert found.why_not() == "Choose a policy first."
    here.enact()
    assert not found.why_not()
    here.desk.identity = replace(here.desk.identity, locked=True)
    assert found.why_not() == "Locked: unlock your key first."


def test_a_revoked_policy(here: Here) -> None:
    here.enact()
    body: dict[str, object] = {"target_kind": "policy", "target": "serving"}
    here.whole.enact(Kind.REVOCATION, "policy:serving", body)
    here.desk.refresh()
    assert here.presenter.view().rows[0].status is Status.REVOKED
    here.presenter.show(Show.ENDED)
    assert len(here.presenter.view().rows) == 1

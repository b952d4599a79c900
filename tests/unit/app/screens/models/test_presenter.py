"""The models page without a window, on the real keyholder, control plane and sealer."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.signatures import key_id_of
from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Connection, Link
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.models.admission import Standing
from keyturn_app.screens.models.admitting import AdmissionPresenter
from keyturn_app.screens.models.viewmodel import Column, Phase, Show
from support.authority import spki
from support.nodes import Node
from support.system import admission_body, keys_body
from unit.app.screens.models.conftest import Here, Sealed


def names(here: Here) -> list[str]:
    return [each.name for each in here.presenter.view().rows]


def status(here: Here) -> str:
    return here.presenter.view().rows[0].texts[Column.STATUS]


def why_not(here: Here, action: str) -> str:
    found = here.actions.get(f"models.{action}")
    assert found is not None
    return found.why_not()


def form_of(here: Here) -> AdmissionPresenter:
    sheet = here.presenter.sheet
    assert isinstance(sheet, AdmissionPresenter)
    return sheet


@pytest.fixture
def registered(here: Here) -> Sealed:
    made = here.seal()
    here.register(made)
    here.presenter.select(made.sealed.model_digest)
    return made


# ---- the inventory ----


def test_before_the_first_answer_it_loads(here: Here) -> None:
    assert here.presenter.view().phase is Phase.LOADING
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.OFFLINE)))
    assert here.presenter.view().phase is Phase.OFFLINE


def test_an_empty_inventory_explains_sealing_and_offers_it(here: Here) -> None:
    here.desk.refresh()
    view = here.presenter.view()
    assert view.phase is Phase.EMPTY
    assert "nobody can open" in view.text
    assert (view.actions[0].id, view.actions[0].why_not) == ("models.seal", "")


def test_what_a_model_is_called_and_how_it_stands(here: Here) -> None:
    made = here.seal()
    here.register(made)
    (row,) = here.presenter.view().rows
    assert (row.name, row.version, row.files) == ("mini", "1", 3)
    assert row.texts[Column.STATUS] == "Never proposed"
    assert row.texts[Column.REGISTERED] == "0 s ago"
    assert row.runs == 0


def test_a_proposal_counts_its_approvals_until_it_is_in_force(here: Here) -> None:
    here.set_policy()
    made = here.seal()
    here.register(made)
    digest = made.sealed.model_digest
    proposal = here.whole.propose(Kind.MODEL, digest, admission_body(made.model), **made.parts)
    here.whole.approve(proposal, "bela")
    here.desk.refresh()
    assert status(here) == "Not in force (proposal open: 1 of 2)"

    here.whole.approve(proposal, "chen")
    here.desk.refresh()
    row = here.presenter.view().rows[0]
    assert (status(here), row.policy) == ("In force", "serving")


def test_an_expired_admission_is_not_in_force(here: Here) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.system.clock.advance(days=91)
    assert here.presenter.view().rows[0].standing is Standing.EXPIRED


def test_a_suspended_admission_says_so(here: Here) -> None:
    """Bela approved it, and her key is removed for compromise; `keys` was renewed before."""
    here.set_policy()
    here.admit(here.seal())
    authority = here.system.authority

    def enact(kind: Kind, body: dict[str, object]) -> None:
        digest = here.whole.propose(kind, kind.value, body)
        for name in ("chen", "dora", "emil"):
            here.whole.approve(digest, name)

    enact(Kind.KEYS, keys_body(here.system.hsm))
    lost = [key_id_of(spki(key)) for key in authority.people.pop("bela").keys]
    enact(Kind.ROSTER, authority.roster_body(compromised=lost))
    here.desk.refresh()

    assert here.presenter.view().rows[0].standing is Standing.SUSPENDED


def test_filter_order_and_tiles(here: Here) -> None:
    here.set_policy()
    for name in ("alpha", "beta", "gamma"):
        here.register(here.seal(name))
    here.admit(here.seal("delta"))

    presenter = here.presenter
    assert names(here) == ["alpha", "beta", "delta", "gamma"]
    presenter.sort(Column.NAME)
    assert names(here) == ["gamma", "delta", "beta", "alpha"]
    presenter.filter("NEVER eta")
    assert (names(here), presenter.view().count) == (["beta"], "1 of 4")
    presenter.filter("")
    presenter.show(Show.IN_FORCE)
    assert names(here) == ["delta"]
    presenter.show(Show.RUNNING)
    assert presenter.view().phase is Phase.NO_MATCH
    presenter.show(Show.RUNNING)
    assert len(names(here)) == 4
    assert [each.figure for each in presenter.view().tiles] == ["1", "0", "3", "0"]


def test_where_it_runs_is_proved_by_the_log_and_unknown_without_a_server(
    here: Here, node: Node
) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.release(made, node)
    here.presenter.select(made.sealed.model_digest)
    view = here.presenter.view()
    assert view.rows[0].texts[Column.RUNS] == "1 node"
    assert view.detail is not None
    assert [(n.name, n.look.word) for n in view.detail.nodes] == [("node-1", "Attested")]
    assert view.detail.nodes[0].lease.startswith("lease ")

    lost = Connection(Link.RECONNECTING, heard=here.system.clock())
    here.desk.show(replace(here.desk.facts, connection=lost))
    view = here.presenter.view()
    assert (view.rows[0].runs, view.rows[0].texts[Column.RUNS]) == (None, "unknown")
    assert view.dimmed
    assert "unknown" in view.banner
    assert view.detail is not None
    assert view.detail.nodes == ()
    assert "Unknown" in view.detail.nodes_text


def test_nothing_of_a_server_that_lied_is_shown(here: Here, registered: Sealed) -> None:
    lied = Connection(Link.DISTRUSTED)
    here.desk.show(replace(here.desk.facts, connection=lied))
    view = here.presenter.view()
    assert (view.phase, view.rows, view.tiles, view.detail) == (Phase.DISTRUSTED, (), (), None)


# ---- one model ----


def test_the_files_are_those_of_the_manifest(here: Here, registered: Sealed) -> None:
    detail = here.presenter.view().detail
    assert detail is not None
    listed = {each.path: each.sha256 for each in detail.files.lines}
    assert listed == {f.path: f.sealed_sha256 for f in registered.sealed.manifest.files}
    assert detail.assurance == "software assurance"
    assert detail.tag == registered.sealed.key.tag.hex()


def test_a_manifest_that_does_not_come_can_be_asked_for_again(here: Here) -> None:
    made = here.seal()
    here.register(made)
    here.desk.show(replace(here.desk.facts, connection=Connection(Link.RECONNECTING)))
    here.presenter.select(made.sealed.model_digest)
    detail = here.presenter.view().detail
    assert detail is not None
    assert (detail.files.lines, detail.files.retry) == ((), True)

    here.desk.refresh()
    here.presenter.retry_manifest()
    detail = here.presenter.view().detail
    assert detail is not None
    assert len(detail.files.lines) == 3


def test_admission_policy_and_history(here: Here, node: Node) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.release(made, node)
    here.release(made, Node(node.sim.with_firmware(b"\xee" * 48), node.secrets, "node-2"))
    digest = made.sealed.model_digest
    here.presenter.open(digest)
    detail = here.presenter.view().detail
    assert detail is not None
    lines = {name: value for name, value, _ in detail.admission.lines}
    assert lines["Approved by"] == "Officer Bela, Officer Chen"
    assert detail.admission.link is not None
    assert detail.admission.link.page == "log"
    policy = {name: value for name, value, _ in detail.policy.lines}
    assert (policy["Policy"], policy["Baselines"]) == ("serving v1", "firmware")
    assert detail.policy.link is not None
    words = [(each.look.word, each.text) for each in detail.history]
    assert words == [
        ("Refused", "node-2: measurement-mismatch"),
        ("Key released", "node-1"),
        ("Admitted", "version 1"),
    ]
    indexes = [each.index for each in detail.history]
    assert indexes == sorted(indexes, reverse=True)

    here.presenter.follow(detail.policy.link.page, detail.policy.link.target)
    assert here.went[-1][0] == "approvals"


def test_an_admission_whose_policy_is_gone_is_warned_of(here: Here) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.whole.enact(
        Kind.REVOCATION, "policy:serving", {"target_kind": "policy", "target": "serving"}
    )
    here.desk.refresh()
    here.presenter.open(made.sealed.model_digest)
    detail = here.presenter.view().detail
    assert detail is not None
    assert "not in force" in detail.warnings[0]


def test_an_admission_under_another_name_than_the_manifests_is_warned_of(here: Here) -> None:
    here.set_policy()
    made = here.seal("orion")
    digest = made.sealed.model_digest
    here.whole.enact(Kind.MODEL, digest, admission_body(made.model), **made.parts)
    here.desk.refresh()
    here.presenter.open(digest)
    detail = here.presenter.view().detail
    assert detail is not None
    assert detail.warnings == ("It is admitted as “mini”, but its manifest calls it “orion”.",)


# ---- what may be done ----


def test_each_action_says_why_it_cannot_be_done(here: Here) -> None:
    assert why_not(here, "admit") == "Choose a model first."
    assert why_not(here, "register") == "Not connected to the server."
    made = here.seal()
    here.register(made)
    here.presenter.select(made.sealed.model_digest)
    assert [why_not(here, each) for each in ("admit", "register", "verify", "seal")] == [""] * 4
    assert "never in force" in why_not(here, "revoke")
    here.desk.identity = replace(here.desk.identity, locked=True)
    assert "Locked" in why_not(here, "admit")
    assert why_not(here, "seal") == ""


def test_a_sealed_folder_is_registered(here: Here) -> None:
    here.desk.refresh()
    made = here.seal()
    here.officer.chosen = made.directory
    here.actions.run("models.register")
    assert names(here) == ["mini"]
    detail = here.presenter.view().detail
    assert detail is not None
    assert detail.digest == made.sealed.model_digest


def test_a_folder_that_is_no_sealed_model_is_explained(here: Here, tmp_path: Path) -> None:
    here.desk.refresh()
    here.officer.chosen = tmp_path
    here.actions.run("models.register")
    (notice,) = here.officer.told
    assert "keyturn.json" in notice.text


def test_an_admission_is_proposed_over_the_models_own_files(here: Here, registered: Sealed) -> None:
    here.set_policy()
    here.actions.run("models.admit")
    form = form_of(here)
    assert "folder" in form.view().problem
    form.set_directory(registered.directory)
    view = form.view()
    assert (view.digest, view.tag) == (
        registered.sealed.model_digest,
        registered.sealed.key.tag.hex(),
    )
    assert view.policy == "serving"
    assert "Say why" in view.problem
    form.set_reason("for the search team")
    form.propose()

    assert here.presenter.sheet is None
    (proposal,) = [p for p in here.whole.desks["bela"].proposals("open")]
    assert proposal.status is Status.OPEN
    assert here.went == [("approvals", proposal.digest)]
    assert here.whole.approve(proposal.digest, "bela").missing == 1
    assert here.whole.approve(proposal.digest, "chen").status is Status.IN_FORCE


def test_another_models_files_are_not_signed(here: Here, registered: Sealed) -> None:
    here.set_policy()
    here.actions.run("models.admit")
    form = form_of(here)
    form.set_directory(here.seal("other").directory)
    form.set_reason("why")
    assert "another model" in form.view().error
    assert form.view().problem
    form.propose()
    assert here.whole.desks["bela"].proposals("open") == []
    form.cancel()
    assert here.presenter.sheet is None


def test_without_a_policy_in_force_nothing_can_be_admitted(here: Here, registered: Sealed) -> None:
    here.actions.run("models.admit")
    form = form_of(here)
    form.set_directory(registered.directory)
    assert "No policy" in form.view().problem


def test_a_revocation_names_what_it_stops_and_is_typed(here: Here, node: Node) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.release(made, node)
    here.presenter.open(made.sealed.model_digest)
    here.officer.confirms = Confirmed("leaked")
    here.actions.run("models.revoke")

    (question,) = here.officer.asked
    assert isinstance(question, Confirm)
    assert question.typed == "mini"
    assert "1 node stops serving it: node-1" in question.details
    page, target = here.went[-1]
    assert page == "approvals"
    assert status(here) == "In force (revocation proposed: 0 of 1)"
    here.whole.approve(Digest(target), "bela")
    here.desk.refresh()
    assert status(here) == "Revoked"
    detail = here.presenter.view().detail
    assert detail is not None
    assert "leaked" in detail.why
    assert detail.history[0].look.word == "Revoked"


def test_a_revocation_that_is_turned_down_signs_nothing(here: Here) -> None:
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.presenter.open(made.sealed.model_digest)
    here.officer.confirms = None
    here.actions.run("models.revoke")
    assert here.went == []


# ---- copies ----


def checked(here: Here, directory: Path) -> tuple[str, tuple[str, ...]]:
    here.officer.chosen = directory
    here.actions.run("models.verify")
    check = here.presenter.view().check
    assert check is not None
    assert check.fraction is None
    return check.look.word, check.lines


def test_a_whole_copy_a_damaged_one_and_another_models(here: Here, registered: Sealed) -> None:
    assert checked(here, registered.directory)[0] == "Whole"
    assert here.door.progressed[-1].done == here.door.progressed[-1].total

    damaged = registered.directory / "weights.safetensors.sealed"
    raw = bytearray(damaged.read_bytes())
    raw[100] ^= 1
    damaged.write_bytes(raw)
    word, lines = checked(here, registered.directory)
    assert word == "Damaged"
    assert lines[0].startswith("weights.safetensors: sha256:")

    word, lines = checked(here, here.seal("other").directory)
    assert word == "Another model"
    here.presenter.close_check()
    assert here.presenter.view().check is None


def test_a_check_can_be_stopped(here: Here, registered: Sealed) -> None:
    here.door.before = lambda job: job.cancel()
    assert checked(here, registered.directory)[0] == "Stopped"


def test_the_digest_is_copied(here: Here, registered: Sealed) -> None:
    here.actions.run("models.copy-digest")
    assert here.copied == [registered.sealed.model_digest]


def test_closing_takes_the_actions_away(here: Here) -> None:
    here.presenter.close()
    assert list(here.actions) == []

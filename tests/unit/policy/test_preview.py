"""What a draft would change for every node (our protocol §8.9)."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.policy.appraisal import appraise
from keyturn.policy.choosing import caveat_findings, choose, revocation_findings
from keyturn.policy.drafts import Draft, draft_of_body, with_draft
from keyturn.policy.findings import failing, not_met
from keyturn.policy.impact import Group, Impact, LogPosition
from keyturn.policy.observed import Observed
from keyturn.policy.preview import preview
from keyturn.policy.shown import Shown, platform_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.tee_rules import Tee
from support.authority import policy_body
from support.hsmtoken import make_model
from support.observednodes import a_cpu, a_gpu, observed, varied
from unit.keyrelease.release_desk import Desk, digest_of_model
from unit.quorum.authority_log import admission, platforms

AT = LogPosition(7, "ab" * 32)


class Fleet:
    """A desk with its one node's proved claims."""

    def __init__(self) -> None:
        self.desk = Desk()
        evidence = self.desk.verified(self.desk.request())
        assert evidence.cpu is not None
        self.cpu, (self.gpu,) = evidence.cpu, evidence.gpus
        self.now = self.desk.clock()

    @property
    def state(self) -> AuthorityState:
        return self.desk.log.state

    def node(self, number: int = 0, gpus: int = 1, **report: object) -> Observed:
        devices = tuple(a_gpu(self.gpu, number * 16 + each) for each in range(gpus))
        shown = Shown(a_cpu(self.cpu, number, **report), devices)
        return observed(f"node-{number}", self.desk.digest, shown, self.now)

    def draft(self, kind: Kind, subject: str, body: JsonObject) -> Draft:
        return draft_of_body(kind, subject, body, self.state, self.now)

    def policy(self, **changed: object) -> Draft:
        return self.draft(Kind.POLICY, "serving", policy_body(**changed))  # type: ignore[arg-type]

    def impact(self, draft: Draft, *nodes: Observed, **options: object) -> Impact:
        return preview(draft, self.state, nodes, AT, self.now, **options)  # type: ignore[arg-type]


@cache
def fleet() -> Fleet:
    return Fleet()


def groups(impact: Impact) -> dict[str, Group]:
    return {each.node: each.group for each in impact.nodes}


def test_a_policy_that_asks_for_more_takes_keys_away_and_says_by_what() -> None:
    one, two = fleet().node(0, gpus=1), fleet().node(1, gpus=2)
    impact = fleet().impact(fleet().policy(gpu={"count": 2}), one, two)

    newly, loses = impact.nodes
    assert (newly.node, newly.group) == ("node-1", Group.NEWLY)
    assert (loses.node, loses.group) == ("node-0", Group.LOSES)
    assert [each.reason for each in loses.decisive] == ["gpu-count"]
    assert [each.reason for each in newly.decisive] == ["gpu-count"]
    (change,) = [each for each in loses.changes if each.check == "gpu: count"]
    assert change.before is not None
    assert change.after is not None
    assert (change.before.reason, change.after.reason) == (None, "gpu-count")


def test_what_stays_as_it_is() -> None:
    good, bad = fleet().node(0), fleet().node(1, measurement=bytes(48))
    impact = fleet().impact(fleet().policy(lease_seconds=99), good, bad)

    assert groups(impact) == {"node-0": Group.KEEPS, "node-1": Group.REFUSED}
    assert impact.counts[Group.NEWLY] == 0
    assert not any(each.goes_dark or each.newly_served for each in impact.models)


def test_a_model_whose_every_node_loses_goes_dark() -> None:
    impact = fleet().impact(fleet().policy(gpu={"count": 4}), fleet().node(0), fleet().node(1))
    (model,) = impact.models

    assert (model.before, model.after, model.goes_dark) == (2, 0, True)
    assert impact.by_tee[Tee.SNP][Group.LOSES] == 2
    assert impact.by_site == {None: impact.counts}


def test_a_baseline_with_a_new_value_lets_in_who_was_refused() -> None:
    strange = fleet().node(3, measurement=bytes(48))
    body: JsonObject = {
        "snp": {"measurements": [{"value": "00" * 48, "source": "a test"}]},
        "gpu": [],
    }
    impact = fleet().impact(fleet().draft(Kind.REFERENCE_VALUES, "firmware", body), strange)
    (node,) = impact.nodes

    assert node.group is Group.REFUSED  # its GPU has no reference any more
    assert [each.reason for each in node.decisive] == ["no-reference-values"]


def test_a_list_of_platforms_gives_sites() -> None:
    here = fleet()
    listed = here.node(0)
    draft = here.draft(Kind.PLATFORMS, "eu", platforms(platform_of(listed.shown.cpu)))  # type: ignore[union-attr, arg-type]
    impact = here.impact(draft, listed, here.node(1))

    assert {each.node: each.site for each in impact.nodes} == {"node-0": "Berlin", "node-1": None}
    assert set(impact.by_site) == {"Berlin", None}


def test_a_revocation_of_one_node_and_of_its_policy() -> None:
    here = fleet()
    body: JsonObject = {"target_kind": "node", "target": "node-0"}
    impact = here.impact(
        here.draft(Kind.REVOCATION, "node:node-0", body), here.node(0), here.node(1)
    )
    assert groups(impact) == {"node-0": Group.LOSES, "node-1": Group.KEEPS}

    body = {"target_kind": "policy", "target": "serving"}
    impact = here.impact(here.draft(Kind.REVOCATION, "policy:serving", body), here.node(0))
    assert [each.reason for each in impact.nodes[0].decisive] == ["revoked"]


def test_a_caveat_that_is_no_longer_accepted() -> None:
    node = replace(fleet().node(0), caveats=frozenset({Caveat.SIMULATED}))
    impact = fleet().impact(fleet().policy(accepted_caveats=[]), node)

    assert [each.reason for each in impact.nodes[0].decisive] == ["caveat-not-accepted"]


def test_more_witnesses_than_the_roster_has_keys() -> None:
    impact = fleet().impact(fleet().policy(witnesses=2), fleet().node(0))
    assert groups(impact) == {"node-0": Group.LOSES}


def test_the_age_of_evidence_is_that_of_its_own_day() -> None:
    here, node = fleet(), fleet().node(0)
    later = here.now + timedelta(days=2)
    impact = preview(here.policy(evidence_seconds=5), here.state, [node], AT, later)
    assert groups(impact) == {"node-0": Group.KEEPS}

    slow = replace(node, time=here.now + timedelta(seconds=30))
    impact = preview(here.policy(evidence_seconds=5), here.state, [slow], AT, later)
    assert groups(impact) == {"node-0": Group.LOSES}


def test_no_genuine_evidence_is_not_measurable_and_never_kept() -> None:
    forged = not_met("cpu: signature", "signature-invalid", "x", "y")
    nodes = [
        replace(fleet().node(0), findings=(forged,)),
        replace(fleet().node(1), shown=None),
    ]
    impact = fleet().impact(fleet().policy(), *nodes)

    assert set(groups(impact).values()) == {Group.UNMEASURED}
    assert [each.decisive[0].reason for each in impact.nodes] == [
        "signature-invalid",
        "evidence-missing",
    ]


def test_a_tpm_that_was_never_asked_for_is_not_measurable_rather_than_lost() -> None:
    rule = {
        "bank": "sha256",
        "pcrs": ["0"],
        "secure_boot": False,
        "applications": False,
        "authorities": False,
        "variables": [],
    }
    impact = fleet().impact(fleet().policy(tpm=rule), fleet().node(0), fleet().node(1, gpus=0))

    assert groups(impact) == {"node-0": Group.UNMEASURED, "node-1": Group.REFUSED}


def test_a_new_model_shows_which_nodes_could_have_its_key() -> None:
    here, model = fleet(), make_model()
    body = admission(digest_of_model(model), tag=model.tag.hex())
    draft = here.draft(Kind.MODEL, digest_of_model(model), body)  # type: ignore[arg-type]
    impact = here.impact(draft, here.node(0), here.node(1, measurement=bytes(48)))

    of_new = {each.node: each.group for each in impact.nodes if each.model != here.desk.digest}
    assert of_new == {"node-0": Group.NEWLY, "node-1": Group.REFUSED}
    assert [each.newly_served for each in impact.models] == [True, False]


def test_anchors_need_evidence_that_was_verified_again() -> None:
    here, node = fleet(), fleet().node(0)
    draft = here.draft(Kind.TRUST_ANCHORS, "trust-anchors", {"hardware": "pinned", "simulated": []})
    assert groups(here.impact(draft, node)) == {"node-0": Group.UNMEASURED}

    gone = replace(node, shown=None, findings=(not_met("cpu: root", "root-not-trusted", "", ""),))
    impact = here.impact(draft, node, again=[gone])
    assert groups(impact) == {"node-0": Group.LOSES}
    assert impact.nodes[0].decisive[0].reason == "root-not-trusted"
    assert groups(here.impact(draft, gone, again=[node])) == {"node-0": Group.NEWLY}
    assert groups(here.impact(draft, node, again=[node])) == {"node-0": Group.KEEPS}

    other = replace(node, evidence=digest_of(b"newer"))
    assert groups(here.impact(draft, node, again=[other])) == {"node-0": Group.UNMEASURED}


def test_a_kind_that_changes_nobodys_keys() -> None:
    roster = fleet().state.newest[(Kind.ROSTER, "roster")].statement
    with pytest.raises(MalformedError, match="no impact preview"):
        fleet().impact(Draft(roster, roster.digest, roster.digest))


def test_progress_is_told_and_may_end_it() -> None:
    told: list[tuple[int, int]] = []
    fleet().impact(fleet().policy(), fleet().node(0), progress=lambda *each: told.append(each))
    assert told == [(0, 1), (1, 1)]

    def enough(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fleet().impact(fleet().policy(), fleet().node(0), progress=enough)


def test_it_says_what_judging_every_node_by_itself_says() -> None:
    """Nodes that showed the same are judged once: no node may get another's verdict."""
    here = fleet()
    nodes = varied(here.cpu, here.gpu, [here.desk.digest], 120, here.now)
    draft = here.policy(gpu={"count": 0}, platforms="any")
    after = with_draft(here.state, draft, here.now)
    impact = preview(draft, here.state, nodes, AT, here.now)
    found = {each.node: each for each in impact.nodes}

    assert len({each.group for each in impact.nodes}) == 3
    for node in nodes:
        before, later = (_failed(node, each, here) for each in (here.state, after))
        group = found[node.node].group
        assert (group in {Group.KEEPS, Group.LOSES}) == (not before)
        assert (group in {Group.KEEPS, Group.NEWLY}) == (not later)
        if later:
            assert sorted(each.check for each in found[node.node].decisive) == sorted(later)


def _failed(node: Observed, state: AuthorityState, here: Fleet) -> list[str]:
    chosen = choose(node.model, state, here.now)
    assert node.shown is not None
    assert chosen.rules is not None
    findings = [
        *chosen.findings,
        *appraise(chosen.rules, node.shown, here.now),
        *revocation_findings(node.node, node.shown, state),
        *caveat_findings(node.caveats, chosen.rules),
    ]
    return [each.check for each in failing(findings)]


def test_a_model_by_its_digest_alone() -> None:
    strange = replace(fleet().node(0), model=Digest("sha256:" + "9" * 64))
    (model,) = fleet().impact(fleet().policy(), strange).models
    assert (model.name, model.before, model.after) == (None, 0, 0)

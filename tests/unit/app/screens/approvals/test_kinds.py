"""What officers read of each kind: what is bound, what stops, what would be weaker than before."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.signatures import key_id_of
from keyturn.client.inventory import Node, NodeState
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Nodes
from keyturn_app.questions import Confirm, Weight
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.waiting import waiting_for_me
from support.agents import seal_for
from support.authority import policy_body, spki
from support.system import admission_body
from support.whole import Whole
from unit.app.screens.approvals.conftest import Seat, seat

MODEL = Digest("sha256:" + "ab" * 32)
PLATFORM = "amd-genoa-" + "0c" * 8


def serving(whole: Whole, name: str, *statements: Digest) -> Node:
    """A node that serves, with the grant on which that rests."""
    nothing: dict[str, object] = dict.fromkeys(Node.__dataclass_fields__)
    grant = GrantEntry(
        Purpose.RELEASE,
        digest_of(b"grant"),
        "lease",
        whole.system.clock(),
        b"",
        MODEL,
        name,
        PLATFORM,
        digest_of(b"tls"),
        b"",
        digest_of(b"evidence"),
        statements,
        (),
    )
    known = {"name": name, "state": NodeState.ATTESTED, "granted": (7, grant), "caveats": ()}
    return Node(**{**nothing, **known})  # type: ignore[arg-type]


def with_nodes(seated: Seat, *nodes: Node) -> None:
    facts = seated.desk.facts
    seated.desk.show(replace(facts, nodes=Nodes(nodes, seated.desk.now())))


def warnings(seated: Seat) -> list[str]:
    return [each.text for each in seated.detail.checks if each.outcome is Outcome.WARNING]


def not_met(seated: Seat) -> list[str]:
    return [each.text for each in seated.detail.checks if each.outcome is Outcome.NOT_MET]


@pytest.mark.parametrize(
    ("kind", "target", "typed"),
    [
        ("node", "node-1", "node-1"),
        ("platform", PLATFORM, "0c0c0c0c"),
        ("model", MODEL, "abababab"),
    ],
)
def test_who_approves_a_revocation_types_what_stops(
    whole: Whole, kind: str, target: str, typed: str
) -> None:
    body: dict[str, object] = {"target_kind": kind, "target": target}
    digest = whole.propose(Kind.REVOCATION, f"{kind}:{target}", body)
    bela = seat(whole, "bela")
    bela.open(digest)
    with_nodes(bela, serving(whole, "node-1"))
    stops = bela.detail.consequences[0]
    assert stops.text == "1 node serves under it now: it stops, and wipes its keys."
    assert stops.details == ("node-1",)
    bela.officer.confirms = None
    bela.page.approve()
    question = bela.officer.asked[-1]
    assert isinstance(question, Confirm)
    assert question.typed == typed
    assert "1 node stops serving." in question.details


def test_revoking_a_policy_stops_what_rests_on_it(whole: Whole) -> None:
    policy = whole.enact(Kind.POLICY, "serving", policy_body()).digest
    body: dict[str, object] = {"target_kind": "policy", "target": "serving"}
    digest = whole.propose(Kind.REVOCATION, "policy:serving", body)
    bela = seat(whole, "bela")
    bela.open(digest)
    with_nodes(bela, serving(whole, "node-1", policy), serving(whole, "node-2"))
    assert bela.detail.consequences[0].details == ("node-1",)


def test_an_admission_says_what_it_binds_and_what_is_only_said(
    whole: Whole, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "weights.bin").write_bytes(b"w" * 100)
    sealed, model = seal_for(whole.system, plain, tmp_path / "sealed", "mini")
    parts = {
        "key": (sealed.directory / "keyturn.key").read_bytes(),
        "manifest": (sealed.directory / "keyturn.json").read_bytes(),
    }
    body = {**admission_body(model), "tag": "00" * 32}  # not the tag of this model's key
    digest = whole.propose(Kind.MODEL, str(body["model"]), body, **parts)
    bela, chen = seat(whole, "bela"), seat(whole, "chen")
    opened = bela.open(digest)
    assert opened.title == "mini 1"
    assert [name for name, _, _ in opened.bound] == [
        "Binds model",
        "Binds key tag",
        "Binds policy",
        "Only said",
    ]
    assert "not proved" in opened.bound[-1][1]
    assert any("no key is released" in each for each in not_met(bela))
    bela.page.approve()
    chen.open(digest)
    chen.page.approve()
    assert "NOT IN FORCE" in chen.detail.standing
    assert chen.detail.status.word == "Refused by the keyholder"
    assert chen.detail.refusal != ""
    assert chen.detail.receipt is None
    dora = seat(whole, "dora")
    assert waiting_for_me(dora.desk.facts, "dora", dora.desk.now()) == 0
    dora.open(digest)
    assert dora.decide.reject.possible


def test_a_roster_that_asks_for_less_is_pointed_at(whole: Whole) -> None:
    body = whole.system.authority.roster_body()
    thresholds = body["thresholds"]
    assert isinstance(thresholds, dict)
    officers = body["officers"]
    assert isinstance(officers, list)
    changed = {
        **body,
        "thresholds": {**thresholds, "roster": 2},
        "proposer_may_approve": ["revocation", "policy"],
        "officers": officers[:4],
        "simulation": False,
    }
    digest = whole.propose(Kind.ROSTER, "roster", changed)
    bela = seat(whole, "bela")
    bela.open(digest)
    found = warnings(bela)
    for text in (
        "Fewer must agree to roster",
        "Proposers may newly approve their own",
        "Officers who go",
        "A roster needs the threshold of the old roster and of the new one",
    ):
        assert text in found
    assert "Simulation is fixed by the first roster" in not_met(bela)
    assert "proposed roster must agree" in bela.detail.quorum.missing


def test_a_looser_separation_is_pointed_at(whole: Whole) -> None:
    separation: dict[str, object] = {"apart": [], "required": {}}
    body = {**whole.system.authority.roster_body(), "separation": separation}
    digest = whole.propose(Kind.ROSTER, "roster", body)
    bela = seat(whole, "bela")
    bela.open(digest)
    found = next(each for each in bela.detail.checks if each.text.startswith("One officer may"))
    assert (found.outcome, found.found) == (Outcome.WARNING, "approver + auditor")


def test_fewer_who_must_hold_a_role_is_pointed_at(whole: Whole) -> None:
    body = whole.system.authority.roster_body()
    apart = [["approver", "auditor"]]
    asked = {**body, "separation": {"apart": apart, "required": {"approver": 3}}}
    whole.enact(Kind.ROSTER, "roster", asked)
    less = {**body, "separation": {"apart": apart, "required": {"approver": 2}}}
    digest = whole.propose(Kind.ROSTER, "roster", less)
    bela = seat(whole, "bela")
    bela.open(digest)
    assert "Fewer officers must hold the role approver" in warnings(bela)


def test_what_a_removal_for_compromise_suspends_is_said_before_a_signature(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())  # approved by Bela and Chen
    authority = whole.system.authority
    lost = [key_id_of(spki(key)) for key in authority.people["bela"].keys]
    body = authority.roster_body(compromised=lost)
    officers = body["officers"]
    assert isinstance(officers, list)
    body["officers"] = [each for each in officers if each["id"] != "bela"]
    digest = whole.propose(Kind.ROSTER, "roster", body)
    chen = seat(whole, "chen")
    chen.open(digest)
    shown = chen.detail.consequences[0]
    assert shown.weight == "danger"
    assert "2 statements would be suspended" in shown.text
    assert shown.details == ("Keys keys, version 1", "Policy serving, version 1")
    chen.page.approve()
    question = chen.officer.asked[-1]
    assert isinstance(question, Confirm)
    assert question.weight is Weight.DANGER
    assert question.details[-2:] == shown.details


def test_a_wide_or_weaker_policy_is_pointed_at(whole: Whole) -> None:
    body = policy_body()
    snp = body["snp"]
    assert isinstance(snp, dict)
    tcb = {"fmc": 0, "bootloader": 9, "tee": 0, "snp": 20, "microcode": 84}
    strict = {**snp, "min_tcb": {"Genoa": tcb}}
    whole.enact(Kind.POLICY, "serving", policy_body(snp=strict, accepted_caveats=["simulated"]))
    weaker = policy_body(
        snp={**snp, "debug": True}, gpu={"count": 0}, accepted_caveats=["simulated", "no-witness"]
    )
    bela = seat(whole, "bela")
    bela.open(whole.propose(Kind.POLICY, "serving", weaker))
    found = warnings(bela)
    for text in (
        "Debugging is allowed: the host can read the node's memory",
        "Any machine anywhere is accepted",
        "Any workload is accepted",
        "2 caveats accepted",
        "Older firmware of Genoa would pass",
        "Fewer GPUs are checked",
        "Accepts caveats that the version before did not",
    ):
        assert text in found
    assert "Baseline firmware is not in force: no node can pass" in not_met(bela)


def test_less_of_a_tpm_and_other_makers_of_tpms_are_said(whole: Whole) -> None:
    """Neither is to be overlooked in a long body (I3)."""
    rule = {
        "bank": "sha256",
        "pcrs": ["4", "7"],
        "secure_boot": True,
        "applications": False,
        "authorities": False,
        "variables": [],
    }
    whole.enact(Kind.POLICY, "serving", policy_body(tpm=rule))
    bela = seat(whole, "bela")
    weaker = policy_body(tpm={**rule, "pcrs": ["7"]})
    bela.open(whole.propose(Kind.POLICY, "serving", weaker))
    assert "Less of a TPM's boot would be checked" in warnings(bela)
    issuers = [{"name": "a maker", "spki_sha256": "ab" * 32}]
    body: dict[str, object] = {"hardware": "pinned", "simulated": [], "tpm": issuers}
    bela.open(whole.propose(Kind.TRUST_ANCHORS, "trust-anchors", body))
    assert "Issuers of TPMs that would be believed" in warnings(bela)


def test_roots_that_would_count_again_and_names_of_no_root_are_said(whole: Whole) -> None:
    """A narrowing taken back is as wide as it was; one's own key in the list is no root (I9)."""
    genoa = next(each.spki for each in HARDWARE_ANCHORS.anchors if each.product == "Genoa")
    narrow: dict[str, object] = {"hardware": [genoa], "simulated": []}
    whole.enact(Kind.TRUST_ANCHORS, "trust-anchors", narrow)
    bela = seat(whole, "bela")
    all_of_them: dict[str, object] = {"hardware": "pinned", "simulated": []}
    bela.open(whole.propose(Kind.TRUST_ANCHORS, "trust-anchors", all_of_them))
    assert "More of the vendors' hardware roots would count" in warnings(bela)
    own: dict[str, object] = {"hardware": [genoa, "ee" * 32], "simulated": []}
    bela.open(whole.propose(Kind.TRUST_ANCHORS, "trust-anchors", own))
    found = warnings(bela)
    assert "No pinned root has this key: naming it adds nothing" in found
    assert "More of the vendors' hardware roots would count" not in found


def test_what_was_revoked_and_would_return_is_said(whole: Whole) -> None:
    platforms: dict[str, object] = {
        "platforms": [{"id": PLATFORM, "site": "here", "note": ""}],
    }
    whole.enact(Kind.PLATFORMS, "hall", platforms)
    whole.enact(
        Kind.REVOCATION, f"platform:{PLATFORM}", {"target_kind": "platform", "target": PLATFORM}
    )
    whole.system.clock.advance(minutes=1)
    bela = seat(whole, "bela")
    bela.open(whole.propose(Kind.PLATFORMS, "hall", platforms))
    returns, relied = bela.detail.consequences
    assert returns.text == "1 thing that was revoked would count again."
    assert returns.details == (PLATFORM,)
    assert relied.text.startswith("No policy in force names it yet")

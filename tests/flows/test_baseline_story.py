"""From a golden node's evidence to a policy, its preview, its victims, and the repair: by clients.

`tests/app/test_baseline_story.py` tells the same by clicks. The server never says what would
happen: each officer computes it from evidence verified here, and signs what they were shown (I1).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.baselines import Term, captured_from
from keyturn.client.explaining import Explained
from keyturn.client.previews import PreviewShelf, check_impact, impact_of
from keyturn.client.proposals import Proposal, Status
from keyturn.policy.baseline_document import document_of
from keyturn.policy.capturing import Choices
from keyturn.policy.drafts import draft_of
from keyturn.policy.impact import Group, Impact
from keyturn.policy.impact_document import PreviewDisagrees, preview_bytes, preview_digest
from keyturn.policy.repairing import ProposeBaseline
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from support.golden_story import GOLDEN, NEW, OLD, SERVING, Cast, make_cast
from support.nodes import NodeSecrets
from support.system import System
from support.whole import running_whole

APPROVERS = ("bela", "chen")


@pytest.fixture
def cast(system: System, node_secrets: NodeSecrets, tmp_path: Path) -> Iterator[Cast]:
    with running_whole(system, tmp_path) as whole:
        system.trust_simulated_roots()
        yield make_cast(whole, node_secrets, tmp_path)


def impact(cast: Cast, officer: str, proposal: Proposal) -> Impact:
    desk = cast.whole.desks[officer]
    now = cast.whole.system.clock()
    return impact_of(draft_of(proposal.statement), desk.seen(), desk.fleet_evidence, now)


def groups(found: Impact) -> dict[Group, set[str]]:
    return {each: {node.node for node in found.of(each)} for each in Group if found.of(each)}


def approved(cast: Cast, proposal: Proposal) -> Proposal:
    """By two, each of whom has looked for themselves, and signs what they saw."""
    found, shown = proposal, {}
    for name in APPROVERS:
        desk = cast.whole.desks[name]
        shown[name] = preview_digest(impact(cast, name, proposal))
        found = desk.decide(proposal.digest, Decision.APPROVE, "", preview=shown[name])
    assert signed_previews(found) == shown
    return found


def signed_previews(proposal: Proposal) -> dict[str, Digest | None]:
    return {each.officer: each.preview for each in proposal.approvals}


def from_golden(cast: Cast) -> Proposal:
    """The baseline `golden`, of what the golden node showed when it was refused."""
    ada = cast.whole.desks["ada"]
    values = captured_from(ada, GOLDEN, Choices(), Term(cast.whole.system.clock()))
    return ada.propose_change(
        Kind.REFERENCE_VALUES, "golden", document_of(values), reason="firmware of the golden node"
    )


def its_policy(cast: Cast) -> Proposal:
    ada = cast.whole.desks["ada"]
    return ada.propose_change(
        Kind.POLICY, "serving", policy_body(baselines=["golden"]), reason="the new firmware alone"
    )


def explained(cast: Cast, name: str) -> Explained:
    return cast.whole.desks["ada"].explain(name)


def test_from_a_golden_node_to_the_repair(cast: Cast) -> None:
    baseline = from_golden(cast)
    assert groups(impact(cast, "bela", baseline)) == {
        Group.KEEPS: set(SERVING),  # no policy names it yet
        Group.REFUSED: {GOLDEN},
    }
    assert approved(cast, baseline).status is Status.IN_FORCE

    policy = its_policy(cast)
    shown = impact(cast, "bela", policy)
    assert groups(shown) == {Group.NEWLY: {GOLDEN}, Group.LOSES: set(SERVING)}
    assert approved(cast, policy).status is Status.IN_FORCE

    assert all(cast.refused(each) == {"measurement-mismatch"} for each in SERVING)
    assert cast.serves(GOLDEN)

    why = explained(cast, SERVING[0]).explanation
    (fault,) = why.faults
    assert fault.finding.found == OLD.hex()
    assert NEW.hex() in (fault.finding.expected or "")
    assert fault.source is not None
    assert {each.officer for each in fault.source.approvers} == set(APPROVERS)
    assert (fault.shared_by, fault.passed_by) == ((SERVING[1],), (GOLDEN,))

    (repair,) = [each for each in why.repairs if isinstance(each.action, ProposeBaseline)]
    draft = repair.draft
    assert draft is not None
    mended = cast.whole.desks["ada"].propose_change(
        draft.kind, draft.subject, draft.body, reason="the older firmware is good as well"
    )
    assert groups(impact(cast, "chen", mended)) == {
        Group.NEWLY: set(SERVING),
        Group.KEEPS: {GOLDEN},
    }
    assert approved(cast, mended).status is Status.IN_FORCE
    assert all(cast.serves(each) for each in (*SERVING, GOLDEN))


def test_what_was_signed_is_told_from_what_is_shown_now(cast: Cast, tmp_path: Path) -> None:
    """The same computed twice is the same; a later look says what differs; one without is told."""
    baseline = from_golden(cast)
    bela, chen = cast.whole.desks["bela"], cast.whole.desks["chen"]
    shelf = PreviewShelf(tmp_path / "previews")
    raw = preview_bytes(impact(cast, "bela", baseline))
    assert preview_bytes(impact(cast, "chen", baseline)) == raw
    found = bela.decide(baseline.digest, Decision.APPROVE, "", preview=shelf.put(raw))
    assert disagreement(raw, baseline, cast) == {"log size", "log root"}  # the decision's own entry

    cast.ask(SERVING[0])
    assert "node node-1 shows other evidence" in disagreement(raw, baseline, cast)

    found = chen.decide(baseline.digest, Decision.APPROVE, "unseen")
    assert signed_previews(found) == {"bela": shelf.put(raw), "chen": None}


def disagreement(raw: bytes, proposal: Proposal, cast: Cast) -> set[str]:
    desk, draft = cast.whole.desks["chen"], draft_of(proposal.statement)
    with pytest.raises(PreviewDisagrees) as unlike:
        check_impact(raw, draft, desk.seen(), desk.fleet_evidence, cast.whole.system.clock())
    said = (unlike.value.found or "").split("; ")
    return {" ".join(each.split()[:2]) if each.startswith("log") else each for each in said}

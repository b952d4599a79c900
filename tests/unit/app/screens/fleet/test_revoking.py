"""What may be revoked, what it will do, and what stands already."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_app.facts import Facts
from keyturn_app.screens.fleet.revoking import (
    Offer,
    offers,
    open_proposal,
    question,
    standing_revocation,
)
from support import fleets
from unit.app.screens.fleet.world import NAMES, World


@pytest.fixture
def world() -> World:
    return World()


def offered(world: World, **changed: bool) -> dict[TargetKind, Offer]:
    identity = replace(world.desk.identity, locked=changed.get("locked", False))
    lost = "server out of reach" if changed.get("lost") else ""
    found = offers(world.node(), world.desk.facts, identity, unknown_for=lost)
    return {each.kind: each for each in found}


def test_a_proposer_may_revoke_the_node_and_its_platform(world: World) -> None:
    found = offered(world)
    assert not found[TargetKind.NODE].why_not
    assert found[TargetKind.NODE].subject == f"node:{NAMES[0]}"
    assert found[TargetKind.PLATFORM].body == {
        "target_kind": "platform",
        "target": world.node().platform,
    }


def test_what_may_not_be_revoked_says_why(world: World) -> None:
    assert "locked" in offered(world, locked=True)[TargetKind.NODE].why_not
    assert "out of reach" in offered(world, lost=True)[TargetKind.NODE].why_not
    identity = replace(world.desk.identity, officer="nobody")
    found = offers(world.node(), world.desk.facts, identity, unknown_for="")
    assert "role proposer" in found[0].why_not
    bare = replace(world.node(), granted=None, platform=None)
    found = offers(bare, world.desk.facts, world.desk.identity, unknown_for="")
    assert "Nothing has proved" in found[1].why_not
    found = offers(world.node(), Facts(), world.desk.identity, unknown_for="")
    assert "nothing is known yet" in found[0].why_not


def test_what_is_revoked_already_is_not_revoked_again(world: World) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": NAMES[0]}
    world.server.enact(Kind.REVOCATION, f"node:{NAMES[0]}", body)
    world.desk.facts = fleets.facts_of(world.server, world.fleet)
    assert "revoked already" in offered(world)[TargetKind.NODE].why_not
    seen = world.desk.facts.seen
    assert seen is not None
    found = standing_revocation(world.node(), seen.state)
    assert found is not None
    assert found[0] == "The node"
    assert found[1].index in range(len(seen.leaves))
    assert standing_revocation(world.node(NAMES[1]), seen.state) is None
    assert standing_revocation(world.node(), None) is None


def test_an_open_proposal_of_the_same_is_found(world: World) -> None:
    offer = offered(world)[TargetKind.NODE]
    assert open_proposal(offer, world.desk.facts) is None
    made = world.server.client().propose_change(
        Kind.REVOCATION,
        offer.subject,
        offer.body,
        reason="stolen",
        life=None,
        lapses=timedelta(hours=72),
    )
    world.desk.facts = fleets.facts_of(world.server, world.fleet)
    found = open_proposal(offer, world.desk.facts)
    assert found is not None
    assert found.digest == made.digest


def test_the_question_says_what_it_will_do(world: World) -> None:
    seen = world.desk.facts.seen
    assert seen is not None
    asked = question(offered(world)[TargetKind.NODE], world.node(), seen.roster, ())
    assert asked.title == f"Quarantine {NAMES[0]}?"
    assert asked.typed == NAMES[0]
    assert asked.comment_required
    assert "stops serving and wipes its weights and keys within one heartbeat and 2 s" in asked.text
    said = " ".join(asked.details)
    assert "It needs 1 approval; yours may be one. Until then nothing happens." in said
    assert "Nothing returns by itself" in said
    assert "it stops with its lease, at 2026-11-29" in said
    assert "Quarantine and revocation are one thing here" in said


def test_revoking_a_platform_names_the_others_on_it(world: World) -> None:
    seen = world.desk.facts.seen
    assert seen is not None
    roster = replace(seen.roster, proposer_may_approve=frozenset())
    offer = offered(world)[TargetKind.PLATFORM]
    asked = question(offer, world.node(), roster, NAMES[1:])
    assert f"3 other nodes are on it: {', '.join(NAMES[1:])}." in asked.text
    assert "yours does not count" in asked.details[0]
    assert any("new platforms statement" in each for each in asked.details)


def test_a_revoked_policy_stands_against_what_was_granted_under_it(world: World) -> None:
    """The page names the quorum's revocation, and does not say that the log knows of none."""
    state = world.desk.facts.seen.state if world.desk.facts.seen else None
    assert state is not None
    granted = world.node().granted
    assert granted is not None
    policy = next(e for e in state.by_digest.values() if e.statement.kind is Kind.POLICY)
    index, grant = granted
    under = (index, replace(grant, statements=(policy.statement.digest,)))
    subject = policy.statement.subject
    body: dict[str, object] = {"target_kind": "policy", "target": subject}
    world.server.enact(Kind.REVOCATION, f"policy:{subject}", body)
    found = standing_revocation(replace(world.node(), granted=under), world.server.state)
    assert found is not None
    assert found[0] == "Its policy"

"""From a client to facts: only what was asked for, and which rows differ."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from keyturn.client.inventory import NodeState, judged_at
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn_app.desk import Topic
from keyturn_app.facts import Facts, Nodes
from keyturn_app.live.gathering import GATHERED, LONGEST, changed_rows, cosigned_every, gather
from keyturn_app.screens.approvals.troubles import trouble
from support.authority import START, Clock
from support.cosigning import cosigning_desk
from support.fleets import a_node
from unit.client.scripted_server import Document, ScriptedServer

BODY: Document = {"target_kind": "node", "target": "n1"}


def node(name: str) -> dict[str, object]:
    return {"name": name, "state": "pending", "simulated": True}


def test_only_what_is_asked_for_is_new() -> None:
    server = ScriptedServer(Clock())
    client = server.client()
    everything = gather(client, Facts(), GATHERED, START)
    assert everything.seen is not None
    assert everything.seen.state.size == len(server.leaves)
    server.nodes.append(node("a"))
    later = gather(client, everything, [Topic.NODES], START)
    assert later.proposals is everything.proposals
    assert later.nodes is not None
    assert [each.name for each in later.nodes.all] == ["a"]
    assert later.nodes.changed == {"a"}


def test_rows_that_came_went_or_differ() -> None:
    server = ScriptedServer(Clock())
    server.nodes.extend([node("a"), node("b"), node("c")])
    before = Nodes(tuple(server.client().nodes()), START)
    assert changed_rows(None, before.all) is None
    assert changed_rows(before, before.all) == frozenset()
    a, b, _ = before.all
    fresh = (a, replace(b, simulated=not b.simulated), replace(a, name="d"))
    assert changed_rows(before, fresh) == {"b", "c", "d"}


def test_a_node_that_only_aged_has_not_changed() -> None:
    later = START + timedelta(seconds=40)
    old = a_node("a", NodeState.WIPED, heard=START, age_seconds=0)
    before = Nodes((old,), START)
    assert changed_rows(before, (judged_at(old, later),)) == frozenset()
    spoke = replace(old, heard=later, age_seconds=0)
    assert changed_rows(before, (spoke,)) == {"a"}


def test_time_alone_decays_a_state_and_nothing_else_does() -> None:
    old = a_node("a", NodeState.ATTESTED, heard=START, age_seconds=0)
    before = Nodes((old,), START)
    forgotten = judged_at(old, START + timedelta(seconds=5))
    assert forgotten.state is NodeState.UNKNOWN  # attested, and no grant in the log
    assert changed_rows(before, (forgotten,)) == frozenset()
    refused = replace(old, state=NodeState.REFUSED, age_seconds=5)
    assert changed_rows(before, (refused,)) == {"a"}


def test_an_open_proposal_that_is_listed_no_more_is_not_forgotten() -> None:
    server = ScriptedServer(Clock())
    made = server.authority.propose(Kind.REVOCATION, "node:n1", BODY)
    server.post(made)
    client = server.client("bela")
    facts = gather(client, Facts(), GATHERED, server.clock())
    assert facts.proposals is not None
    assert facts.proposals.gone == frozenset()
    del server.held[made.digest]
    facts = gather(client, facts, GATHERED, server.clock())
    assert facts.proposals is not None
    assert facts.proposals.gone == {made.digest}
    assert made.digest in [each.digest for each in facts.proposals.all]
    assert "no longer lists" in trouble(facts, "")[0]
    facts = gather(client, facts, GATHERED, server.clock())
    assert facts.proposals is not None
    assert facts.proposals.gone == {made.digest}
    server.clock.advance(days=4)  # it lapsed
    facts = gather(client, facts, GATHERED, server.clock())
    assert facts.proposals is not None
    assert facts.proposals.gone == frozenset()
    assert trouble(facts, "")[0] == ""


def test_an_app_cosigns_four_times_within_t_and_once_a_minute(tmp_path: Path) -> None:
    scene = cosigning_desk(tmp_path)
    assert cosigned_every(None) == LONGEST
    for t_seconds, wanted in ((1, 0.25), (40, 10), (300, 60), (86_400, 60)):
        scene.require(k=1, t_seconds=t_seconds)
        scene.refresh()
        assert cosigned_every(scene.desk.facts.witnesses).total_seconds() == wanted


def test_what_the_roles_do_not_include_is_a_state_and_the_rest_is_known() -> None:
    server = ScriptedServer(Clock())
    server.nodes.append(node("a"))
    client = server.client("emil")
    before = gather(client, Facts(), GATHERED, START)
    assert before.nodes is not None
    for name in ("dora", "emil"):  # nobody may be the only custodian
        server.authority.people[name].roles = ("custodian",)
    thresholds = {kind.value: min(n, 2) for kind, n in DEFAULT_THRESHOLDS.items()}
    body = server.authority.roster_body(thresholds=thresholds)
    server.enact(Kind.ROSTER, "roster", body)
    server.denied = {"/v1/nodes": "custodian"}

    facts = gather(client, before, GATHERED, START)

    assert facts.nodes is None
    assert facts.denied == {"nodes": "Your roles: custodian. Roles that may: operator."}
    assert facts.proposals is not None
    assert facts.models is not None
    assert facts.seen is not None

    server.denied = {}
    again = gather(client, facts, [Topic.NODES], START)
    assert again.denied == {}
    assert again.nodes is not None

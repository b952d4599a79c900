"""Nodes and models as the log proves them, whatever the server says."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.client.inventory import (
    Node,
    NodeState,
    Reason,
    judged_at,
    read_node,
    standing,
)
from keyturn.client.nodeindex import NodeIndex
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.state import AuthorityState
from support.authority import START
from unit.client.test_client import node_view
from unit.quorum.authority_log import AuthorityLog

DIGEST = digest_of(b"x")
PLATFORM = "amd-genoa-00"


def grant(node: str, minutes: int, *, caveats: tuple[str, ...] = ()) -> bytes:
    return grant_entry(
        START,
        GrantEntry(
            Purpose.RELEASE, DIGEST, "00" * 16, START + timedelta(minutes=minutes),
            bytes(CHALLENGE_SIZE), DIGEST, node, PLATFORM, DIGEST, bytes(32), DIGEST, (DIGEST,),
            caveats,
        ),
    )  # fmt: skip


def refusal(node: str) -> bytes:
    return refusal_entry(
        START,
        RefusalEntry(
            Purpose.RELEASE, bytes(CHALLENGE_SIZE), DIGEST, node, PLATFORM, DIGEST, ("stale",)
        ),
    )


def authority(*revoked: tuple[TargetKind, str], simulation: bool = False) -> AuthorityState:
    """A real authority's state, with revocations in force."""
    log = AuthorityLog(simulation=simulation)
    for kind, target in revoked:
        body: dict[str, object] = {"target_kind": kind.value, "target": target}
        log.submit(log.authority.approved(Kind.REVOCATION, f"{kind.value}:{target}", body))
    return log.state


REAL = authority()


def node(*leaves: bytes, of: AuthorityState = REAL, **changed: object) -> Node:
    view = Fields(node_view(**changed), "node")  # type: ignore[arg-type]
    return read_node(view, NodeIndex(leaves), of, START)


def test_a_live_lease_in_the_log_proves_attested() -> None:
    found = node(grant("n1", 5))
    assert found.state is NodeState.ATTESTED
    assert found.granted is not None
    assert found.granted[0] == 0


@pytest.mark.parametrize(
    "leaves", [(), (grant("n1", -1),), (grant("n2", 5),), (grant("n1", 5), grant("n1", -1))]
)
def test_without_one_it_is_unknown(leaves: tuple[bytes, ...]) -> None:
    assert node(*leaves).state is NodeState.UNKNOWN


def test_the_newest_entries_of_this_node_are_found() -> None:
    found = node(refusal("n1"), grant("n1", 5), refusal("n1"), refusal("n2"), state="refused")
    assert found.granted is not None
    assert found.refused is not None
    assert (found.granted[0], found.refused[0]) == (1, 2)
    assert found.refused[1].reasons == ("stale",)


def test_reasons_are_read_and_may_be_incomplete() -> None:
    found = node(state="refused", reasons=[{"check": "snp", "found": "a", "statement": None}])
    assert found.reasons == (Reason("snp", "", "a", "", None, ""),)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": 1},
        {"state": None},
        {"simulated": "no"},
        {"age_seconds": "1"},
        {"last_seen": "yesterday"},
    ],
)
def test_wrong_types_are_malformed(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        node(**changed)


@pytest.mark.parametrize(
    "simulated",
    [
        node(grant("n1", 5), simulated=True, caveats=[]),
        node(grant("n1", 5), simulated=False, caveats=["simulated"]),
        node(grant("n1", 5, caveats=("simulated",)), simulated=False, caveats=[]),
        node(grant("n1", 5), simulated=False, caveats=[], of=authority(simulation=True)),
    ],
)
def test_simulated_is_what_anybody_says_that_knows(simulated: Node) -> None:
    assert simulated.simulated


def test_real_is_what_nobody_contradicts() -> None:
    assert not node(grant("n1", 5), simulated=False, caveats=["no-witness"]).simulated


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (0, NodeState.ATTESTED),
        (10, NodeState.ATTESTED),
        (11, NodeState.STALE),
        (60, NodeState.STALE),
        (61, NodeState.UNKNOWN),
        (7200, NodeState.UNKNOWN),
        (None, NodeState.UNKNOWN),
    ],
)
def test_an_old_word_is_never_attested(age: int | None, state: NodeState) -> None:
    assert node(grant("n1", 720), age_seconds=age).state is state


def test_the_age_is_at_least_what_the_nodes_own_times_say() -> None:
    old = (START - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = node(grant("n1", 720), age_seconds=1, last_seen=old)
    assert (found.state, found.age_seconds) == (NodeState.UNKNOWN, 180)


@pytest.mark.parametrize(
    "target",
    [(TargetKind.NODE, "n1"), (TargetKind.PLATFORM, PLATFORM), (TargetKind.MODEL, DIGEST)],
    ids=str,
)
def test_a_revocation_in_the_log_quarantines(target: tuple[TargetKind, str]) -> None:
    revoked = authority(target)
    leaf = grant("n1", 5)
    assert node(leaf, of=revoked).state is NodeState.QUARANTINED
    assert node(leaf, refusal("n1"), of=revoked, state="refused").state is NodeState.QUARANTINED
    assert node(leaf, of=revoked, state="wiped").state is NodeState.WIPED
    assert node(leaf, of=authority((TargetKind.NODE, "n2"))).state is NodeState.ATTESTED


def test_a_refusal_after_the_grant_is_refused_whatever_the_server_says() -> None:
    assert node(grant("n1", 5), refusal("n1")).state is NodeState.REFUSED
    assert node(refusal("n1"), state="pending").state is NodeState.REFUSED
    assert node(refusal("n1"), grant("n1", 5)).state is NodeState.ATTESTED


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (0, NodeState.ATTESTED),
        (9, NodeState.ATTESTED),
        (10, NodeState.STALE),
        (59, NodeState.STALE),
        (60, NodeState.UNKNOWN),
    ],
)
def test_time_alone_turns_attested_stale_and_stale_unknown(
    seconds: float, state: NodeState
) -> None:
    before = node(grant("n1", 720), age_seconds=1)
    found = judged_at(before, at(seconds))
    assert (found.state, found.age_seconds) == (state, 1 + seconds)
    assert standing(before, at(seconds)) == (found.state, found.age_seconds)


def test_a_lease_that_ends_while_nobody_asks_is_unknown() -> None:
    before = node(grant("n1", 1), age_seconds=0)
    spoke = replace(before, heard=at(60))
    assert judged_at(spoke, at(59)).state is NodeState.ATTESTED
    assert judged_at(spoke, at(60)).state is NodeState.UNKNOWN


def test_parts_of_a_second_add_up() -> None:
    found = node(grant("n1", 720), age_seconds=0)
    for tenths in range(1, 111):
        found = judged_at(found, at(tenths / 10))
    assert (found.state, found.age_seconds) == (NodeState.STALE, 11)


def test_a_clock_that_goes_back_makes_nothing_better() -> None:
    stale = judged_at(node(grant("n1", 720), age_seconds=1), at(20))
    assert stale.state is NodeState.STALE
    assert judged_at(stale, START) is stale
    unknown = judged_at(stale, at(100))
    assert judged_at(unknown, at(20)) is unknown


@pytest.mark.parametrize("state", ["pending", "refused", "quarantined", "wiped", "unknown"])
def test_what_is_not_good_only_grows_older(state: str) -> None:
    found = judged_at(node(grant("n1", 720), state=state, age_seconds=1), at(1000))
    assert (found.state, found.age_seconds) == (NodeState(state), 1001)


def test_a_node_that_never_spoke_has_no_age() -> None:
    found = judged_at(node(state="pending", age_seconds=None), at(1000))
    assert (found.state, found.age_seconds) == (NodeState.PENDING, None)


def test_an_absurd_age_is_very_old() -> None:
    assert node(grant("n1", 720), age_seconds=10**30).state is NodeState.UNKNOWN

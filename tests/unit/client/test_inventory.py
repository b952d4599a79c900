"""Nodes and models as the log proves them, whatever the server says."""

from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.client.inventory import Node, NodeState, Reason, read_node
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from support.authority import START
from unit.client.test_client import node_view

DIGEST = digest_of(b"x")


def grant(node: str, minutes: int) -> bytes:
    return grant_entry(
        START,
        GrantEntry(
            Purpose.RELEASE, DIGEST, "00" * 16, START + timedelta(minutes=minutes),
            bytes(CHALLENGE_SIZE), DIGEST, node, "amd-genoa-00", DIGEST, bytes(32), DIGEST, (DIGEST,), (),
        ),
    )  # fmt: skip


def refusal(node: str) -> bytes:
    return refusal_entry(
        START,
        RefusalEntry(
            Purpose.RELEASE, bytes(CHALLENGE_SIZE), DIGEST, node, "amd-genoa-00", DIGEST, ("stale",)
        ),
    )


def node(*leaves: bytes, **changed: object) -> Node:
    return read_node(Fields(node_view(**changed), "node"), leaves, START)  # type: ignore[arg-type]


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
    "changed", [{"name": 1}, {"state": None}, {"simulated": "no"}, {"age_seconds": "1"}]
)
def test_wrong_types_are_malformed(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        node(**changed)

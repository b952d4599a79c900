"""Counting and standing of proposals, as our protocol §2.5 has it; lies are in test_client."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.signatures import key_id_of
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied
from keyturn.client.proposals import (
    Claimed,
    Status,
    count,
    read_signed,
    receipt_of,
    settled,
    version_after,
)
from keyturn.quorum.approvals import Decision, parse_approval
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.errors import MalformedNote
from support.authority import START, Authority, Clock, policy_body, spki
from support.logbook import Logbook
from unit.client.scripted_server import ScriptedServer

SERVER = ScriptedServer(Clock())
ROSTER = SERVER.state.roster
assert ROSTER is not None
MADE = SERVER.authority.propose(Kind.POLICY, "serving", policy_body())
REVOKE = {"target_kind": "node", "target": "n1"}
REVOCATION = SERVER.authority.propose(Kind.REVOCATION, "node:n1", REVOKE)


def counted(
    approve: Sequence[str], reject: Sequence[str], made=MADE
) -> tuple[list[str], list[str]]:  # type: ignore[no-untyped-def]
    assert ROSTER is not None
    raw = [SERVER.authority.approval(made.digest, name) for name in approve]
    raw += [
        SERVER.authority.approval(made.digest, name, decision=Decision.REJECT) for name in reject
    ]
    approved, rejected = count(
        parse_statement(made.raw), [parse_approval(each) for each in raw], ROSTER
    )
    return list(approved), list(rejected)


@pytest.mark.parametrize(
    ("approve", "reject", "expected"),
    [
        ([], [], ([], [])),
        (["bela", "chen"], [], (["bela", "chen"], [])),
        (["bela", "bela"], [], (["bela"], [])),  # officers, not envelopes
        (["ada", "bela"], [], (["bela"], [])),  # the proposer does not count
        (["bela", "chen"], ["bela"], (["chen"], ["bela"])),
    ],
)
def test_officers_are_counted(
    approve: list[str], reject: list[str], expected: tuple[list[str], list[str]]
) -> None:
    assert counted(approve, reject) == expected


def test_the_proposer_counts_where_the_roster_says_so() -> None:
    assert counted(["ada"], [], REVOCATION) == (["ada"], [])


def test_a_statement_not_signed_by_its_proposer_is_refused() -> None:
    assert ROSTER is not None
    keys = SERVER.authority.people["bela"].keys
    made = SERVER.authority.propose(Kind.POLICY, "serving", policy_body(), keys=keys)
    with pytest.raises(ServerLied, match="not signed by its proposer"):
        read_signed(made.raw, [], SERVER.fingerprint, [ROSTER])


def test_a_proposal_of_another_authority_is_a_lie() -> None:
    """Of the same officers: whoever approved it here would have approved it there."""
    assert ROSTER is not None
    other = Authority(Clock(START - timedelta(days=1)))
    other.people = SERVER.authority.people
    other.entered(Kind.ROSTER, "roster", other.approved(Kind.ROSTER, "roster", other.roster_body()))
    made = other.propose(Kind.POLICY, "serving", policy_body())
    with pytest.raises(ServerLied, match="of another authority") as refused:
        read_signed(made.raw, [], SERVER.fingerprint, [ROSTER])
    assert refused.value.found == other.fingerprint
    assert refused.value.expected == SERVER.fingerprint


@pytest.mark.parametrize(
    ("claim", "status"),
    [("open", Status.OPEN), ("refused", Status.REFUSED)],
)
def test_what_the_log_does_not_know_stands_as_the_server_says(claim: str, status: Status) -> None:
    claimed = Claimed(parse_statement(MADE.raw), (), claim, None, None)
    assert settled(claimed, SERVER.state, SERVER.clock()).status is status


def test_a_rejection_that_the_server_hides_is_shown_and_counts() -> None:
    server = ScriptedServer(Clock())
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    approvals = [
        parse_approval(server.authority.approval(made.digest, n)) for n in ("bela", "chen")
    ]
    rejection = server.authority.approval(made.digest, "chen", decision=Decision.REJECT)
    index = server.record(made.raw, rejection)
    assert server.record(made.raw, approvals[0].raw) == index + 1

    claimed = Claimed(parse_statement(made.raw), tuple(approvals), "open", None, None)
    found = settled(claimed, server.state, server.clock())

    assert (found.approved_by, found.rejected_by, found.missing) == (("bela",), ("chen",), 1)
    assert [found.logged_at(each) for each in found.approvals] == [index + 1, None, index]
    assert found.approvals[2].raw == rejection

    made.approvals += [approvals[0].raw, server.authority.approval(made.digest, "dora")]
    server.enter(made)
    claimed = Claimed(parse_statement(made.raw), (), "open", None, None)
    later = settled(claimed, server.state, server.clock())
    assert (later.approved_by, later.rejected_by) == (("bela", "dora"), ("chen",))
    assert [later.logged_at(each) for each in later.approvals] == [index + 1, None, index]


def test_decisions_are_there_again_when_what_was_kept_is_read(tmp_path: Path) -> None:
    book = Logbook(tmp_path / "state")
    book.story()
    book.decide()
    book.decide("chen", Decision.APPROVE)
    book.report()
    book.configure()
    for _ in range(2):
        with book.client() as client:
            state = client.seen().state
        (logged,) = state.decisions.values()
        assert [each.approval.officer for each in logged] == ["bela", "chen"]
        assert state == book.server.state
        book.report(None)


def test_withdrawn_without_the_log_is_a_lie() -> None:
    claimed = Claimed(parse_statement(MADE.raw), (), "withdrawn", None, None)
    with pytest.raises(ServerLied, match="never ended"):
        settled(claimed, SERVER.state, SERVER.clock())


def test_the_log_knows_better_than_the_server_what_is_in_force() -> None:
    keys = SERVER.state.newest[(Kind.KEYS, "keys")]
    claimed = Claimed(keys.statement, (), "open", None, None)
    found = settled(claimed, SERVER.state, SERVER.clock())
    assert (found.status, found.index) == (Status.IN_FORCE, 2)
    assert found.approved_by == ("bela", "chen", "dora")


def test_in_force_against_the_log_is_a_lie() -> None:
    claimed = Claimed(parse_statement(MADE.raw), (), "in-force", None, None)
    with pytest.raises(ServerLied, match="never brought into force"):
        settled(claimed, SERVER.state, SERVER.clock())


def test_versions_continue_the_chain() -> None:
    keys = SERVER.state.newest[(Kind.KEYS, "keys")].statement
    assert version_after(SERVER.state, Kind.KEYS, "keys") == (2, keys.digest)
    assert version_after(SERVER.state, Kind.POLICY, "serving") == (1, None)


def test_a_receipt_inside_an_answer_is_read_strictly() -> None:
    true = SERVER.receipt(1)
    assert receipt_of(Fields(dict(true), "receipt")).index == 1  # type: ignore[arg-type]
    with pytest.raises(MalformedNote):
        receipt_of(Fields({**true, "index": -1}, "receipt"))  # type: ignore[dict-item]


def test_what_a_stolen_key_kept_alive_is_suspended() -> None:
    """Whatever the server calls it; without a log entry it would be a lie."""
    server = ScriptedServer(Clock())
    server.enact(Kind.POLICY, "serving", policy_body())
    policy = server.state.newest[(Kind.POLICY, "serving")].statement
    people = server.authority.people
    body = server.authority.roster_body(
        officers=[person.entry() for name, person in people.items() if name != "bela"],
        compromised=[key_id_of(spki(key)) for key in people["bela"].keys],
    )
    removal = server.authority.propose(Kind.ROSTER, "roster", body)
    for name in ("chen", "dora", "emil"):
        removal.approvals.append(server.authority.approval(removal.digest, name))
    server.enter(removal)

    for claim in ("in-force", "suspended", "superseded"):
        claimed = Claimed(policy, (), claim, None, None)
        assert settled(claimed, server.state, server.clock()).status is Status.SUSPENDED
    with pytest.raises(ServerLied, match="never brought into force"):
        settled(
            Claimed(parse_statement(REVOCATION.raw), (), "suspended", None, None),
            server.state,
            server.clock(),
        )

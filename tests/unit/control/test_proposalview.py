"""A proposal's status: by the log where it knows the digest, else by the clock and the inbox."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.base.signatures import key_id_of
from keyturn.control.projection import approval_row, proposal_row
from keyturn.control.proposalview import Status, error_body, status_of, view
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    Decision,
    parse_approval,
    withdrawal_payload,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.store.proposals import ApprovalRow, ProposalRow
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import Withdraw
from support.authority import Authority, Clock, Proposal, policy_body, sign, spki
from support.control import LocalKeyholder

RECEIPT = {"a": "receipt"}
SAID_NO = {"kind": "untrusted", "message": "no", "found": "", "expected": "", "hint": ""}


@pytest.fixture
def keyholder(tmp_path: Path) -> LocalKeyholder:
    clock = Clock()
    return LocalKeyholder(tmp_path / "unused.sock", Authority(clock), clock)


@pytest.fixture
def proposal(keyholder: LocalKeyholder) -> Proposal:
    return keyholder.authority.approved(Kind.POLICY, "serving", policy_body())


def row(proposal: Proposal, **changed: object) -> ProposalRow:
    return replace(proposal_row(parse_statement(proposal.raw)), **changed)  # type: ignore[arg-type]


def rows(*envelopes: bytes) -> list[ApprovalRow]:
    return [approval_row(parse_approval(each)) for each in envelopes]


def status(keyholder: LocalKeyholder, found: ProposalRow) -> Status:
    return status_of(found, keyholder.state, keyholder.clock())


def test_nobody_has_answered_yet(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    assert status(keyholder, row(proposal)) is Status.OPEN


def test_in_force_only_with_a_receipt(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    keyholder.enter(Kind.POLICY, "serving", proposal)
    assert status(keyholder, row(proposal)) is Status.OPEN
    assert status(keyholder, row(proposal, receipt=RECEIPT)) is Status.IN_FORCE


def test_a_newer_version_or_time_ends_its_force(
    keyholder: LocalKeyholder, proposal: Proposal
) -> None:
    keyholder.enter(Kind.POLICY, "serving", proposal)
    newer = keyholder.authority.approved(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    keyholder.enter(Kind.POLICY, "serving", newer)
    assert status(keyholder, row(proposal, receipt=RECEIPT)) is Status.SUPERSEDED
    assert status(keyholder, row(newer, receipt=RECEIPT)) is Status.IN_FORCE
    keyholder.clock.advance(days=91)
    assert status(keyholder, row(newer, receipt=RECEIPT)) is Status.SUPERSEDED


def test_a_removal_for_compromise_suspends(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    keyholder.enter(Kind.POLICY, "serving", proposal)
    authority = keyholder.authority
    body = authority.roster_body(
        officers=[each.entry() for name, each in authority.people.items() if name != "bela"],
        compromised=[key_id_of(spki(key)) for key in authority.people["bela"].keys],
    )
    removal = authority.propose(Kind.ROSTER, "roster", body)
    removal.approvals += [authority.approval(removal.digest, n) for n in ("chen", "dora", "emil")]
    keyholder.enter(Kind.ROSTER, "roster", removal)

    found = row(proposal, receipt=RECEIPT, index=2)
    assert status(keyholder, found) is Status.SUSPENDED
    seen = view(found, [], keyholder.state, keyholder.clock())
    assert (seen.status, seen.index, seen.receipt) == ("suspended", 2, RECEIPT)


def test_rows_alone_bring_nothing_into_force(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    """Whoever edits the database claims an index and a receipt (I3)."""
    claimed = row(proposal, index=1, receipt=RECEIPT)
    assert status(keyholder, claimed) is Status.OPEN
    seen = view(claimed, [], keyholder.state, keyholder.clock())
    assert (seen.status, seen.index, seen.receipt) == ("open", None, None)


def test_it_lapses_by_the_clock(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    found = row(proposal)
    keyholder.clock.now = found.proposal_lapses
    assert status(keyholder, found) is Status.OPEN
    keyholder.clock.now = found.proposal_lapses + timedelta(seconds=1)
    assert status(keyholder, found) is Status.LAPSED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("untrusted", Status.REFUSED),
        ("malformed", Status.REFUSED),
        ("refused", Status.REFUSED),
        ("unreachable", Status.OPEN),
    ],
)
def test_a_keyholder_that_said_no_and_one_that_said_nothing(
    keyholder: LocalKeyholder, proposal: Proposal, kind: str, expected: Status
) -> None:
    assert status(keyholder, row(proposal, refusal={**SAID_NO, "kind": kind})) is expected


def test_a_view_carries_the_exact_envelopes(keyholder: LocalKeyholder, proposal: Proposal) -> None:
    seen = view(row(proposal), rows(*proposal.approvals), keyholder.state, keyholder.clock())
    assert seen.statement == b64(proposal.raw)
    assert seen.approvals == [b64(each) for each in proposal.approvals]
    assert (seen.approved_by, seen.rejected_by, seen.needed) == (["bela", "chen"], [], 2)


def test_officers_are_counted_once_rejections_win_and_the_proposer_does_not_count(
    keyholder: LocalKeyholder, proposal: Proposal
) -> None:
    authority = keyholder.authority
    own = authority.approval(proposal.digest, "ada")
    no = authority.approval(proposal.digest, "chen", decision=Decision.REJECT)
    keyholder.clock.advance(seconds=1)
    twice = authority.approval(proposal.digest, "bela")
    envelopes = (*proposal.approvals, own, no, twice)
    seen = view(row(proposal), rows(*envelopes), keyholder.state, keyholder.clock())
    assert (seen.approved_by, seen.rejected_by) == (["bela"], ["chen"])


def test_of_a_revocation_the_proposers_word_counts(keyholder: LocalKeyholder) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": "n"}
    revocation = keyholder.authority.approved(Kind.REVOCATION, "node:n", body)
    seen = view(row(revocation), rows(*revocation.approvals), keyholder.state, keyholder.clock())
    assert (seen.approved_by, seen.needed) == (["ada"], 1)


def test_a_refusal_is_shown_until_the_log_has_it(
    keyholder: LocalKeyholder, proposal: Proposal
) -> None:
    refused = row(proposal, refusal=SAID_NO)
    seen = view(refused, [], keyholder.state, keyholder.clock())
    assert seen.refusal is not None
    assert seen.refusal.message == "no"
    keyholder.enter(Kind.POLICY, "serving", proposal)
    logged = view(replace(refused, receipt=RECEIPT), [], keyholder.state, keyholder.clock())
    assert (logged.status, logged.refusal, logged.receipt) == ("in-force", None, RECEIPT)


def test_a_withdrawal_counts_by_the_log_and_not_by_the_row(
    keyholder: LocalKeyholder, proposal: Proposal
) -> None:
    assert status(keyholder, row(proposal, withdrawn=True)) is Status.OPEN
    payload = withdrawal_payload(
        proposal.digest, officer="ada", time=keyholder.clock(), reason="not any more"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, keyholder.authority.people["ada"].keys[0])
    keyholder.answer(Withdraw(proposal.raw, envelope))
    assert status(keyholder, row(proposal)) is Status.WITHDRAWN


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnreachableError("x", hint="h"), "unreachable"),
        (PeerRefused("untrusted", "x", hint="h"), "untrusted"),
        (KeyturnError("x", hint="h"), "refused"),
    ],
)
def test_an_error_as_it_travels(error: KeyturnError, kind: str) -> None:
    assert error_body(error).model_dump() == {
        "kind": kind,
        "message": "x",
        "found": "",
        "expected": "",
        "hint": "h",
    }

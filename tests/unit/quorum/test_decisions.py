"""Decisions recorded before any quorum, and what a recorded rejection does (our protocol §2.10)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload, parse_approval
from keyturn.quorum.decisions import LoggedDecision, earlier, rejecters
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import replay
from keyturn.quorum.statements import parse_statement
from support.authority import Proposal, make_people, sign
from unit.quorum.authority_log import AuthorityLog, platforms

LIST = platforms("amd-genoa-00")
STRANGER = make_people(["stranger"])["stranger"]


@pytest.fixture
def log() -> AuthorityLog:
    return AuthorityLog()


def said(
    log: AuthorityLog,
    made: Proposal,
    name: str,
    decision: Decision = Decision.REJECT,
    *,
    seconds: int = 0,
    comment: str = "",
) -> bytes:
    payload = approval_payload(
        made.digest,
        decision,
        officer=name,
        time=log.clock() + timedelta(seconds=seconds),
        comment=comment,
    )
    people = {**log.authority.people, "stranger": STRANGER}
    return sign(APPROVAL_TYPE, payload, *people[name].keys[:1])


def listed(log: AuthorityLog, *approvers: str, **options: object) -> Proposal:
    return log.proposed(Kind.PLATFORMS, "eu", LIST, *approvers, **options)


def why(log: AuthorityLog, made: Proposal, approval: bytes) -> SubmissionReason | None:
    try:
        log.state.check_decision(parse_approval(approval), parse_statement(made.raw), log.clock())
    except SubmissionRefused as refused:
        return refused.reason
    return None


def test_who_rejected_in_the_log_counts_no_more_whoever_leaves_the_rejection_out(
    log: AuthorityLog,
) -> None:
    """The attack: an officer approves, thinks better of it and rejects; whoever submits is the
    control plane, and hands in the approvals alone."""
    made = listed(log, "bela", "chen")
    rejection = said(log, made, "chen")
    assert log.refusal(made) is None  # the rejection is left out, and nobody is the wiser

    log.record(made, rejection)
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS
    with pytest.raises(SubmissionRefused, match="rejections in the log: chen"):
        log.judged(made)
    with pytest.raises(LogInconsistent, match="too few approvals"):
        log.submit(made)

    made.approvals.append(log.authority.approval(made.digest, "dora"))
    assert log.submit(made).approved_by == {"bela", "dora"}
    assert log.state.by_digest[made.digest].rejected == {"chen"}
    assert replay(log.fingerprint, log.leaves, log.read) == log.state


def test_a_rejection_is_not_taken_back(log: AuthorityLog) -> None:
    made = listed(log, "bela", "chen")
    log.record(made, said(log, made, "chen"))
    log.clock.advance(minutes=1)
    log.record(made, said(log, made, "chen", Decision.APPROVE))
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS
    log.submit(listed(log, "bela", "chen"))  # a rejection is over one digest


def test_recorded_approvals_count_for_nothing_by_themselves(log: AuthorityLog) -> None:
    made = listed(log, "bela", "chen")
    for each in made.approvals:
        log.record(made, each)
    bare = replace(made, approvals=[])
    assert log.refusal(bare) is SubmissionReason.TOO_FEW_APPROVALS
    assert not log.state.in_force(Kind.PLATFORMS, "eu", log.clock())
    assert log.submit(made).approved_by == {"bela", "chen"}


def test_a_revocation_is_spared(log: AuthorityLog) -> None:
    """A witness holds it against the log until it is entered, and sees no rejections (§9.4)."""
    body: dict[str, object] = {"target_kind": "node", "target": "n1"}
    made = log.proposed(Kind.REVOCATION, "node:n1", body, "bela")
    log.record(made, said(log, made, "bela"))
    assert log.refusal(made) is None


def test_a_rejection_counts_when_keys_are_lost_later(log: AuthorityLog) -> None:
    """Counted again without Dora's key, Chen's approval would make up for it (§2.8)."""
    made = listed(log, "bela", "chen", "dora")
    log.record(made, said(log, made, "chen"))
    entered = log.submit(made)
    log.clock.advance(minutes=1)
    log.remove("dora", compromised=["dora"], approvers=("bela", "chen", "emil"))
    assert entered.statement.digest in log.state.suspended
    assert log.state.before(log.state.size).suspended == log.state.suspended


def test_the_same_decision_is_one_in_whatever_envelope(log: AuthorityLog) -> None:
    made = listed(log)
    raw = said(log, made, "bela")
    log.record(made, raw)
    spaced = json.dumps(json.loads(raw), indent=1).encode()
    assert why(log, made, spaced) is SubmissionReason.RECORDED
    with pytest.raises(LogInconsistent, match="in the log already"):
        log.record(made, spaced)
    found = log.state.recorded(parse_approval(spaced))
    assert found is not None
    assert found.index == 2
    assert log.state.recorded(parse_approval(said(log, made, "chen"))) is None


def test_what_came_before_an_entry(log: AuthorityLog) -> None:
    made, other = listed(log), log.proposed(Kind.PLATFORMS, "us", LIST)
    log.record(made, said(log, made, "bela"))
    log.record(made, said(log, made, "chen", Decision.APPROVE))
    log.record(other, said(log, other, "chen"))
    logged = log.state.decisions[made.digest]
    assert [each.index for each in logged] == [2, 3]
    assert rejecters(logged) == {"bela"}
    assert earlier(log.state.decisions, 3) == {made.digest: logged[:1]}
    assert log.state.before(3).decisions == {made.digest: logged[:1]}
    assert isinstance(logged[0], LoggedDecision)


def refused_stranger(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log)
    return made, said(log, made, "stranger")


def refused_other_name(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log)
    payload = approval_payload(made.digest, Decision.REJECT, officer="chen", time=log.clock())
    return made, sign(APPROVAL_TYPE, payload, *log.authority.people["bela"].keys)


def refused_other_statement(log: AuthorityLog) -> tuple[Proposal, bytes]:
    return listed(log), said(log, log.proposed(Kind.PLATFORMS, "us", LIST), "bela")


def refused_late(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log)
    log.clock.advance(days=8)
    return made, said(log, made, "bela")


def refused_early(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log)
    return made, said(log, made, "bela", seconds=-121)


def refused_ahead(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log)
    return made, said(log, made, "bela", seconds=121)


def refused_in_force(log: AuthorityLog) -> tuple[Proposal, bytes]:
    made = listed(log, "bela", "chen")
    log.submit(made)
    return made, said(log, made, "dora")


def refused_unproposed(log: AuthorityLog) -> tuple[Proposal, bytes]:
    """Signed in Ada's name by Bela."""
    keys = log.authority.people["bela"].keys
    made = log.authority.propose(Kind.PLATFORMS, "eu", LIST, by="ada", keys=keys)
    return made, said(log, made, "bela")


def refused_expired_roster(log: AuthorityLog) -> tuple[Proposal, bytes]:
    log.clock.advance(days=91)
    made = listed(log)
    return made, said(log, made, "bela")


def refused_borrowed_name(log: AuthorityLog) -> tuple[Proposal, bytes]:
    """The proposed roster gives Bela's name to a stranger's key, who rejects in it."""
    entries = [person.entry() for person in log.authority.people.values()]
    theirs = next(each for each in entries if each["id"] == "bela")
    theirs["keys"] = STRANGER.entry()["keys"]
    body = log.authority.roster_body(officers=entries)
    made = log.proposed(Kind.ROSTER, "roster", body)
    payload = approval_payload(made.digest, Decision.REJECT, officer="bela", time=log.clock())
    return made, sign(APPROVAL_TYPE, payload, *STRANGER.keys)


REFUSED: list[tuple[Callable[[AuthorityLog], tuple[Proposal, bytes]], SubmissionReason]] = [
    (refused_stranger, SubmissionReason.UNKNOWN_SIGNER),
    (refused_other_name, SubmissionReason.WRONG_SIGNER),
    (refused_other_statement, SubmissionReason.OTHER_STATEMENT),
    (refused_late, SubmissionReason.LAPSED),
    (refused_early, SubmissionReason.OLDER_THAN_STATEMENT),
    (refused_ahead, SubmissionReason.FROM_THE_FUTURE),
    (refused_in_force, SubmissionReason.IN_FORCE_ALREADY),
    (refused_unproposed, SubmissionReason.WRONG_SIGNER),
    (refused_expired_roster, SubmissionReason.ROSTER_EXPIRED),
    (refused_borrowed_name, SubmissionReason.WRONG_SIGNER),
]


@pytest.mark.parametrize(("make", "reason"), REFUSED, ids=lambda each: getattr(each, "value", ""))
def test_a_decision_that_does_not_hold_is_no_entry(
    log: AuthorityLog,
    make: Callable[[AuthorityLog], tuple[Proposal, bytes]],
    reason: SubmissionReason,
) -> None:
    made, approval = make(log)
    before = log.state
    assert why(log, made, approval) is reason
    with pytest.raises(LogInconsistent):
        log.append(log.decision_leaf(made.raw, approval, statement=made.digest))
    assert log.state == before


@pytest.mark.parametrize(
    "changed",
    [
        {"statement": Digest("sha256:" + "22" * 32)},
        {"officer": "chen"},
        {"decision": Decision.APPROVE},
    ],
    ids=str,
)
def test_an_entry_names_the_decision_that_it_carries(
    log: AuthorityLog, changed: dict[str, object]
) -> None:
    made = listed(log)
    with pytest.raises(LogInconsistent, match="names another decision than it carries"):
        log.append(log.decision_leaf(made.raw, said(log, made, "bela"), **changed))


def test_officers_of_a_proposed_roster_decide_too(log: AuthorityLog) -> None:
    people = make_people(["nora"])
    log.authority.people.update(people)
    entries = [person.entry() for person in log.authority.people.values()]
    body = log.authority.roster_body(officers=entries)
    made = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora", "nora")
    log.record(made, said(log, made, "nora"))
    assert log.submit(made).approved_by == {"bela", "chen", "dora"}


def test_who_left_decides_no_more_and_what_he_rejected_stays_rejected(log: AuthorityLog) -> None:
    made = listed(log, "bela", "chen")
    log.record(made, said(log, made, "emil"))
    log.clock.advance(minutes=1)
    log.remove("emil", approvers=("bela", "chen", "dora"))
    late = said(log, made, "emil", Decision.APPROVE)
    assert why(log, made, late) is SubmissionReason.UNKNOWN_SIGNER
    assert log.submit(made).rejected == {"emil"}


def test_an_envelope_that_is_not_an_approval_is_no_decision(log: AuthorityLog) -> None:
    made = listed(log)
    leaf = json.loads(log.decision_leaf(made.raw, said(log, made, "bela")))
    swapped = {**leaf, "envelopes": leaf["envelopes"][::-1]}
    with pytest.raises(LogInconsistent):
        log.append(json.dumps(swapped).encode())
    junk = log.put(json.dumps({"payload": b64(b"x")}).encode())
    with pytest.raises(LogInconsistent):
        log.append(json.dumps({**leaf, "envelopes": [leaf["envelopes"][0], junk]}).encode())

"""Decisions that the keyholder enters before any quorum, and what a rejection then does (§2.10)."""

import json
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, load_object
from keyturn.keyholder.allowance import DECISIONS_PER_DAY
from keyturn.keyholder.errors import TooManyDecisions
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.entries import parse_entry, read_decision
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.wire import keyholder as asked
from keyturn.wire.keyholder import Logged, read_answer
from support.authority import Proposal, make_people, policy_body, sign
from support.hsmviews import HsmView
from support.system import ORIGIN, System


def policy(system: System, *approvers: str, subject: str = "serving") -> Proposal:
    made = system.authority.propose(Kind.POLICY, subject, policy_body())
    made.approvals += [system.authority.approval(made.digest, each) for each in approvers]
    return made


def reject(system: System, made: Proposal, by: str) -> bytes:
    return system.authority.approval(made.digest, by, decision=Decision.REJECT)


def record(system: System, made: Proposal, raw: bytes) -> int:
    return system.keyholder.decisions.record(made.raw, raw)


def refusal(system: System, made: Proposal) -> SubmissionReason | None:
    try:
        system.submit(made)
    except SubmissionRefused as refused:
        return refused.reason
    return None


def size(system: System) -> int:
    return system.keyholder.journal.log.size


def test_a_control_plane_cannot_bury_a_logged_rejection(system: System) -> None:
    """Chen approves, sees what it is, and rejects. The control plane hands in the approvals."""
    made = policy(system, "bela", "chen")
    record(system, made, reject(system, made, "chen"))

    assert refusal(system, made) is SubmissionReason.TOO_FEW_APPROVALS
    system.restart()
    assert refusal(system, made) is SubmissionReason.TOO_FEW_APPROVALS

    made.approvals.append(system.authority.approval(made.digest, "dora"))
    entered = system.submit(made)
    found = system.keyholder.journal.state.by_digest[made.digest]
    assert found.index == entered.index
    assert found.approved_by == {"bela", "dora"}


def test_without_the_entry_the_attack_works(system: System) -> None:
    """What is left: a rejection that never reaches the keyholder (docs/THREAT-MODEL.md)."""
    made = policy(system, "bela", "chen")
    reject(system, made, "chen")
    assert refusal(system, made) is None


def test_the_entry_names_both_envelopes_and_they_are_kept(system: System) -> None:
    made = policy(system)
    raw = reject(system, made, "bela")
    index = record(system, made, raw)
    log = system.keyholder.journal.log

    entry = read_decision(parse_entry(log.leaf(index)))
    assert (entry.statement, entry.officer, entry.decision) == (
        made.digest,
        "bela",
        Decision.REJECT,
    )
    assert [log.object(each) for each in entry.envelopes] == [made.raw, raw]


def test_the_token_remembers_a_decision(system: System) -> None:
    """Else a log cut back to before a rejection would be none the worse."""
    made = policy(system)
    index = record(system, made, reject(system, made, "bela"))
    assert isinstance(system.hsm, HsmView)
    mark = system.hsm.mark
    assert mark is not None
    log = system.keyholder.journal.log
    assert verify_checkpoint(mark, log.log_key, ORIGIN).checkpoint.size == index + 1


def test_the_same_decision_again_is_one_entry(system: System) -> None:
    made = policy(system)
    raw = reject(system, made, "bela")
    index = record(system, made, raw)
    before = size(system)
    spaced = json.dumps(json.loads(raw), indent=2).encode()
    assert digest_of(spaced) != digest_of(raw)
    assert record(system, made, raw) == record(system, made, spaced) == index
    assert size(system) == before
    system.restart()
    assert record(system, made, spaced) == index


def test_over_the_socket(system: System) -> None:
    made = policy(system)
    question = asked.Record(made.raw, reject(system, made, "bela"))
    answer = load_object(dump(system.keyholder.answer(question)), limit=1 << 20, what="an answer")
    logged = read_answer(question, answer)
    assert isinstance(logged, Logged)
    assert logged.receipt["index"] == logged.index == size(system) - 1


def test_what_is_no_decision_leaves_nothing_behind(system: System) -> None:
    made, other = policy(system), policy(system, subject="other")
    before = size(system)
    with pytest.raises(SubmissionRefused, match="over another statement"):
        record(system, other, reject(system, made, "bela"))
    with pytest.raises(MalformedError):
        record(system, made, b"{}")
    with pytest.raises(MalformedError):
        system.keyholder.decisions.record(b"{}", reject(system, made, "bela"))
    forged = approval_payload(made.digest, Decision.REJECT, officer="bela", time=system.clock())
    with pytest.raises(SubmissionRefused, match="signed by somebody else"):
        record(system, made, sign(APPROVAL_TYPE, forged, *system.authority.people["chen"].keys[:1]))
    assert size(system) == before


def test_an_officer_cannot_fill_the_log(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = system.keyholder.decisions
    monkeypatch.setattr(decisions._allowance, "_limit", 2)
    made = policy(system)
    first = reject(system, made, "bela")
    record(system, made, first)
    record(system, made, system.authority.approval(made.digest, "bela"))
    system.clock.advance(seconds=1)
    with pytest.raises(TooManyDecisions, match="bela has decided often enough"):
        record(system, made, reject(system, made, "bela"))
    record(system, made, first)  # known already
    record(system, made, reject(system, made, "chen"))
    system.clock.advance(days=1)
    record(system, made, reject(system, made, "bela"))
    assert DECISIONS_PER_DAY == 200


def invented(system: System, place: int) -> tuple[Proposal, bytes]:
    """A roster that Ada alone proposes, which names somebody new, and what this one says of it."""
    (person,) = make_people([f"nobody-{place}"]).values()
    officers = [each.entry() for each in system.authority.people.values()]
    body = system.authority.roster_body(officers=[*officers, person.entry()])
    made = system.authority.propose(
        Kind.ROSTER, "roster", body, version=2, replaces=system.fingerprint
    )
    raw = system.authority.approval(
        made.digest, person.id, decision=Decision.REJECT, keys=person.keys
    )
    return made, raw


def test_a_proposer_cannot_fill_the_log_with_officers_of_his_own_making(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each roster that is only proposed names another officer, with a day of its own."""
    monkeypatch.setattr(system.keyholder.decisions._allowance, "_limit", 2)
    for place in range(2):
        record(system, *invented(system, place))
    before = size(system)
    with pytest.raises(TooManyDecisions, match="newcomers of ada"):
        record(system, *invented(system, 2))
    assert size(system) == before
    made = policy(system)
    record(system, made, reject(system, made, "ada"))  # her own day is not theirs


class Shrinking(DiskIo):
    free = 1 << 40

    def free_bytes(self, directory: Path) -> int:
        return self.free


def test_decisions_leave_room_for_grants(system: System) -> None:
    disk, reserve = Shrinking(), 64 << 20
    system.keyholder.close()
    system.start(disk, reserve=reserve)
    made = policy(system, "bela", "chen")
    disk.free = 2 * reserve
    before = size(system)
    with pytest.raises(LogFull, match="no room for decisions"):
        record(system, made, reject(system, made, "bela"))
    assert size(system) == before
    assert refusal(system, made) is None

"""No fewer than M distinct officers in force ever bring a statement into force (I3).

Whatever the order, duplicates, replays, mixed digests, officers who left between proposing and
approving, and clocks that differ. What is counted on is kept by these tests themselves: who
signed what, with which key, and which keys the roster of that moment had.
"""

from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload, parse_approval
from keyturn.quorum.errors import LogInconsistent, SubmissionReason
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, TargetKind
from keyturn.quorum.state import AuthorityState, replay, would_suspend
from keyturn.quorum.statements import parse_statement
from support.authority import OFFICERS, Key, Person, Proposal, make_people, policy_body, sign
from unit.quorum.authority_log import AuthorityLog, measurements, platforms

LIST = platforms("amd-genoa-00")
STRANGER = make_people(["stranger"])["stranger"]
REST = ("chen", "dora", "emil")
REJECT = Decision.REJECT

# One statement, any pile of envelopes


@dataclass(frozen=True)
class Said:
    """One envelope: which key signs, in whose name, over what, saying what, when."""

    signer: str
    named: str
    own_digest: bool = True
    decision: Decision = Decision.APPROVE
    seconds: int = 0


@cache
def logs() -> dict[bool, tuple[AuthorityLog, dict[Kind, Proposal]]]:
    """Five officers; and the same after Emil left, between proposing and approving."""
    log = AuthorityLog()
    made = {
        Kind.PLATFORMS: log.proposed(Kind.PLATFORMS, "eu", LIST),
        Kind.POLICY: log.proposed(Kind.POLICY, "serving", policy_body()),
        Kind.KEYS: log.proposed(Kind.KEYS, "keys", log.keys.body()),
        Kind.REFERENCE_VALUES: log.proposed(
            Kind.REFERENCE_VALUES, "firmware", measurements(b"\x0f" * 48)
        ),
    }
    later = copy(log)
    later.leaves, later.objects = list(log.leaves), dict(log.objects)
    later.authority = log.authority.forked(log.clock)
    later.remove("emil", approvers=("bela", "chen", "dora"))
    return {False: (log, made), True: (later, made)}


def envelope(log: AuthorityLog, said: Said, digest: Digest) -> bytes:
    people = {**log.authority.people, "stranger": STRANGER}
    time = log.clock() + timedelta(seconds=said.seconds)
    over = digest if said.own_digest else Digest("sha256:" + "22" * 32)
    payload = approval_payload(over, said.decision, officer=said.named, time=time)
    return sign(APPROVAL_TYPE, payload, *people[said.signer].keys[:1])


def pile(log: AuthorityLog, made: Proposal, said: list[Said]) -> Proposal:
    return replace(made, approvals=[envelope(log, each, made.digest) for each in said])


SIGNERS = st.sampled_from([*OFFICERS, "stranger"])
SAID = st.one_of(
    SIGNERS.map(lambda name: Said(name, name)),
    st.builds(
        Said,
        SIGNERS,
        SIGNERS,
        st.booleans(),
        st.sampled_from(Decision),
        st.sampled_from([-200, -119, 0, 119, 200]),
    ),
)
KINDS = st.sampled_from([Kind.PLATFORMS, Kind.POLICY, Kind.KEYS, Kind.REFERENCE_VALUES])


def distinct(said: list[Said], gone: set[str]) -> set[str]:
    """Who may count at most: officers in force, not the proposer, by their own key."""
    return {
        each.signer
        for each in said
        if each.signer == each.named
        and each.own_digest
        and each.decision is Decision.APPROVE
        and each.signer not in {"ada", "stranger", *gone}
    }


@settings(max_examples=150, deadline=None)
@given(st.booleans(), KINDS, st.lists(SAID, max_size=8))
def test_no_pile_of_envelopes_counts_for_more_than_it_is(
    left: bool, kind: Kind, said: list[Said]
) -> None:
    log, made = logs()[left]
    refusal = log.refusal(pile(log, made[kind], said))
    if refusal is None:
        assert len(distinct(said, {"emil"} if left else set())) >= DEFAULT_THRESHOLDS[kind]


@settings(max_examples=100, deadline=None)
@given(st.booleans(), KINDS, st.lists(SAID, max_size=6), st.lists(SIGNERS, max_size=3))
def test_recorded_rejections_only_take_away(
    left: bool, kind: Kind, said: list[Said], rejecting: list[str]
) -> None:
    """Whoever submits leaves them out; recorded approvals make up for nobody."""
    log, made = logs()[left]
    log = copy(log)
    log.leaves, log.objects = list(log.leaves), dict(log.objects)
    gone = {"emil"} if left else set()
    for name in rejecting:
        with suppress(LogInconsistent):
            log.record(
                made[kind], envelope(log, Said(name, name, decision=REJECT), made[kind].digest)
            )
    for each in said:
        with suppress(LogInconsistent):
            log.record(made[kind], envelope(log, each, made[kind].digest))
    before = logs()[left][0].refusal(pile(log, made[kind], said))
    after = log.refusal(pile(log, made[kind], said))
    if after is None:
        assert before is None
        counting = distinct(said, gone) - set(rejecting)
        assert len(counting) >= DEFAULT_THRESHOLDS[kind]


@settings(max_examples=100, deadline=None)
@given(st.booleans(), KINDS, st.data())
def test_one_officer_fewer_never_does_and_one_more_does(
    left: bool, kind: Kind, data: st.DataObject
) -> None:
    """Duplicates at other times, in any order; the proposer and who left count for nobody."""
    log, made = logs()[left]
    there = [name for name in OFFICERS[1:] if not (left and name == "emil")]
    needed = DEFAULT_THRESHOLDS[kind]
    willing = data.draw(st.permutations(there))[:needed]
    times = st.integers(-119, 119)
    said = [
        Said(name, name, seconds=data.draw(times))
        for name in [*willing, *data.draw(st.lists(st.sampled_from(willing), max_size=5)), "ada"]
    ]
    said = data.draw(st.permutations(said))
    assert log.refusal(pile(log, made[kind], said)) is None

    fewer = [each for each in said if each.signer != willing[0]]
    assert log.refusal(pile(log, made[kind], fewer)) is SubmissionReason.TOO_FEW_APPROVALS
    if left:
        gone = [*fewer, Said("emil", "emil")]
        assert log.refusal(pile(log, made[kind], gone)) is SubmissionReason.UNKNOWN_SIGNER


# Any course of events


class Course(RuleBasedStateMachine):
    """Officers propose, approve, leave, lose keys; somebody hands in whatever there is, at any
    time and again. The log is what a keyholder would have written."""

    @initialize()
    def found(self) -> None:
        self.log = AuthorityLog()
        self.open: list[Proposal] = []
        self.gone: set[str] = set()
        self.entered: dict[Digest, set[str]] = {}
        self.rejected: dict[Digest, set[str]] = {}
        self.recorded: list[tuple[Proposal, bytes]] = []

    def approved_by(self, made: Proposal) -> set[str]:
        """Who is in the roster now, signed by a key that it has now, and is not the proposer."""
        roster = self.log.state.roster
        assert roster is not None
        approvals = [parse_approval(each) for each in made.approvals]
        proposer = parse_statement(made.raw).proposer
        return {
            each.officer
            for each in approvals
            if each.officer != proposer
            and each.officer not in self.rejected.get(made.digest, ())
            and each.decision is Decision.APPROVE
            and all(s.key_id in roster.keys for s in each.envelope.signatures)
        }

    @rule(
        by=st.sampled_from(OFFICERS),
        approvers=st.lists(st.sampled_from(OFFICERS), min_size=2, max_size=4, unique=True),
        leaver=st.one_of(st.none(), st.sampled_from(OFFICERS)),
        lost=st.booleans(),
    )
    def all_at_once(self, by: str, approvers: list[str], leaver: str | None, lost: bool) -> None:
        if leaver is None:
            self.propose(by, "eu")
        else:
            self.propose_removal(by, leaver, lost)
        self.approve(0, approvers, 0)
        self.hand_in(0)

    @rule(by=st.sampled_from(OFFICERS), subject=st.sampled_from(["eu", "us"]))
    def propose(self, by: str, subject: str) -> None:
        self.open.append(self.log.authority.propose(Kind.PLATFORMS, subject, LIST, by=by))

    @rule(
        by=st.sampled_from(OFFICERS),
        leaver=st.sampled_from(OFFICERS),
        lost=st.booleans(),
    )
    def propose_removal(self, by: str, leaver: str, lost: bool) -> None:
        gone = {*self.gone, leaver}
        assume(len(gone) <= 1)  # of five, else three approvers besides the proposer are not left
        body = self.log.removal(*gone, compromised=[leaver] if lost else [])
        self.open.append(self.log.authority.propose(Kind.ROSTER, "roster", body, by=by))

    @rule(
        place=st.integers(0, 3),
        by=st.lists(st.sampled_from(OFFICERS), min_size=1, max_size=5, unique=True),
        seconds=st.integers(-100, 100),
    )
    def approve(self, place: int, by: list[str], seconds: int) -> None:
        assume(self.open)
        made = self.open[-1 - place % len(self.open)]
        for name in by:
            payload = approval_payload(
                made.digest,
                Decision.APPROVE,
                officer=name,
                time=self.log.clock() + timedelta(seconds=seconds),
            )
            keys = self.log.authority.people[name].keys
            made.approvals.append(sign(APPROVAL_TYPE, payload, *keys))

    @rule(
        place=st.integers(0, 3),
        by=st.sampled_from([*OFFICERS, "stranger"]),
        decision=st.sampled_from(Decision),
        seconds=st.integers(-150, 150),
    )
    def record(self, place: int, by: str, decision: Decision, seconds: int) -> None:
        """A decision as it is given; an approval may be handed in besides, a rejection is not."""
        assume(self.open)
        made = self.open[-1 - place % len(self.open)]
        raw = envelope(self.log, Said(by, by, decision=decision, seconds=seconds), made.digest)
        try:
            self.log.record(made, raw)
        except LogInconsistent:
            return
        roster = self.log.state.roster
        assert roster is not None
        assert by in roster.officers
        assert made.digest not in self.entered
        self.recorded.append((made, raw))
        if decision is Decision.REJECT:
            self.rejected.setdefault(made.digest, set()).add(by)

    @rule(place=st.integers(0, 7), spaces=st.integers(0, 2))
    def record_again(self, place: int, spaces: int) -> None:
        """Also in another envelope: one decision has one entry."""
        assume(self.recorded)
        made, raw = self.recorded[place % len(self.recorded)]
        with pytest.raises(LogInconsistent):
            self.log.record(made, raw + b" " * spaces)

    @rule(hours=st.integers(1, 12))
    def wait(self, hours: int) -> None:
        self.log.clock.advance(hours=hours)

    @rule(place=st.integers(0, 3))
    def hand_in(self, place: int) -> None:
        assume(self.open)
        made = self.open[-1 - place % len(self.open)]
        statement = parse_statement(made.raw)
        by, roster = self.approved_by(made), self.log.state.roster
        before, foretold = self.log.state, would_suspend(self.log.state, statement)
        try:
            self.log.submit(made)
        except LogInconsistent:
            return
        assert roster is not None
        assert len(by) >= roster.thresholds[statement.kind]
        assert statement.digest not in self.entered
        fresh = self.log.state.suspended.keys() - before.suspended.keys()
        assert {each.statement.digest for each in foretold} == {
            each.statement.digest
            for each in before.newest.values()
            if each.statement.digest in fresh and each.statement.kind is not Kind.ROSTER
        }
        self.entered[statement.digest] = by
        if statement.kind is Kind.ROSTER and self.log.state.roster is not None:
            self.gone = set(OFFICERS) - set(self.log.state.roster.officers)

    @invariant()
    def the_log_says_so(self) -> None:
        if hasattr(self, "log"):
            assert replay(self.log.fingerprint, self.log.leaves, self.log.read) == self.log.state

    @invariant()
    def nothing_rests_on_who_rejected(self) -> None:
        for digest, by in self.entered.items() if hasattr(self, "log") else ():
            counted = self.log.state.by_digest[digest].approved_by
            assert counted <= by
            assert not counted & self.rejected.get(digest, set())

    @invariant()
    def nothing_rests_on_a_lost_key(self) -> None:
        for state, kind, subject in self._in_force():
            found = state.in_force(kind, subject, self.log.clock())
            if found is None:
                continue
            good = {
                each.officer
                for each in found.approvals
                if each.officer in found.approved_by
                and any(s.key_id not in state.compromised for s in each.envelope.signatures)
            }
            assert len(good) >= DEFAULT_THRESHOLDS[kind]

    def _in_force(self) -> Iterator[tuple[AuthorityState, Kind, str]]:
        if hasattr(self, "log"):
            for kind, subject in self.log.state.newest:
                if (kind, subject) != (Kind.ROSTER, "roster"):
                    yield self.log.state, kind, subject


Course.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much],
)
TestCourse = Course.TestCase


# One officer's attempts to go back


@pytest.fixture
def log() -> AuthorityLog:
    return AuthorityLog()


def test_revoking_the_newest_policy_brings_no_older_one_back(log: AuthorityLog) -> None:
    old = log.proposed(Kind.POLICY, "serving", policy_body(lease_seconds=600), "bela", "chen")
    log.submit(old)
    log.enact(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    log.clock.advance(seconds=1)
    log.revoke("policy", "serving")  # by Ada alone: that is allowed

    assert log.state.policy("serving", log.clock()) is None
    assert log.refusal(old) is SubmissionReason.WRONG_VERSION
    again = log.authority.propose(
        Kind.POLICY, "serving", policy_body(lease_seconds=600), version=3, replaces=old.digest
    )
    again.approvals += [log.authority.approval(again.digest, each) for each in ("bela", "chen")]
    assert log.refusal(again) is SubmissionReason.WRONG_PREDECESSOR


@pytest.mark.parametrize("target", ["officer", "key", "roster", "keys", "trust-anchors"])
def test_nobody_revokes_a_colleague(log: AuthorityLog, target: str) -> None:
    assert target not in {each.value for each in TargetKind}
    body: dict[str, object] = {"target_kind": target, "target": "bela"}
    made = log.proposed(Kind.REVOCATION, f"{target}:bela", body, "ada")
    with pytest.raises(MalformedError, match="'target_kind' is wrong"):
        log.refusal(made)


@pytest.mark.parametrize("which", ["roster", "revocation-as-two", "policy", "all"])
def test_nobody_lowers_a_threshold_alone(log: AuthorityLog, which: str) -> None:
    lower = {kind.value: n for kind, n in DEFAULT_THRESHOLDS.items()}
    lower = {name: min(n, 2) for name, n in lower.items()} if which == "all" else lower
    lower[which if which in lower else "roster"] = 2
    body = log.authority.roster_body(thresholds=lower)
    made = log.proposed(Kind.ROSTER, "roster", body, "ada", "ada")
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS
    made.approvals += [log.authority.approval(made.digest, each) for each in ("bela", "chen")]
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS
    too_early = log.proposed(Kind.KEYS, "keys", log.keys.body(), "bela", "chen")
    assert log.refusal(too_early) is SubmissionReason.TOO_FEW_APPROVALS


def test_nobody_lets_proposers_count_alone(log: AuthorityLog) -> None:
    body = log.authority.roster_body(proposer_may_approve=[kind.value for kind in Kind])
    made = log.proposed(Kind.ROSTER, "roster", body, "ada", "bela", "chen")
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS


def test_nobody_removes_colleagues_until_he_is_enough(log: AuthorityLog) -> None:
    """Nor names their keys compromised: that makes their approvals of it count less, not his."""
    friends = make_people(["x", "y", "z"])
    mine: list[Person] = [log.authority.people["ada"], *friends.values()]
    body = log.authority.roster_body(officers=[each.entry() for each in mine])
    log.authority.people.update(friends)
    made = log.proposed(Kind.ROSTER, "roster", body, "x", "y", "z", "ada")
    assert log.refusal(made) is SubmissionReason.TOO_FEW_APPROVALS

    lost = log.removal("bela", compromised=["bela"])
    assert (
        log.refusal(log.proposed(Kind.ROSTER, "roster", lost, "chen", "ada"))
        is SubmissionReason.TOO_FEW_APPROVALS
    )


@pytest.mark.parametrize("lost", [False, True])
def test_a_removed_key_does_nothing_whatever_time_it_writes(log: AuthorityLog, lost: bool) -> None:
    early = log.clock()
    log.clock.advance(hours=2)
    log.remove("bela", compromised=["bela"] if lost else [], approvers=REST)
    now = log.clock()
    key: list[Key] = log.authority.people["bela"].keys
    for moment in (early, now - timedelta(seconds=60), now + timedelta(seconds=60)):
        log.clock.now = moment
        approved = log.proposed(Kind.PLATFORMS, "eu", LIST, "bela", "chen", "dora")
        proposed = log.proposed(Kind.PLATFORMS, "eu", LIST, "chen", "dora", by="bela")
        borrowed = log.authority.propose(Kind.PLATFORMS, "eu", LIST, by="ada", keys=key)
        borrowed.approvals += [log.authority.approval(borrowed.digest, e) for e in REST]
        log.clock.now = now
        assert log.refusal(approved) is SubmissionReason.UNKNOWN_SIGNER
        assert log.refusal(proposed) is SubmissionReason.UNKNOWN_PROPOSER
        assert log.refusal(borrowed) is SubmissionReason.UNKNOWN_SIGNER

"""What is in force is what the log says, judged again leaf by leaf (our protocol §2.5, §6; I3)."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import UnreachableError
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    parse_approval,
    parse_withdrawal,
    withdrawal_payload,
)
from keyturn.quorum.bodies import Keys
from keyturn.quorum.entries import (
    CeremonyEntry,
    WithdrawalEntry,
    ceremony_entry,
    origin_entry,
    start_entry,
    withdrawal_entry,
)
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.state import AuthorityState, replay
from keyturn.quorum.statements import parse_statement
from support.authority import Proposal, policy_body, sign
from unit.quorum.authority_log import AuthorityLog, admission, measurements, platforms

MODEL = Digest("sha256:" + "11" * 32)
OTHER = Digest("sha256:" + "22" * 32)
LIST = platforms("amd-genoa-00")
FIRMWARE = b"\x0f" * 48


@pytest.fixture
def log() -> AuthorityLog:
    return AuthorityLog()


def listed(log: AuthorityLog, *approvers: str) -> Proposal:
    return log.proposed(Kind.PLATFORMS, "eu", LIST, *approvers)


def in_force(log: AuthorityLog, kind: Kind, subject: str) -> Digest | None:
    found = log.state.in_force(kind, subject, log.clock())
    return found.statement.digest if found else None


# Reading


def test_the_log_is_the_state(log: AuthorityLog) -> None:
    entered = log.submit(listed(log, "bela", "chen"))

    assert (entered.index, entered.since) == (2, log.clock())
    assert entered.approved_by == {"bela", "chen"}
    assert in_force(log, Kind.PLATFORMS, "eu") == entered.statement.digest
    assert log.state.size == 3
    assert replay(log.fingerprint, log.leaves, log.read) == log.state


def test_the_newest_version_is_in_force(log: AuthorityLog) -> None:
    old = log.submit(listed(log, "bela", "chen"))
    new = log.submit(listed(log, "bela", "chen"))

    assert in_force(log, Kind.PLATFORMS, "eu") == new.statement.digest
    assert log.state.by_digest[old.statement.digest] == old


def test_what_expired_is_not_in_force(log: AuthorityLog) -> None:
    log.submit(listed(log, "bela", "chen"))
    log.clock.advance(days=90, seconds=-1)
    assert in_force(log, Kind.PLATFORMS, "eu") is not None
    log.clock.advance(seconds=1)

    assert in_force(log, Kind.PLATFORMS, "eu") is None
    with pytest.raises(SubmissionRefused) as refused:
        log.state.require(Kind.PLATFORMS, "eu", log.clock())
    assert refused.value.reason is SubmissionReason.NOT_IN_FORCE
    assert refused.value.found == "expired 2027-02-21 08:00:00+00:00"


def test_what_never_was_is_not_in_force(log: AuthorityLog) -> None:
    with pytest.raises(SubmissionRefused, match="policy 'serving'") as refused:
        log.state.require(Kind.POLICY, "serving", log.clock())
    assert refused.value.found == "no such statement was ever in force"

    entered = log.enact(Kind.POLICY, "serving", policy_body())
    assert log.state.require(Kind.POLICY, "serving", log.clock()) == entered
    assert log.state.policy("serving", log.clock()) == entered.statement.body
    assert log.state.policy("other", log.clock()) is None


def test_the_keys_in_force(log: AuthorityLog) -> None:
    assert log.state.keys(log.clock()) is None
    assert log.state.newest_keys is None
    body = log.enact_keys().statement.body

    assert isinstance(body, Keys)
    assert log.state.keys(log.clock()) == body
    log.clock.advance(days=90)
    assert log.state.keys(log.clock()) is None
    assert log.state.newest_keys == body


def test_the_roster_in_force(log: AuthorityLog) -> None:
    empty = AuthorityState(log.fingerprint)
    assert empty.roster is None
    assert empty.roster_in_force(log.clock()) is None

    found = log.state.roster_in_force(log.clock())
    assert found is not None
    assert found.statement.body == log.state.roster
    log.clock.advance(days=90)
    assert log.state.roster_in_force(log.clock()) is None
    assert log.state.roster is not None


# Revocation


@pytest.mark.parametrize(
    ("target_kind", "target", "kind", "body"),
    [
        ("model", MODEL, Kind.MODEL, admission(MODEL)),
        ("policy", "serving", Kind.POLICY, policy_body()),
    ],
)
def test_a_revocation_leaves_nothing_in_force(
    log: AuthorityLog, target_kind: str, target: str, kind: Kind, body: dict[str, object]
) -> None:
    log.enact(kind, target, body)
    log.enact(kind, target, body)
    revocation = log.revoke(target_kind, target)

    assert in_force(log, kind, target) is None
    assert log.state.revocation_of(kind, target) == revocation
    with pytest.raises(SubmissionRefused) as refused:
        log.state.require(kind, target, log.clock())
    assert refused.value.found == f"revoked at log index {revocation.index}"

    anew = log.enact(kind, target, body)
    assert in_force(log, kind, target) == anew.statement.digest
    assert log.state.revocation_of(kind, target) is None


def test_a_revocation_touches_nothing_else(log: AuthorityLog) -> None:
    log.enact(Kind.POLICY, "serving", policy_body())
    log.enact(Kind.MODEL, OTHER, admission(OTHER))
    log.revoke("model", MODEL)
    log.revoke("policy", "other")

    assert in_force(log, Kind.POLICY, "serving") is not None
    assert in_force(log, Kind.MODEL, OTHER) is not None


def test_a_revocation_may_come_before_what_it_revokes(log: AuthorityLog) -> None:
    """Proposed before the revocation and entered after it: still nothing is in force."""
    held_back = log.proposed(Kind.MODEL, MODEL, admission(MODEL), "bela", "chen")
    log.clock.advance(hours=1)
    log.revoke("model", MODEL)
    log.submit(held_back)

    assert in_force(log, Kind.MODEL, MODEL) is None
    log.clock.advance(seconds=1)
    log.enact(Kind.MODEL, MODEL, admission(MODEL))
    assert in_force(log, Kind.MODEL, MODEL) is not None


def test_what_was_approved_before_a_revocation_does_not_end_it(log: AuthorityLog) -> None:
    """Whoever carries statements could hold a renewal back for the day of an emergency."""
    log.enact(Kind.MODEL, MODEL, admission(MODEL))
    renewal = log.proposed(Kind.MODEL, MODEL, admission(MODEL), "bela", "chen")
    log.clock.advance(seconds=1)
    log.revoke("model", MODEL)
    log.submit(renewal)

    assert in_force(log, Kind.MODEL, MODEL) is None


@pytest.mark.parametrize(
    ("target", "kind", "subject", "good", "other"),
    [
        (
            (TargetKind.MEASUREMENT, FIRMWARE.hex()),
            Kind.REFERENCE_VALUES,
            "firmware",
            measurements(bytes(48), FIRMWARE),
            measurements(bytes(48)),
        ),
        (
            (TargetKind.PLATFORM, "amd-genoa-00"),
            Kind.PLATFORMS,
            "eu",
            platforms("amd-genoa-00"),
            platforms("amd-genoa-01"),
        ),
    ],
)
def test_naming_a_target_anew_ends_its_revocation(
    log: AuthorityLog,
    target: tuple[TargetKind, str],
    kind: Kind,
    subject: str,
    good: dict[str, object],
    other: dict[str, object],
) -> None:
    revocation = log.revoke(target[0].value, target[1])
    assert log.state.revoked == {target: revocation}
    log.enact(kind, subject, other)
    assert log.state.revoked == {target: revocation}
    log.enact(kind, subject, good)
    assert log.state.revoked == {}

    again = log.revoke(target[0].value, target[1])
    assert again.statement.version == 2
    assert log.state.revoked == {target: again}


def test_approvals_given_before_a_revocation_do_not_end_it(log: AuthorityLog) -> None:
    """A proposer dates the statement ahead, within the skew, and holds the approvals back."""
    log.enact(Kind.MODEL, MODEL, admission(MODEL))
    early = log.clock()
    log.clock.advance(seconds=110)
    proposal = log.authority.propose(Kind.MODEL, MODEL, admission(MODEL))
    dated_ahead = log.clock()
    log.clock.now = early
    proposal.approvals += [log.authority.approval(proposal.digest, by) for by in ("bela", "chen")]
    log.clock.advance(seconds=60)
    revocation = log.revoke("model", MODEL)
    log.clock.now = dated_ahead
    log.submit(proposal)

    assert log.state.revocation_of(Kind.MODEL, MODEL) == revocation
    assert log.state.in_force(Kind.MODEL, MODEL, log.clock()) is None


def test_a_nodes_name_is_never_reinstated(log: AuthorityLog) -> None:
    log.revoke("node", "n1")
    log.enact(Kind.MODEL, MODEL, admission(MODEL))
    log.enact(Kind.POLICY, "n1", policy_body())
    log.enact(Kind.PLATFORMS, "n1", LIST)
    log.enact(Kind.REFERENCE_VALUES, "n1", measurements(FIRMWARE))

    assert (TargetKind.NODE, "n1") in log.state.revoked


# Withdrawal


def withdraw(log: AuthorityLog, proposal: Proposal, by: str = "ada") -> bytes:
    """The leaf of a withdrawal by this officer."""
    payload = withdrawal_payload(proposal.digest, officer=by, time=log.clock(), reason="a mistake")
    raw = sign(WITHDRAWAL_TYPE, payload, *log.authority.people[by].keys)
    entry = WithdrawalEntry(proposal.digest, (log.put(proposal.raw), log.put(raw)))
    return withdrawal_entry(log.clock(), entry)


def test_what_was_withdrawn_never_comes_into_force(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    assert log.refusal(proposal) is None
    log.append(withdraw(log, proposal))

    assert log.refusal(proposal) is SubmissionReason.WITHDRAWN
    with pytest.raises(LogInconsistent, match="withdrawn"):
        log.append(log.leaf(proposal))
    log.clock.advance(seconds=1)
    assert log.refusal(listed(log, "bela", "chen")) is None


def test_only_the_proposer_withdraws(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    with pytest.raises(LogInconsistent, match="signed by the proposer"):
        log.append(withdraw(log, proposal, by="bela"))
    assert log.refusal(proposal) is None


def test_a_statement_that_its_proposer_did_not_sign_cannot_be_withdrawn(log: AuthorityLog) -> None:
    """Else whoever withdraws could have anything kept under his own name."""
    keys = log.authority.people["bela"].keys
    proposal = log.authority.propose(Kind.PLATFORMS, "eu", LIST, by="ada", keys=keys)
    with pytest.raises(LogInconsistent, match="not signed by its proposer"):
        log.append(withdraw(log, proposal))


def test_what_is_in_force_cannot_be_withdrawn(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    log.submit(proposal)

    with pytest.raises(LogInconsistent, match="only an open proposal"):
        log.append(withdraw(log, proposal))
    assert in_force(log, Kind.PLATFORMS, "eu") == proposal.digest


def test_a_withdrawal_is_of_the_statement_beside_it(log: AuthorityLog) -> None:
    proposal, other = listed(log), log.proposed(Kind.PLATFORMS, "us", LIST)
    leaf = json.loads(withdraw(log, proposal))
    swapped = {**leaf, "envelopes": [digest_of(other.raw), leaf["envelopes"][1]]}
    log.put(other.raw)
    with pytest.raises(LogInconsistent, match="withdrawal of another statement"):
        log.append(json.dumps(swapped).encode())

    both = {**swapped, "statement": other.digest}
    with pytest.raises(LogInconsistent, match="only an open proposal"):
        log.append(json.dumps(both).encode())
    log.append(json.dumps(leaf).encode())


def test_nothing_is_withdrawn_without_a_roster(log: AuthorityLog) -> None:
    proposal = listed(log)
    leaf = json.loads(withdraw(log, proposal))
    withdrawal = parse_withdrawal(log.read(leaf["envelopes"][1]))

    with pytest.raises(SubmissionRefused, match="no roster") as refused:
        AuthorityState(log.fingerprint).check_withdrawal(withdrawal, parse_statement(proposal.raw))
    assert refused.value.reason is SubmissionReason.NO_ROSTER


# Leaves that no keyholder wrote


def test_a_log_begins_with_its_origin_and_has_one(log: AuthorityLog) -> None:
    origin = origin_entry(log.clock(), log.fingerprint)
    with pytest.raises(LogInconsistent, match="if it is not the first"):
        log.append(origin)
    with pytest.raises(LogInconsistent, match="the first entry must be an origin"):
        replay(log.fingerprint, log.leaves[1:], log.read)
    with pytest.raises(LogInconsistent, match="if it is not the first"):
        replay(log.fingerprint, [origin_entry(log.clock(), log.fingerprint, "a note")], log.read)
    assert replay(log.fingerprint, [origin], log.read).size == 1


def test_a_log_of_another_authority_is_refused(log: AuthorityLog) -> None:
    with pytest.raises(LogInconsistent, match="belongs to another authority") as refused:
        replay(OTHER, log.leaves, log.read)
    assert (refused.value.found, refused.value.expected) == (log.fingerprint, OTHER)


def test_time_does_not_run_backwards(log: AuthorityLog) -> None:
    log.append(start_entry(log.clock(), "ab" * 16, "test"))
    past = log.clock() - timedelta(seconds=1)

    with pytest.raises(LogInconsistent, match="entry 3: time runs backwards"):
        log.append(start_entry(past, "ab" * 16, "test"))
    log.append(start_entry(log.clock(), "ab" * 16, "test"))
    assert log.state.last_time == log.clock()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"statement": OTHER}, "names another statement"),
        ({"kind": Kind.POLICY}, "names another statement"),
        ({"subject": "us"}, "names another statement"),
        ({"version": 2}, "names another statement"),
    ],
    ids=["digest", "kind", "subject", "version"],
)
def test_an_entry_names_the_statement_that_it_carries(
    log: AuthorityLog, changed: dict[str, object], match: str
) -> None:
    proposal = listed(log, "bela", "chen")
    with pytest.raises(LogInconsistent, match=match):
        log.append(log.leaf(proposal, **changed))
    log.append(log.leaf(proposal))


def forged_missing_approval(log: AuthorityLog) -> bytes:
    return log.leaf(listed(log, "bela"))


def forged_stranger(log: AuthorityLog) -> bytes:
    stranger = AuthorityLog().authority
    proposal = listed(log, "bela")
    proposal.approvals.append(stranger.approval(proposal.digest, "chen"))
    return log.leaf(proposal)


def forged_no_envelope(log: AuthorityLog) -> bytes:
    return log.leaf(listed(log), envelopes=())


def forged_swapped(log: AuthorityLog) -> bytes:
    """An approval where the statement should be."""
    proposal = listed(log, "bela", "chen")
    envelopes = tuple(digest_of(each) for each in (*proposal.approvals, proposal.raw))
    return log.leaf(proposal, envelopes=envelopes)


def forged_object(log: AuthorityLog) -> bytes:
    """The disk gives other bytes than the entry's digest."""
    leaf = log.leaf(listed(log, "bela", "chen"))
    log.objects[Digest(json.loads(leaf)["envelopes"][2])] = b"{}"
    return leaf


@pytest.mark.parametrize(
    ("forge", "match"),
    [
        (forged_missing_approval, "entry 2: .*too few approvals"),
        (forged_stranger, "entry 2: .*not in the roster"),
        (forged_no_envelope, "entry 2: .*without envelopes"),
        (forged_swapped, "entry 2: not a kind of statement"),
        (forged_object, "does not have its digest"),
        (lambda _: b"{}", "'type' is missing"),
        (lambda _: b"", "not JSON"),
        (lambda log: log.leaves[-1] + b" x", "not JSON"),
        (lambda log: start_entry(log.clock(), "ab", "test"), "wrong size"),
    ],
)
def test_a_forged_leaf_is_refused(
    log: AuthorityLog, forge: Callable[[AuthorityLog], bytes], match: str
) -> None:
    before = log.state
    with pytest.raises(LogInconsistent, match=match):
        log.append(forge(log))
    assert log.state == before

    assert log.submit(listed(log, "bela", "chen")).index == 2


def test_nothing_comes_into_force_twice(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    log.submit(proposal)
    with pytest.raises(LogInconsistent, match="version"):
        log.append(log.leaf(proposal))


def test_an_entry_is_judged_at_its_own_time(log: AuthorityLog) -> None:
    """Replay years later gives the same state: the clock of whoever replays does not matter."""
    proposal = listed(log, "bela", "chen")
    log.clock.advance(days=4)
    with pytest.raises(LogInconsistent, match="lapsed"):
        log.append(log.leaf(proposal))
    log.clock.advance(days=-4)
    log.append(log.leaf(proposal))


def test_an_object_that_cannot_be_read_proves_nothing_about_the_log(log: AuthorityLog) -> None:
    with pytest.raises(UnreachableError, match="no such object"):
        log.append(log.leaf(listed(log, "bela", "chen"), envelopes=(OTHER,)))


# Properties


def made() -> tuple[AuthorityLog, bytes]:
    log = AuthorityLog()
    return log, log.leaf(listed(log, "bela", "chen"))


LOG, LEAF = made()
OBJECTS = [Digest(each) for each in json.loads(LEAF)["envelopes"]]


@settings(max_examples=200)
@given(place=st.integers(0, len(LEAF) - 1), mask=st.integers(1, 255))
def test_a_leaf_with_a_changed_byte_is_refused(place: int, mask: int) -> None:
    """Only its time may differ: that it is the true one is what a checkpoint commits to."""
    leaf = bytearray(LEAF)
    leaf[place] ^= mask
    with suppress(LogInconsistent, UnreachableError):
        after = LOG.state.apply(bytes(leaf), LOG.read)
        assert b'"time"' in LEAF[:place][-30:]
        assert after.last_time != LOG.state.apply(LEAF, LOG.read).last_time


@settings(max_examples=100)
@given(which=st.sampled_from(OBJECTS), place=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_an_object_with_a_changed_byte_is_refused(which: Digest, place: int, mask: int) -> None:
    raw = bytearray(LOG.objects[which])
    raw[place % len(raw)] ^= mask
    objects = {**LOG.objects, which: bytes(raw)}

    with pytest.raises(LogInconsistent, match="does not have its digest"):
        LOG.state.apply(LEAF, objects.__getitem__)


def test_the_approvals_that_counted_are_kept(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen", "dora")
    entered = log.submit(proposal)
    assert entered.approvals == tuple(parse_approval(each) for each in proposal.approvals)


# What was in force before


def test_the_state_before_any_entry_is_that_of_a_replay_up_to_it(log: AuthorityLog) -> None:
    log.enact_keys()
    log.append(start_entry(log.clock(), "ab" * 16, "test"))
    log.enact(Kind.PLATFORMS, "eu", LIST)
    log.revoke("platform", LIST["platforms"][0]["id"])  # type: ignore[index]
    log.append(withdraw(log, listed(log)))
    log.clock.advance(seconds=1)
    log.enact(Kind.PLATFORMS, "eu", LIST)  # ends the revocation
    log.revoke("node", "node-1")

    for index in range(len(log.leaves) + 2):
        expected = replay(log.fingerprint, log.leaves[:index], log.read)
        found = log.state.before(index)
        assert found.size == expected.size
        assert dict(found.newest) == dict(expected.newest)
        assert dict(found.by_digest) == dict(expected.by_digest)
        assert dict(found.revoked) == dict(expected.revoked)


# Ceremonies


def _record(log: AuthorityLog, seq: int, destroys: Digest | None = None) -> bytes:
    entry = CeremonyEntry("kc-1", "backup", seq, "done", log.put(b"a record"), destroys)
    return ceremony_entry(log.clock(), entry)


def test_records_of_a_ceremony_are_counted_without_gaps(log: AuthorityLog) -> None:
    log.append(_record(log, 0))
    log.append(_record(log, 1))
    assert log.state.ceremonies == {"kc-1": 2}
    for seq in (0, 1, 3):
        with pytest.raises(LogInconsistent, match="do not go on"):
            log.append(_record(log, seq))


def test_a_model_whose_key_was_destroyed_stays_so(log: AuthorityLog) -> None:
    log.append(_record(log, 0, MODEL))
    log.append(_record(log, 1))
    assert log.state.destroyed == {MODEL}
    assert replay(log.fingerprint, log.leaves, log.read) == log.state


def test_nothing_of_a_model_whose_key_was_destroyed_is_in_force_or_admitted(
    log: AuthorityLog,
) -> None:
    """A quorum cannot undo it: what it would admit could be opened by nobody."""
    log.enact(Kind.MODEL, MODEL, admission(MODEL))
    log.enact(Kind.MODEL, OTHER, admission(OTHER))
    log.append(_record(log, 0, MODEL))
    assert in_force(log, Kind.MODEL, MODEL) is None
    assert in_force(log, Kind.MODEL, OTHER) is not None
    with pytest.raises(SubmissionRefused, match="destroyed in a ceremony"):
        log.state.require(Kind.MODEL, MODEL, log.clock())
    again = log.authority.approved(Kind.MODEL, MODEL, admission(MODEL))
    assert log.refusal(again) is SubmissionReason.KEY_DESTROYED

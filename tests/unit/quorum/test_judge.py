"""Who must agree before anything comes into force (our protocol §2.5; I3)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.dsse import Envelope, Signature, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    Decision,
    parse_approval,
    parse_withdrawal,
    withdrawal_payload,
)
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.judge import approving, check_withdrawal, signer_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.statements import parse_statement
from support.authority import OFFICERS, Key, Person, Proposal, make_people, policy_body, sign
from unit.quorum.authority_log import (
    AuthorityLog,
    KeyholderKeys,
    admission,
    measurements,
    platforms,
)

Reason = SubmissionReason
LIST = platforms("amd-genoa-00")


@pytest.fixture
def log() -> AuthorityLog:
    """A roster of five, all proposers and approvers; two approve a platform list."""
    return AuthorityLog()


def listed(log: AuthorityLog, *approvers: str, **options: object) -> Proposal:
    return log.proposed(Kind.PLATFORMS, "eu", LIST, *approvers, **options)


def flipped(raw: bytes) -> bytes:
    """The envelope with one bit of its signature changed."""
    envelope = parse_envelope(raw)
    (signed,) = envelope.signatures
    value = signed.value[:-1] + bytes([signed.value[-1] ^ 1])
    changed = Signature(signed.key_id, value)
    return Envelope(envelope.payload_type, envelope.payload, (changed,)).to_bytes()


def commented(raw: bytes) -> bytes:
    """Another comment under the old signature."""
    envelope = parse_envelope(raw)
    payload = envelope.payload.replace(b'"comment":""', b'"comment":"x"')
    return Envelope(envelope.payload_type, payload, envelope.signatures).to_bytes()


# Of which authority


def other_of(log: AuthorityLog, kind: Kind, subject: str, body: dict[str, object]) -> Proposal:
    """Proposed and approved for another authority of the same officers."""
    other = AuthorityLog(like=log)
    assert other.fingerprint != log.fingerprint
    return other.authority.approved(kind, subject, body)


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [
        (Kind.PLATFORMS, "eu", LIST),
        (Kind.POLICY, "serving", policy_body()),
        (Kind.REVOCATION, "node:n1", {"target_kind": "node", "target": "n1"}),
        (Kind.TRUST_ANCHORS, "trust-anchors", {"hardware": "pinned", "simulated": []}),
        (Kind.REFERENCE_VALUES, "firmware", measurements(bytes(48))),
        (Kind.MODEL, f"sha256:{'11' * 32}", admission(Digest(f"sha256:{'11' * 32}"))),
        (Kind.KEYS, "keys", KeyholderKeys().body()),
    ],
    ids=lambda each: each.value if isinstance(each, Kind) else "",
)
def test_what_the_same_officers_agreed_for_another_authority_is_refused(
    log: AuthorityLog, kind: Kind, subject: str, body: dict[str, object]
) -> None:
    theirs, ours = other_of(log, kind, subject, body), log.authority.approved(kind, subject, body)
    size = log.state.size

    with pytest.raises(SubmissionRefused) as refused:
        log.judged(theirs)
    assert refused.value.reason is Reason.OTHER_AUTHORITY
    assert refused.value.found == parse_statement(theirs.raw).authority
    assert refused.value.expected == log.fingerprint
    assert refused.value.hint
    with pytest.raises(LogInconsistent, match="another authority"):
        log.append(log.leaf(theirs))
    assert log.state.size == size
    assert log.judged(ours)


def test_another_authoritys_rosters_are_refused(log: AuthorityLog) -> None:
    other = AuthorityLog(like=log)
    first = other.state.newest[(Kind.ROSTER, "roster")].statement
    second = other.authority.approved(Kind.ROSTER, "roster", other.authority.roster_body())

    assert log.refusal(Proposal(first.raw, first.digest)) is Reason.OTHER_AUTHORITY
    assert log.refusal(second) is Reason.OTHER_AUTHORITY
    assert other.refusal(second) is None


def test_nothing_of_another_authority_is_recorded_or_withdrawn(log: AuthorityLog) -> None:
    theirs = other_of(log, Kind.PLATFORMS, "eu", LIST)
    statement = parse_statement(theirs.raw)
    rejection = log.authority.approval(theirs.digest, "bela", decision=Decision.REJECT)
    payload = withdrawal_payload(theirs.digest, officer="ada", time=log.clock(), reason="x")
    withdrawal = sign(WITHDRAWAL_TYPE, payload, *log.authority.people["ada"].keys)

    with pytest.raises(SubmissionRefused) as refused:
        log.state.check_decision(parse_approval(rejection), statement, log.clock())
    assert refused.value.reason is Reason.OTHER_AUTHORITY
    with pytest.raises(SubmissionRefused) as refused:
        log.state.check_withdrawal(parse_withdrawal(withdrawal), statement)
    assert refused.value.reason is Reason.OTHER_AUTHORITY


# The threshold


def test_the_threshold_brings_it_into_force(log: AuthorityLog) -> None:
    assert log.judged(listed(log, "bela", "chen")) == {"bela", "chen"}


@pytest.mark.parametrize("approvers", [(), ("bela",)])
def test_one_approval_short_is_not_enough(log: AuthorityLog, approvers: tuple[str, ...]) -> None:
    with pytest.raises(SubmissionRefused, match="too few approvals") as refused:
        log.judged(listed(log, *approvers))

    assert refused.value.reason is Reason.TOO_FEW_APPROVALS
    assert refused.value.found == f"{len(approvers)} ({', '.join(approvers) or 'nobody'})"
    assert refused.value.expected == "2 approvers, the proposer not counted"
    assert refused.value.hint == f"{2 - len(approvers)} more must approve"


def test_one_officer_twice_counts_once(log: AuthorityLog) -> None:
    assert log.refusal(listed(log, "bela", "bela")) is Reason.TOO_FEW_APPROVALS
    assert log.refusal(listed(log, "bela", "bela", "chen")) is None


def test_one_officer_under_two_key_ids_counts_once() -> None:
    second = make_people(["x"])["x"].keys[0]
    authority_entries = AuthorityLog()
    bela = authority_entries.authority.people["bela"]
    bela.keys.append(second)
    log = authority_entries
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    proposal = listed(log)
    proposal.approvals += [
        log.authority.approval(proposal.digest, "bela", keys=[key]) for key in bela.keys
    ]
    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS

    both = log.authority.approval(proposal.digest, "bela", keys=bela.keys)
    proposal.approvals = [both]
    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS
    proposal.approvals.append(log.authority.approval(proposal.digest, "chen"))
    assert log.judged(proposal) == {"bela", "chen"}


def test_the_proposer_counts_only_where_the_roster_says(log: AuthorityLog) -> None:
    assert log.refusal(listed(log, "ada", "bela")) is Reason.TOO_FEW_APPROVALS

    lenient = AuthorityLog(proposer_may_approve=["revocation", "platforms"])
    assert lenient.judged(listed(lenient, "ada", "bela")) == {"ada", "bela"}


def test_the_refusal_says_when_the_proposer_would_count() -> None:
    log = AuthorityLog(proposer_may_approve=["platforms"])

    with pytest.raises(SubmissionRefused) as refused:
        log.judged(listed(log, "ada"))
    assert refused.value.expected == "2 approvers"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_whoever_also_rejects_does_not_count(log: AuthorityLog, order: tuple[int, ...]) -> None:
    proposal = listed(log, "bela", "chen")
    rejection = log.authority.approval(proposal.digest, "chen", decision=Decision.REJECT)
    given_in = [*proposal.approvals, rejection]
    proposal.approvals = [given_in[place] for place in order]

    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS
    proposal.approvals.append(log.authority.approval(proposal.digest, "dora"))
    assert log.judged(proposal) == {"bela", "dora"}


def test_a_rejection_alone_stops_nobody_else(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    proposal.approvals.append(
        log.authority.approval(proposal.digest, "dora", decision=Decision.REJECT)
    )
    assert log.judged(proposal) == {"bela", "chen"}


# Who may propose and approve


def test_a_stranger_cannot_approve_however_many_others_do(log: AuthorityLog) -> None:
    stranger = Person("mallory", make_people(["mallory"])["mallory"].keys)
    log.authority.people["mallory"] = stranger
    proposal = listed(log, "bela", "chen", "mallory")

    assert log.refusal(proposal) is Reason.UNKNOWN_SIGNER
    proposal.approvals.pop()
    assert log.refusal(proposal) is None


def test_a_stranger_cannot_approve_in_an_officers_name(log: AuthorityLog) -> None:
    proposal = listed(log, "bela")
    forged = log.authority.approval(proposal.digest, "chen", keys=make_people(["x"])["x"].keys)
    proposal.approvals.append(forged)

    assert log.refusal(proposal) is Reason.UNKNOWN_SIGNER


def test_an_officer_cannot_approve_in_anothers_name(log: AuthorityLog) -> None:
    proposal = listed(log, "bela")
    bela = log.authority.people["bela"]
    proposal.approvals.append(log.authority.approval(proposal.digest, "chen", keys=bela.keys))

    assert log.refusal(proposal) is Reason.WRONG_SIGNER


def test_two_officers_cannot_sign_one_approval(log: AuthorityLog) -> None:
    people = log.authority.people
    keys = [people["bela"].keys[0], people["chen"].keys[0]]
    proposal = listed(log)
    proposal.approvals = [log.authority.approval(proposal.digest, "bela", keys=keys)]

    assert log.refusal(proposal) is Reason.WRONG_SIGNER


@pytest.mark.parametrize("part", ["payload", "signature"])
def test_a_forged_approval_refuses_the_whole_pile(log: AuthorityLog, part: str) -> None:
    proposal = listed(log, "bela", "chen", "dora")
    good = proposal.approvals[2]
    proposal.approvals[2] = commented(good) if part == "payload" else flipped(good)

    assert log.refusal(proposal) is Reason.BAD_SIGNATURE
    proposal.approvals[2] = good
    assert log.refusal(proposal) is None


def test_an_approval_without_a_signature_is_refused(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    envelope = parse_envelope(proposal.approvals[0])
    proposal.approvals[0] = Envelope(envelope.payload_type, envelope.payload, ()).to_bytes()

    assert log.refusal(proposal) is Reason.BAD_SIGNATURE


def test_an_approval_over_another_statement_is_refused(log: AuthorityLog) -> None:
    proposal, other = listed(log, "bela", "chen"), listed(log, "dora", by="bela")
    proposal.approvals.append(other.approvals[0])

    assert log.refusal(proposal) is Reason.OTHER_STATEMENT


def with_roles(log: AuthorityLog, name: str, *roles: str) -> None:
    log.authority.people[name].roles = roles
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())


def test_only_approvers_approve(log: AuthorityLog) -> None:
    with_roles(log, "emil", "auditor", "proposer")
    assert log.refusal(listed(log, "bela", "chen", "emil")) is Reason.NOT_AN_APPROVER

    with_roles(log, "emil", "approver")
    assert log.judged(listed(log, "bela", "emil")) == {"bela", "emil"}


def test_only_proposers_propose(log: AuthorityLog) -> None:
    with_roles(log, "emil", "approver")
    assert log.refusal(listed(log, "bela", "chen", by="emil")) is Reason.NOT_A_PROPOSER

    with_roles(log, "emil", "proposer")
    assert log.refusal(listed(log, "bela", "chen", by="emil")) is None


def test_a_strangers_proposal_is_refused(log: AuthorityLog) -> None:
    log.authority.people["mallory"] = Person("mallory", make_people(["m"])["m"].keys)

    assert log.refusal(listed(log, "bela", "chen", by="mallory")) is Reason.UNKNOWN_PROPOSER


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        pytest.param(lambda people: people["bela"].keys, Reason.WRONG_SIGNER, id="another officer"),
        pytest.param(
            lambda people: [*people["ada"].keys, *people["bela"].keys],
            Reason.WRONG_SIGNER,
            id="two officers",
        ),
        pytest.param(lambda _: make_people(["x"])["x"].keys, Reason.UNKNOWN_SIGNER, id="stranger"),
    ],
)
def test_a_statement_is_signed_by_its_proposer(
    log: AuthorityLog, keys: Callable[[dict[str, Person]], list[Key]], reason: Reason
) -> None:
    signers = keys(log.authority.people)
    assert log.refusal(listed(log, "bela", "chen", keys=signers)) is reason


def test_a_changed_statement_is_refused(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    envelope = parse_envelope(proposal.raw)
    payload = envelope.payload.replace(b"Berlin", b"Boston")
    changed = Envelope(envelope.payload_type, payload, envelope.signatures)
    again = Proposal(changed.to_bytes(), changed.digest)
    again.approvals = [log.authority.approval(changed.digest, n) for n in ("bela", "chen")]

    assert log.refusal(again) is Reason.BAD_SIGNATURE
    assert log.refusal(proposal) is None


# Time


def at(log: AuthorityLog, **ahead: float) -> Proposal:
    """Proposed and approved by people whose clocks run ahead."""
    log.clock.advance(**ahead)
    try:
        return listed(log, "bela", "chen")
    finally:
        log.clock.advance(**{unit: -by for unit, by in ahead.items()})


def test_a_statement_from_the_future_is_refused(log: AuthorityLog) -> None:
    assert log.refusal(at(log, seconds=121)) is Reason.FROM_THE_FUTURE
    assert log.refusal(at(log, seconds=120)) is None


@pytest.mark.parametrize(("ahead", "reason"), [(121, Reason.FROM_THE_FUTURE), (120, None)])
def test_an_approval_from_the_future_is_refused(
    log: AuthorityLog, ahead: int, reason: Reason | None
) -> None:
    proposal = listed(log, "bela")
    log.clock.advance(seconds=ahead)
    proposal.approvals.append(log.authority.approval(proposal.digest, "chen"))
    log.clock.advance(seconds=-ahead)

    assert log.refusal(proposal) is reason


def test_an_approval_older_than_its_statement_is_refused(log: AuthorityLog) -> None:
    proposal = listed(log, "bela")
    log.clock.advance(seconds=-121)
    proposal.approvals.append(log.authority.approval(proposal.digest, "chen"))
    log.clock.advance(seconds=121)
    assert log.refusal(proposal) is Reason.OLDER_THAN_STATEMENT

    proposal.approvals[1] = log.authority.approval(proposal.digest, "chen")
    assert log.refusal(proposal) is None


def test_a_proposal_lapses(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen")
    log.clock.advance(days=3)
    assert log.refusal(proposal) is None
    log.clock.advance(seconds=1)

    assert log.refusal(proposal) is Reason.LAPSED


def test_a_statement_that_has_expired_does_not_come_into_force(log: AuthorityLog) -> None:
    proposal = listed(log, "bela", "chen", life=timedelta(hours=1))
    log.clock.advance(hours=1)
    assert log.refusal(proposal) is Reason.EXPIRED
    log.clock.advance(seconds=-1)

    assert log.refusal(proposal) is None


# The chain


@pytest.mark.parametrize("version", [1, 3])
def test_versions_follow_one_another(log: AuthorityLog, version: int) -> None:
    newest = log.submit(listed(log, "bela", "chen")).statement.digest
    replaces = None if version == 1 else newest
    skipped = listed(log, "bela", "chen", version=version, replaces=replaces, by="bela")
    skipped.approvals = [log.authority.approval(skipped.digest, n) for n in ("chen", "dora")]

    assert log.refusal(skipped) is Reason.WRONG_VERSION
    assert log.refusal(listed(log, "bela", "chen", version=2, replaces=newest)) is None


def test_an_older_version_put_back_is_refused(log: AuthorityLog) -> None:
    old = listed(log, "bela", "chen")
    log.submit(old)
    log.submit(listed(log, "bela", "chen"))

    assert log.refusal(old) is Reason.WRONG_VERSION


def test_a_version_names_what_it_replaces(log: AuthorityLog) -> None:
    newest = log.submit(listed(log, "bela", "chen")).statement.digest
    other = Digest("sha256:" + "00" * 32)

    assert (
        log.refusal(listed(log, "bela", "chen", version=2, replaces=other))
        is Reason.WRONG_PREDECESSOR
    )
    assert log.refusal(listed(log, "bela", "chen", version=2, replaces=newest)) is None


def test_the_chains_of_two_subjects_are_apart(log: AuthorityLog) -> None:
    log.submit(listed(log, "bela", "chen"))

    other = log.proposed(Kind.PLATFORMS, "us", LIST, "bela", "chen", version=1)
    assert log.refusal(other) is None


# Rosters


def test_without_a_roster_only_the_pinned_first_one_is_believed() -> None:
    log, other = AuthorityLog(), AuthorityLog()
    log.state = type(log.state)(other.fingerprint)

    assert log.refusal(listed(log, "bela", "chen")) is Reason.NO_ROSTER
    first = log.proposed(
        Kind.ROSTER,
        "roster",
        log.authority.roster_body(),
        "bela",
        "chen",
        "dora",
        version=1,
    )
    assert log.refusal(first) is Reason.WRONG_FINGERPRINT
    log.state = type(log.state)(first.digest)
    assert log.refusal(first) is None


def test_the_first_roster_needs_its_own_threshold() -> None:
    log = AuthorityLog()
    first = log.proposed(
        Kind.ROSTER, "roster", log.authority.roster_body(), "bela", "chen", version=1
    )
    log.state = type(log.state)(first.digest)

    assert log.refusal(first) is Reason.TOO_FEW_APPROVALS
    first.approvals.append(log.authority.approval(first.digest, "dora"))
    assert log.refusal(first) is None


def test_under_an_expired_roster_only_a_roster_comes_into_force(log: AuthorityLog) -> None:
    log.clock.advance(days=90)
    assert log.refusal(listed(log, "bela", "chen")) is Reason.ROSTER_EXPIRED

    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    assert log.refusal(listed(log, "bela", "chen")) is None


def successors(log: AuthorityLog, *replaced: str) -> tuple[dict[str, Person], dict[str, object]]:
    """New keys for these officers' ids, and a roster body that lists them."""
    people = {**log.authority.people, **make_people(replaced)}
    entries = [person.entry() for person in people.values()]
    return people, log.authority.roster_body(officers=entries)


def test_a_proposer_cannot_give_every_officers_id_to_keys_of_her_own(log: AuthorityLog) -> None:
    """New keys under old ids count in no old roster: else one person takes the authority (I3)."""
    stolen, body = successors(log, *OFFICERS)
    proposal = log.proposed(Kind.ROSTER, "roster", body)
    proposal.approvals = [
        log.authority.approval(proposal.digest, name, keys=stolen[name].keys)
        for name in OFFICERS[1:]
    ]
    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS

    # The holders of the old keys agree as well: the threshold of both rosters.
    proposal.approvals += [log.authority.approval(proposal.digest, n) for n in OFFICERS[1:4]]
    assert log.judged(proposal) == set(OFFICERS[1:])


def test_a_roster_of_keys_that_nobody_proved_to_have_is_refused(log: AuthorityLog) -> None:
    """Old officers agree, but nobody signed by a new key: TUF's rule, else all are locked out."""
    people, body = successors(log, *OFFICERS[1:])
    proposal = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora")
    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS

    proposal.approvals += [
        log.authority.approval(proposal.digest, name, keys=people[name].keys)
        for name in ("bela", "chen", "dora")
    ]
    assert log.refusal(proposal) is None


def test_an_officer_may_sign_a_roster_change_by_old_and_new_key_at_once(log: AuthorityLog) -> None:
    people, body = successors(log, *OFFICERS[1:])
    proposal = log.proposed(Kind.ROSTER, "roster", body)
    proposal.approvals = [
        log.authority.approval(
            proposal.digest, name, keys=[*log.authority.people[name].keys, *people[name].keys]
        )
        for name in ("bela", "chen", "dora")
    ]
    assert log.judged(proposal) == {"bela", "chen", "dora"}


def test_a_roster_change_needs_the_old_threshold_and_the_new(log: AuthorityLog) -> None:
    four = dict(log.authority.roster_body()["thresholds"], roster=4)  # type: ignore[call-overload]
    body = log.authority.roster_body(thresholds=four)
    proposal = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora")

    with pytest.raises(SubmissionRefused, match="of the new roster") as refused:
        log.judged(proposal)
    assert refused.value.reason is Reason.TOO_FEW_APPROVALS
    assert refused.value.expected.startswith("4 approvers")

    proposal.approvals.append(log.authority.approval(proposal.digest, "emil"))
    assert log.refusal(proposal) is None


def test_newcomers_alone_do_not_let_themselves_in(log: AuthorityLog) -> None:
    newcomers = make_people(["finn", "gus", "hana"])
    log.authority.people.update(newcomers)
    proposal = log.proposed(
        Kind.ROSTER, "roster", log.authority.roster_body(), "bela", "finn", "gus", "hana"
    )
    assert log.refusal(proposal) is Reason.TOO_FEW_APPROVALS

    proposal.approvals += [log.authority.approval(proposal.digest, n) for n in ("chen", "dora")]
    assert log.judged(proposal) == {"bela", "chen", "dora", "finn", "gus", "hana"}


def test_a_newcomer_approves_nothing_but_the_roster(log: AuthorityLog) -> None:
    log.authority.people.update(make_people(["finn"]))

    assert log.refusal(listed(log, "bela", "finn")) is Reason.UNKNOWN_SIGNER


def test_a_key_cannot_pass_from_one_officer_to_another(log: AuthorityLog) -> None:
    """Bela's key under Chen's id in the new roster: whose approval would it be?"""
    people = log.authority.people
    bela, chen = people["bela"], people["chen"]
    entries = [p.entry() for p in people.values() if p.id not in {"bela", "chen"}]
    entries.append(Person("bela", chen.keys).entry())
    entries.append(Person("chen", bela.keys).entry())
    body = log.authority.roster_body(officers=entries)
    proposal = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora", "emil")

    assert log.refusal(proposal) is Reason.WRONG_SIGNER


def test_an_approver_of_the_old_roster_only_still_approves_the_new(log: AuthorityLog) -> None:
    people = log.authority.people
    entries = [p.entry() for p in people.values() if p.id != "emil"]
    body = log.authority.roster_body(officers=entries)
    proposal = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora", "emil")

    assert log.judged(proposal) == {"bela", "chen", "dora", "emil"}


@pytest.mark.parametrize("simulation", [True, False])
def test_simulation_never_changes(simulation: bool) -> None:
    log = AuthorityLog(simulation=simulation)
    body = log.authority.roster_body(simulation=not simulation)
    changed = log.proposed(Kind.ROSTER, "roster", body, *OFFICERS[1:])
    assert log.refusal(changed) is Reason.SIMULATION_CHANGED

    same = log.proposed(Kind.ROSTER, "roster", log.authority.roster_body(), *OFFICERS[1:])
    assert log.refusal(same) is None


@pytest.mark.parametrize("simulation", [True, False])
def test_simulated_roots_are_forbidden_without_simulation(simulation: bool) -> None:
    log = AuthorityLog(simulation=simulation)
    root = {"vendor": "amd", "product": "Genoa", "spki_sha256": "ab" * 32}
    kind, subject = Kind.TRUST_ANCHORS, "trust-anchors"
    roots = log.proposed(kind, subject, {"hardware": "pinned", "simulated": [root]}, *OFFICERS[1:])
    none = log.proposed(kind, subject, {"hardware": "pinned", "simulated": []}, *OFFICERS[1:])

    assert log.refusal(roots) is (None if simulation else Reason.SIMULATION_FORBIDDEN)
    assert log.refusal(none) is None


# Withdrawals


def withdrawal(log: AuthorityLog, proposal: Proposal, officer: str, signer: str) -> bytes:
    payload = withdrawal_payload(proposal.digest, officer=officer, time=log.clock(), reason="no")
    return sign(WITHDRAWAL_TYPE, payload, *log.authority.people[signer].keys)


@pytest.mark.parametrize(
    ("officer", "signer"), [("bela", "bela"), ("ada", "bela"), ("bela", "ada")]
)
def test_only_the_proposer_withdraws(log: AuthorityLog, officer: str, signer: str) -> None:
    proposal, roster = listed(log), log.state.roster
    assert roster is not None
    forged = parse_withdrawal(withdrawal(log, proposal, officer, signer))

    with pytest.raises(SubmissionRefused, match="signed by the proposer") as refused:
        check_withdrawal(forged, "ada", roster)
    assert refused.value.reason is Reason.WRONG_SIGNER
    check_withdrawal(parse_withdrawal(withdrawal(log, proposal, "ada", "ada")), "ada", roster)


def test_the_signer_of_an_envelope_is_found_in_any_of_the_rosters(log: AuthorityLog) -> None:
    other = AuthorityLog()
    assert log.state.roster is not None
    assert other.state.roster is not None
    envelope = parse_envelope(listed(other).raw)

    assert signer_of(envelope, log.state.roster, other.state.roster).id == "ada"


# Properties

NAMES = st.sets(st.sampled_from(OFFICERS))
LOG = AuthorityLog()
OPEN = listed(LOG)
APPROVE = {name: LOG.authority.approval(OPEN.digest, name) for name in OFFICERS}
REJECT = {
    name: LOG.authority.approval(OPEN.digest, name, decision=Decision.REJECT) for name in OFFICERS
}


def counted(names: set[str], rejecting: set[str]) -> frozenset[str]:
    records = [APPROVE[name] for name in names] + [REJECT[name] for name in rejecting]
    roster = LOG.state.roster
    assert isinstance(roster, Roster)
    approvals = [parse_approval(each) for each in records]
    return frozenset(approving(parse_statement(OPEN.raw), approvals, roster, roster))


@given(names=NAMES, rejecting=NAMES)
def test_counting_is_that_of_sets(names: set[str], rejecting: set[str]) -> None:
    assert counted(names, rejecting) == names - rejecting - {"ada"}


@given(names=NAMES, more=NAMES, rejecting=NAMES)
def test_more_approvals_never_count_less_and_more_rejections_never_more(
    names: set[str], more: set[str], rejecting: set[str]
) -> None:
    assert counted(names, rejecting) <= counted(names | more, rejecting)
    assert counted(names, rejecting | more) <= counted(names, rejecting)


@settings(max_examples=40)
@given(names=NAMES, rejecting=NAMES)
def test_one_approval_fewer_never_grants(names: set[str], rejecting: set[str]) -> None:
    """In force exactly when two officers beside the proposer approve and do not reject."""
    records = [APPROVE[name] for name in names] + [REJECT[name] for name in rejecting]
    refusal = LOG.refusal(Proposal(OPEN.raw, OPEN.digest, records))

    enough = len(names - rejecting - {"ada"}) >= 2
    assert refusal is (None if enough else Reason.TOO_FEW_APPROVALS)


@settings(max_examples=200)
@given(place=st.integers(0, len(OPEN.raw) + len(APPROVE["bela"]) - 1), mask=st.integers(1, 255))
def test_no_envelope_with_a_changed_byte_comes_into_force(place: int, mask: int) -> None:
    whole = bytearray(OPEN.raw + APPROVE["bela"])
    whole[place] ^= mask
    raw, approval = bytes(whole[: len(OPEN.raw)]), bytes(whole[len(OPEN.raw) :])

    with pytest.raises((MalformedError, SubmissionRefused)):
        LOG.judged(Proposal(raw, OPEN.digest, [approval, APPROVE["chen"]]))

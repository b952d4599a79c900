"""No one person: what comes into force, what does not, and what nobody can put back (I3, I9)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import key_id_of
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.errors import KeyFileRefused
from keyturn.keyrelease.audit import audit_log
from keyturn.quorum.approvals import WITHDRAWAL_TYPE, Decision, withdrawal_payload
from keyturn.quorum.bundle import load_bundle, make_bundle
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn_sim.vendors import SimVendors
from support.authority import (
    Authority,
    Clock,
    Person,
    Proposal,
    make_people,
    policy_body,
    sign,
    spki,
)
from support.hsmtoken import make_model
from support.hsmviews import HsmView
from support.nodes import NodeSecrets
from support.ready import Ready
from support.system import (
    System,
    admission_body,
    baseline_body,
    keys_body,
    model_digest,
    reasons,
    running,
)

LOOSE = {"lease_seconds": 3600}


def refusal(system: System, proposal: Proposal, key: bytes | None = None) -> SubmissionReason:
    """Why it does not come into force; and that nothing was entered."""
    size = system.keyholder.journal.log.size
    with pytest.raises(SubmissionRefused) as refused:
        system.submit(proposal, key)
    assert system.keyholder.journal.log.size == size
    return refused.value.reason


def policy(system: System, *approvers: str, **changed: object) -> Proposal:
    """The next version of the policy, approved by these."""
    authority = system.authority
    proposal = authority.propose(Kind.POLICY, "serving", policy_body(**changed))
    proposal.approvals += [authority.approval(proposal.digest, name) for name in approvers]
    return proposal


def lease_seconds(ready: Ready) -> int:
    """The lease that a release gets now: which version of the policy governs it."""
    return ready.opened()[0].grant.lease_seconds


# ---- of which authority ----


def test_what_staging_agreed_is_not_in_force_in_production(ready: Ready) -> None:
    """Two authorities of the same officers and keys: neither's statements are the other's."""
    system = ready.system
    staging = Authority(Clock(system.clock() - timedelta(minutes=1)))
    staging.people = system.authority.people
    roster = staging.approved(Kind.ROSTER, "roster", staging.roster_body())
    staging.entered(Kind.ROSTER, "roster", roster)
    assert roster.digest != system.fingerprint

    for subject in ("serving", "another"):
        loose = staging.approved(Kind.POLICY, subject, policy_body(**LOOSE))
        assert refusal(system, loose) is SubmissionReason.OTHER_AUTHORITY
        size = system.keyholder.journal.log.size
        with pytest.raises(SubmissionRefused, match="of another authority"):
            system.keyholder.decisions.record(loose.raw, loose.approvals[0])
        assert system.keyholder.journal.log.size == size
    assert refusal(system, roster) is SubmissionReason.OTHER_AUTHORITY
    assert lease_seconds(ready) == 60


# ---- how many, and who ----


def test_one_approval_short_is_not_in_force_and_releases_nothing(
    system: System, node_secrets: NodeSecrets
) -> None:
    node, model = system.node(node_secrets), make_model()
    system.trust_simulated_roots()
    system.set_baseline(node.sim)
    system.set_policy()
    body, key = admission_body(model), system.key_file(model)
    proposal = system.authority.propose(Kind.MODEL, str(body["model"]), body)
    proposal.approvals.append(system.authority.approval(proposal.digest, "bela"))

    assert refusal(system, proposal, key) is SubmissionReason.TOO_FEW_APPROVALS
    assert reasons(system.ask(node, model, bytes(40))) == {"model-not-in-force"}

    proposal.approvals.append(system.authority.approval(proposal.digest, "chen"))
    wrapped = system.submit(proposal, key).wrapped
    assert system.ask(node, model, wrapped).granted


def test_the_proposer_does_not_count(ready: Ready) -> None:
    proposal = policy(ready.system, "ada", "bela")

    assert refusal(ready.system, proposal) is SubmissionReason.TOO_FEW_APPROVALS
    assert ready.system.submit(policy(ready.system, "chen", "bela")).index


def test_an_approval_by_an_outsider_is_refused_even_beside_a_quorum(ready: Ready) -> None:
    """Nobody gets to bury a forgery in a pile."""
    system = ready.system
    proposal = policy(system, "bela", "chen", **LOOSE)
    outsider = Person("mallory", [ed25519.Ed25519PrivateKey.generate()])
    forged = system.authority.approval(proposal.digest, "dora", keys=outsider.keys)
    good = list(proposal.approvals)
    proposal.approvals.append(forged)

    assert refusal(system, proposal) is SubmissionReason.UNKNOWN_SIGNER
    assert lease_seconds(ready) == 60

    proposal.approvals = good
    system.submit(proposal)
    assert lease_seconds(ready) == 3600


def test_an_approval_signed_by_another_officer_is_refused(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela")
    keys = system.authority.people["bela"].keys
    proposal.approvals.append(system.authority.approval(proposal.digest, "chen", keys=keys))

    assert refusal(system, proposal) is SubmissionReason.WRONG_SIGNER


def test_an_approval_over_another_digest_is_refused(ready: Ready) -> None:
    system = ready.system
    approved = policy(system, "bela", "chen")
    other = policy(system, **LOOSE)
    other.approvals = approved.approvals

    assert refusal(system, other) is SubmissionReason.OTHER_STATEMENT
    system.submit(policy(system, "bela", "chen", **LOOSE))
    assert lease_seconds(ready) == 3600


def test_one_officer_twice_counts_once(ready: Ready) -> None:
    proposal = policy(ready.system, "bela", "bela")

    assert refusal(ready.system, proposal) is SubmissionReason.TOO_FEW_APPROVALS


def test_a_rejection_takes_the_same_officers_approval_away(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen")
    rejection = system.authority.approval(proposal.digest, "chen", decision=Decision.REJECT)
    proposal.approvals.append(rejection)

    assert refusal(system, proposal) is SubmissionReason.TOO_FEW_APPROVALS
    proposal.approvals.append(system.authority.approval(proposal.digest, "dora"))
    assert system.submit(proposal).index


def test_one_officer_under_two_key_ids_counts_once(ready: Ready) -> None:
    system, people = ready.system, ready.system.authority.people
    people["bela"].keys.append(ed25519.Ed25519PrivateKey.generate())
    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    proposal = policy(system, **LOOSE)
    for key in people["bela"].keys:
        proposal.approvals.append(system.authority.approval(proposal.digest, "bela", keys=[key]))

    assert refusal(system, proposal) is SubmissionReason.TOO_FEW_APPROVALS
    proposal.approvals.append(system.authority.approval(proposal.digest, "chen"))
    system.submit(proposal)
    assert lease_seconds(ready) == 3600


def test_a_statement_signed_by_another_than_its_proposer_is_refused(ready: Ready) -> None:
    system = ready.system
    forged = system.authority.propose(
        Kind.POLICY, "serving", policy_body(), keys=system.authority.people["bela"].keys
    )
    forged.approvals += [system.authority.approval(forged.digest, n) for n in ("chen", "dora")]

    assert refusal(system, forged) is SubmissionReason.WRONG_SIGNER


# ---- the database's administrator ----


def test_a_policy_edited_in_the_database_is_refused(ready: Ready) -> None:
    """Whoever owns the rows changes a statement and keeps the approvals that it had."""
    system = ready.system
    honest = policy(system, "bela", "chen", **LOOSE)
    edited = policy(system, lease_seconds=86400)
    spoilt = Proposal(honest.raw.replace(b"a", b"b", 1), honest.digest, honest.approvals)

    with pytest.raises(MalformedError):
        system.submit(spoilt)
    edited.approvals = honest.approvals
    assert refusal(system, edited) is SubmissionReason.OTHER_STATEMENT
    assert lease_seconds(ready) == 60

    system.submit(honest)
    assert lease_seconds(ready) == 3600


def test_an_edited_payload_under_the_old_signature_is_refused(ready: Ready) -> None:
    system = ready.system
    honest = policy(system, "bela", "chen")
    edited = policy(system, **LOOSE)
    text, other = honest.raw.decode(), edited.raw.decode()
    signatures = text[text.index('"signatures"') :]
    forged = Proposal((other[: other.index('"signatures"')] + signatures).encode(), edited.digest)
    forged.approvals = [system.authority.approval(edited.digest, n) for n in ("bela", "chen")]

    assert refusal(system, forged) is SubmissionReason.BAD_SIGNATURE


def test_an_older_policy_put_back_is_refused(ready: Ready) -> None:
    """The same subject, a validly approved statement of before: its time is over."""
    system = ready.system
    first = policy(system, "bela", "chen", lease_seconds=30)
    rival = policy(system, "bela", "chen", lease_seconds=86400)
    system.submit(first)
    system.authority.entered(Kind.POLICY, "serving", first)

    assert refusal(system, rival) is SubmissionReason.WRONG_VERSION
    assert lease_seconds(ready) == 30


def test_resubmitting_an_older_version_leaves_its_successor_in_force(ready: Ready) -> None:
    system = ready.system
    old = policy(system, "bela", "chen", lease_seconds=86400)
    at = system.submit(old).index
    system.authority.entered(Kind.POLICY, "serving", old)
    system.set_policy(lease_seconds=30)
    size = system.keyholder.journal.log.size

    again = system.submit(old)

    assert again.index == at
    assert system.keyholder.journal.log.size == size
    assert lease_seconds(ready) == 30


def test_a_statement_that_replaces_another_digest_is_refused(ready: Ready) -> None:
    system = ready.system
    made = {"version": 2, "replaces": digest_of(b"something else")}
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body(), **made)

    assert refusal(system, proposal) is SubmissionReason.WRONG_PREDECESSOR


# ---- withdrawal ----


def withdrawal(system: System, proposal: Proposal, by: str = "ada") -> bytes:
    payload = withdrawal_payload(
        proposal.digest, officer=by, time=system.clock(), reason="second thoughts"
    )
    return sign(WITHDRAWAL_TYPE, payload, *system.authority.people[by].keys[:1])


def test_a_withdrawn_proposal_never_comes_into_force(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen", **LOOSE)
    system.keyholder.submissions.withdraw(proposal.raw, withdrawal(system, proposal))

    assert refusal(system, proposal) is SubmissionReason.WITHDRAWN
    system.restart()
    assert refusal(system, proposal) is SubmissionReason.WITHDRAWN
    assert lease_seconds(ready) == 60

    system.set_policy(lease_seconds=45)  # proposed anew
    assert lease_seconds(ready) == 45


def test_only_the_proposer_withdraws(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen", **LOOSE)

    with pytest.raises(SubmissionRefused) as refused:
        system.keyholder.submissions.withdraw(proposal.raw, withdrawal(system, proposal, "bela"))

    assert refused.value.reason is SubmissionReason.WRONG_SIGNER
    assert system.submit(proposal).index


def test_what_is_in_force_is_not_withdrawn(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen", **LOOSE)
    system.submit(proposal)

    with pytest.raises(SubmissionRefused) as refused:
        system.keyholder.submissions.withdraw(proposal.raw, withdrawal(system, proposal))

    assert refused.value.reason is SubmissionReason.OTHER_STATEMENT
    assert lease_seconds(ready) == 3600


def test_a_withdrawal_is_logged_once(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system)
    submissions = system.keyholder.submissions
    submissions.withdraw(proposal.raw, withdrawal(system, proposal))
    size = system.keyholder.journal.log.size

    with pytest.raises(SubmissionRefused) as refused:
        submissions.withdraw(proposal.raw, withdrawal(system, proposal))

    assert refused.value.reason is SubmissionReason.WITHDRAWN
    assert system.keyholder.journal.log.size == size


# ---- time ----


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.POLICY, "policy-not-in-force"),
        (Kind.REFERENCE_VALUES, "reference-values-not-in-force"),
        (Kind.MODEL, "model-not-in-force"),
        (Kind.TRUST_ANCHORS, "untrusted-root"),
    ],
)
def test_silence_keeps_no_rule_alive(ready: Ready, kind: Kind, reason: str) -> None:
    """Ninety days without a renewal: what was agreed on is over."""
    system = ready.system
    ready.system.clock.advance(days=80)
    again: dict[Kind, Callable[[], object]] = {
        Kind.POLICY: system.set_policy,
        Kind.REFERENCE_VALUES: lambda: system.set_baseline(ready.node.sim),
        Kind.MODEL: lambda: system.admit(ready.model),
        Kind.TRUST_ANCHORS: system.trust_simulated_roots,
    }
    roster_and_keys(system)
    for each in again:
        if each is not kind:
            again[each]()
    system.clock.advance(days=11)

    assert reason in reasons(ready.ask())

    again[kind]()
    assert ready.ask().granted


def roster_and_keys(system: System) -> None:
    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    system.enact(Kind.KEYS, "keys", keys_body(system.hsm))


def renew_all(ready: Ready, *but: Kind) -> None:
    system = ready.system
    if Kind.ROSTER not in but:
        system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    if Kind.KEYS not in but:
        system.enact(Kind.KEYS, "keys", keys_body(system.hsm))
    system.trust_simulated_roots()
    system.set_baseline(ready.node.sim)
    system.set_policy()
    system.admit(ready.model)


def test_an_expired_roster_releases_nothing_until_it_is_renewed(ready: Ready) -> None:
    system = ready.system
    system.clock.advance(days=80)
    renew_all(ready, Kind.ROSTER)
    system.clock.advance(days=11)

    assert reasons(ready.ask()) == {"roster-not-in-force"}
    late = policy(system, "bela", "chen")
    assert refusal(system, late) is SubmissionReason.ROSTER_EXPIRED

    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    assert ready.ask().granted
    assert system.submit(late).index


def test_expired_keys_release_nothing_until_they_are_renewed(ready: Ready) -> None:
    system = ready.system
    system.clock.advance(days=80)
    renew_all(ready, Kind.KEYS)
    system.clock.advance(days=11)

    assert reasons(ready.ask()) == {"keys-not-in-force"}

    system.enact(Kind.KEYS, "keys", keys_body(system.hsm))
    assert ready.ask().granted


def test_an_expired_keyholder_still_starts_and_can_be_renewed(ready: Ready) -> None:
    """Everything expired over a long holiday: no lock-out, no release."""
    ready.system.clock.advance(days=91)
    ready.system.restart()
    assert "roster-not-in-force" in reasons(ready.ask())

    renew_all(ready)
    assert ready.ask().granted


def test_a_lapsed_proposal_is_refused(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen")
    system.clock.advance(days=3, seconds=1)

    assert refusal(system, proposal) is SubmissionReason.LAPSED
    assert system.submit(policy(system, "bela", "chen")).index


def test_a_statement_from_the_future_is_refused(ready: Ready) -> None:
    system = ready.system
    system.clock.advance(seconds=121)
    early = policy(system, "bela", "chen")
    system.clock.advance(seconds=-121)

    assert refusal(system, early) is SubmissionReason.FROM_THE_FUTURE
    system.clock.advance(seconds=1)
    assert system.submit(early).index


# ---- rotation and renewal ----


def test_a_renewed_policy_applies_to_the_next_release(ready: Ready) -> None:
    assert lease_seconds(ready) == 60
    ready.system.set_policy(lease_seconds=45)

    assert lease_seconds(ready) == 45


def test_a_new_baseline_admits_what_it_names_and_nothing_else(ready: Ready) -> None:
    updated = ready.node.sim.with_firmware(b"\xee" * 48)
    ready.system.enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(updated))

    assert ready.ask(sim=updated).granted
    assert reasons(ready.ask()) == {"measurement-mismatch"}


def test_a_removed_officer_no_longer_counts_and_a_new_one_does(ready: Ready) -> None:
    system, authority = ready.system, ready.system.authority
    gone = authority.people.pop("chen")
    authority.people |= make_people(["fred"])
    change = authority.propose(Kind.ROSTER, "roster", authority.roster_body())
    names = ("bela", "dora", "emil", "fred")
    change.approvals += [authority.approval(change.digest, name) for name in names]
    system.submit(change)
    authority.entered(Kind.ROSTER, "roster", change)

    proposal = policy(system, "bela", **LOOSE)
    with_chen = replace(proposal, approvals=list(proposal.approvals))
    with_chen.approvals.append(authority.approval(proposal.digest, "chen", keys=gone.keys))
    assert refusal(system, with_chen) is SubmissionReason.UNKNOWN_SIGNER

    proposal.approvals.append(authority.approval(proposal.digest, "fred"))
    system.submit(proposal)
    assert lease_seconds(ready) == 3600
    system.restart()  # what the removed officer approved before stays in force
    assert lease_seconds(ready) == 3600


def test_a_stolen_key_keeps_no_laxer_policy_alive(ready: Ready) -> None:
    """A thief of Bela's key and a colleague who was deceived; then the theft is noticed."""
    system, authority = ready.system, ready.system.authority
    rest = ("chen", "dora", "emil")
    system.submit(policy(system, "bela", "chen", **LOOSE))
    assert lease_seconds(ready) == 3600
    lost = authority.people.pop("bela")
    change = authority.propose(
        Kind.ROSTER,
        "roster",
        authority.roster_body(compromised=[key_id_of(spki(key)) for key in lost.keys]),
    )
    change.approvals += [authority.approval(change.digest, name) for name in rest]
    system.submit(change)
    authority.entered(Kind.ROSTER, "roster", change)

    assert "untrusted-root" in reasons(ready.ask())  # the simulated roots were hers to approve too
    system.restart()
    assert not ready.ask().granted
    authority.chain[(Kind.POLICY, "serving")] = (2, ready.in_force(Kind.POLICY, "serving"))
    renew_all(ready, Kind.ROSTER)
    assert lease_seconds(ready) == 60
    journal = system.keyholder.journal
    audited = audit_log(journal.log.leaves(), system.fingerprint, journal.log.object)
    assert len(audited.state.suspended) > 0


def test_a_roster_change_needs_the_old_threshold_by_old_keys(ready: Ready) -> None:
    """Whoever proposes a roster of friends gets nowhere with the friends' approvals."""
    system, authority = ready.system, ready.system.authority
    friends = make_people(["gina", "hans", "ivan"])
    authority.people |= friends
    change = authority.propose(Kind.ROSTER, "roster", authority.roster_body())
    change.approvals += [authority.approval(change.digest, name) for name in friends]

    assert refusal(system, change) is SubmissionReason.TOO_FEW_APPROVALS

    old = [name for name in ("bela", "chen", "dora")]
    change.approvals += [authority.approval(change.digest, name) for name in old]
    assert system.submit(change).index


def test_a_roster_that_lowers_a_threshold_holds_from_then_on_only(ready: Ready) -> None:
    system, authority = ready.system, ready.system.authority
    thresholds = {kind.value: n for kind, n in DEFAULT_THRESHOLDS.items()} | {"policy": 4}
    early = policy(system, "bela", "chen")
    system.enact(Kind.ROSTER, "roster", authority.roster_body(thresholds=thresholds))

    assert refusal(system, early) is SubmissionReason.TOO_FEW_APPROVALS
    early.approvals += [authority.approval(early.digest, n) for n in ("dora", "emil")]
    assert system.submit(early).index


def test_keys_of_another_token_are_refused(ready: Ready) -> None:
    """They would make a keyholder whose answers nobody believes and that never starts again."""
    system = ready.system
    body = keys_body(system.hsm)
    body["origin"] = "other.example/log"
    foreign = system.authority.approved(Kind.KEYS, "keys", body)

    assert refusal(system, foreign) is SubmissionReason.LOG_NOT_CONTINUED
    system.restart()
    assert ready.ask().granted


# ---- idempotence ----


def test_submitting_again_is_answered_with_the_same_place(ready: Ready) -> None:
    system = ready.system
    proposal = policy(system, "bela", "chen")
    first = system.submit(proposal)
    again = system.submit(proposal)

    assert again.index == first.index
    assert again.receipt.leaf == first.receipt.leaf
    system.restart()
    assert system.submit(proposal).index == first.index


def test_a_model_submitted_again_gets_a_dek_that_serves(ready: Ready) -> None:
    """The inventory was lost: the statement and keyturn.key are all that is needed."""
    system, model = ready.system, make_model()
    body, key = admission_body(model), system.key_file(model)
    proposal = system.authority.approved(Kind.MODEL, str(body["model"]), body)
    system.submit(proposal, key)

    wrapped = system.submit(proposal, key).wrapped

    assert wrapped is not None
    assert system.ask(ready.node, model, wrapped).granted


def test_a_model_is_admitted_with_its_own_key_only(ready: Ready) -> None:
    system, model = ready.system, make_model()
    body = admission_body(model)
    proposal = system.authority.approved(Kind.MODEL, str(body["model"]), body)
    size = system.keyholder.journal.log.size

    for key in (None, system.key_file(ready.model)):
        with pytest.raises(KeyFileRefused):
            system.submit(proposal, key)
    assert system.keyholder.journal.log.size == size
    assert model_digest(model) not in str(system.keyholder.journal.state.newest)
    assert system.submit(proposal, system.key_file(model)).wrapped


# ---- simulation never looks real (I9) ----


@pytest.fixture
def real(tmp_path: Path, hsm_worker: Hsm, vendors: SimVendors) -> Iterator[System]:
    """An authority for real hardware."""
    directory = tmp_path / "real"
    directory.mkdir()
    with running(directory, HsmView(hsm_worker), vendors, simulation=False) as made:
        yield made


def test_simulated_roots_never_come_into_force_under_a_real_authority(real: System) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        real.trust_simulated_roots()

    assert refused.value.reason is SubmissionReason.SIMULATION_FORBIDDEN
    real.enact(Kind.TRUST_ANCHORS, "trust-anchors", {"hardware": "pinned", "simulated": []})


def test_simulated_evidence_is_refused_under_a_real_authority(
    real: System, ready: Ready, node_secrets: NodeSecrets
) -> None:
    node, model = real.node(node_secrets), make_model()
    real.set_baseline(node.sim)
    real.set_policy()
    wrapped = real.admit(model).wrapped

    assert "untrusted-root" in reasons(real.ask(node, model, wrapped))
    assert ready.ask().granted  # the same vendors under an authority that says simulation


def test_simulation_is_not_switched_by_a_later_roster(real: System) -> None:
    body = real.authority.roster_body(simulation=True)
    change = real.authority.approved(Kind.ROSTER, "roster", body)

    assert refusal(real, change) is SubmissionReason.SIMULATION_CHANGED


def test_a_bundle_after_rotation_still_leads_to_the_fingerprint(ready: Ready) -> None:
    system = ready.system
    system.clock.advance(seconds=60)
    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    state = system.keyholder.journal.state

    bundle = load_bundle(make_bundle(state), system.fingerprint, system.clock())

    assert bundle.roster == state.roster
    assert timedelta(0) < system.clock() - bundle.state.newest[(Kind.KEYS, "keys")].since

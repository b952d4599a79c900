"""A whole log, judged offline: what it says happened must have been allowed (our protocol §6.5)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keyturn.base.encoding import Digest
from keyturn.keyrelease.audit import audit_log
from keyturn.keyrelease.entries import RefusalEntry, grant_entry, refusal_entry
from keyturn.keyrelease.errors import AuditFailed
from keyturn.quorum.entries import start_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from support.authority import policy_body
from support.hsmtoken import make_model
from unit.keyrelease.release_desk import Desk, Granted, digest_of_model
from unit.quorum.authority_log import admission, measurements, platforms

OTHER = Digest("sha256:" + "ff" * 32)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def fails(desk: Desk, leaf: bytes, match: str) -> None:
    """The log with this leaf is refused, and without it is not."""
    index = len(desk.log.leaves)
    audit_log(desk.log.leaves, desk.log.fingerprint, desk.log.read)
    with pytest.raises((AuditFailed, LogInconsistent), match=f"entry {index}: {match}"):
        audit_log([*desk.log.leaves, leaf], desk.log.fingerprint, desk.log.read)


def passes(desk: Desk, leaf: bytes) -> None:
    desk.append(leaf)
    audit_log(desk.log.leaves, desk.log.fingerprint, desk.log.read)


def changed(desk: Desk, granted: Granted, **entry: Any) -> bytes:
    return grant_entry(desk.clock(), replace(granted.entry, **entry))


def released(desk: Desk) -> Granted:
    granted = desk.granted()
    desk.append(granted.leaf)
    return granted


def refusal(desk: Desk, challenge: bytes) -> bytes:
    entry = RefusalEntry(
        desk.granted().request.purpose, challenge, OTHER, "n", "amd-hidden", OTHER, ("revoked",)
    )
    return refusal_entry(desk.clock(), entry)


def test_an_honest_log_is_found_good(desk: Desk) -> None:
    granted = released(desk)
    desk.clock.advance(seconds=30)
    lease = desk.lease(granted)
    desk.append(desk.granted(desk.request(lease=lease.id), lease).leaf)
    desk.append(refusal(desk, desk.challenge()))
    desk.append(start_entry(desk.clock(), "ab" * 16, "test"))
    found = audit_log(desk.log.leaves, desk.log.fingerprint, desk.log.read)

    assert found.state == desk.log.state
    assert found.size == len(desk.log.leaves)
    assert found.counts == {"origin": 1, "statement": 6, "grant": 2, "refusal": 1, "start": 1}
    assert found.last_time is not None
    assert found.first_time == found.last_time - timedelta(seconds=30)


def test_an_empty_log_says_nothing(desk: Desk) -> None:
    found = audit_log([], desk.log.fingerprint, desk.log.read)
    assert (found.size, found.counts, found.first_time, found.last_time) == (0, {}, None, None)


def test_the_quorums_are_judged_again(desk: Desk) -> None:
    short = desk.log.proposed(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"), "bela")
    fails(desk, desk.log.leaf(short), "platforms 'eu': too few approvals")


def test_a_log_of_another_authority_is_refused(desk: Desk) -> None:
    with pytest.raises(LogInconsistent, match="another authority"):
        audit_log(desk.log.leaves, OTHER, desk.log.read)


# Statements


def test_a_grant_under_a_superseded_policy(desk: Desk) -> None:
    stale = desk.granted()
    desk.set_policy()

    fails(desk, stale.leaf, "names policy 'serving', which was superseded")
    passes(desk, desk.granted().leaf)


@pytest.mark.parametrize(
    ("target_kind", "target", "match"),
    [
        ("model", lambda desk: desk.digest, "names model '.*', which was superseded, revoked"),
        ("policy", lambda _: "serving", "names policy 'serving', which was superseded, revoked"),
        ("node", lambda _: "node-1", "a key for a revoked node"),
        ("platform", lambda desk: desk.granted().entry.platform, "a key for a revoked platform"),
    ],
)
def test_a_grant_for_what_was_revoked(
    desk: Desk, target_kind: str, target: Callable[[Desk], str], match: str
) -> None:
    granted = desk.granted()
    desk.log.revoke(target_kind, target(desk))
    fails(desk, granted.leaf, match)


def test_a_grant_under_statements_that_have_expired(desk: Desk) -> None:
    granted = desk.granted()
    desk.clock.advance(days=90)
    until = desk.clock() + timedelta(seconds=60)
    fails(desk, changed(desk, granted, until=until), "names .*, which was .* expired by then")


def test_a_grant_that_names_what_never_was_in_force(desk: Desk) -> None:
    granted = desk.granted()
    names = (*granted.entry.statements, OTHER)
    fails(desk, changed(desk, granted, statements=names), "names a statement never in force")


def test_a_grant_names_all_that_it_rests_on(desk: Desk) -> None:
    granted = desk.granted()
    names = granted.entry.statements
    for left_out in range(len(names)):
        fewer = names[:left_out] + names[left_out + 1 :]
        fails(desk, changed(desk, granted, statements=fewer), "names other statements than")
    passes(desk, granted.leaf)


def test_a_grant_under_another_policy_than_the_admission_names(desk: Desk) -> None:
    """A laxer policy in force beside the model's own: not for this model (I2)."""
    lax = desk.log.enact(Kind.POLICY, "lax", policy_body(lease_seconds=86_400))
    granted = desk.granted()
    own = desk.log.state.newest[(Kind.POLICY, "serving")].statement.digest
    swapped = tuple(lax.statement.digest if d == own else d for d in granted.entry.statements)

    fails(desk, changed(desk, granted, statements=swapped), "names other statements than")
    passes(desk, granted.leaf)


def test_a_grant_under_another_baseline_than_the_policy_names(desk: Desk) -> None:
    other = desk.log.enact(Kind.REFERENCE_VALUES, "other", measurements(bytes(48)))
    granted = desk.granted()
    own = desk.log.state.newest[(Kind.REFERENCE_VALUES, "firmware")].statement.digest
    names = granted.entry.statements
    swapped = tuple(other.statement.digest if d == own else d for d in names)

    fails(desk, changed(desk, granted, statements=swapped), "names other statements than")
    more = (*names, other.statement.digest)
    fails(desk, changed(desk, granted, statements=more), "names other statements than")


def test_a_grant_under_another_models_admission(desk: Desk) -> None:
    other = make_model()
    desk.admit(other)
    granted = desk.granted()

    match = "names other statements than its model's admission"
    fails(desk, changed(desk, granted, model=digest_of_model(other)), match)
    passes(desk, granted.leaf)


def test_a_grant_for_a_model_that_was_never_admitted(desk: Desk) -> None:
    granted = desk.granted()
    fails(desk, changed(desk, granted, model=OTHER), "granted, though not so: model in force")


def test_a_grant_whose_policy_is_not_there(desk: Desk) -> None:
    other = digest_of_model(make_model())
    desk.log.enact(Kind.MODEL, other, admission(other, "missing"))
    granted = desk.granted()
    fails(desk, changed(desk, granted, model=other), "granted, though not so: policy in force")


# What of the policy an entry shows


def test_a_lease_is_no_longer_than_the_policy_allows(desk: Desk) -> None:
    granted = desk.granted()
    for seconds in (61, 86_400, 0, -60):
        until = desk.clock() + timedelta(seconds=seconds)
        fails(desk, changed(desk, granted, until=until), "a lease of another length")
    passes(desk, changed(desk, granted, until=desk.clock() + timedelta(seconds=60)))


def test_a_caveat_that_was_not_accepted(desk: Desk) -> None:
    accepted = [each.value for each in Caveat if each is not Caveat.PARAVISOR]
    desk.set_policy(accepted_caveats=accepted)
    granted = desk.granted()
    for caveats in (("paravisor",), ("nothing-known",)):
        more = (*granted.entry.caveats, *caveats)
        fails(desk, changed(desk, granted, caveats=more), "a caveat that the policy does not")
    passes(desk, granted.leaf)


def test_a_caveat_that_holds_is_named(desk: Desk) -> None:
    """This authority: software keys, no witness, a simulation."""
    desk.log.enact(Kind.KEYS, "keys", desk.log.keys.body(assurance="software"))
    granted = desk.granted()
    for owed in (
        "keyholder-host-trusted",
        "host-controlled-clock",
        "boot-time-only",
        "physical-access",
        "software-assurance",
        "no-witness",
        "simulated",
    ):
        assert owed in granted.entry.caveats
        fewer = tuple(each for each in granted.entry.caveats if each != owed)
        fails(desk, changed(desk, granted, caveats=fewer), "a caveat that holds is not named")


def test_a_platform_that_is_not_listed(desk: Desk) -> None:
    ours = desk.granted().entry.platform
    desk.log.enact(Kind.PLATFORMS, "eu", platforms(ours))
    desk.set_policy(platforms=["eu"])
    granted = desk.granted()

    other = changed(desk, granted, platform="amd-genoa-00")
    fails(desk, other, "a platform that the policy does not list")
    passes(desk, granted.leaf)


# Challenges


def test_a_challenge_serves_once(desk: Desk) -> None:
    granted = released(desk)
    again = desk.granted()
    same = changed(desk, again, challenge=granted.entry.challenge)

    fails(desk, same, "a challenge was used twice")
    passes(desk, again.leaf)


def test_a_challenge_that_was_refused_grants_nothing_later(desk: Desk) -> None:
    granted = desk.granted()
    desk.append(refusal(desk, granted.entry.challenge))
    fails(desk, granted.leaf, "a challenge was used twice")


def refused_after(desk: Desk, granted: Granted, **changed: Any) -> bytes:
    """The refusal that follows a grant whose wrapped DEK was another model's."""
    of = granted.entry
    entry = RefusalEntry(
        of.purpose, of.challenge, of.model, of.node, of.platform, of.evidence, ("wrapped-dek",)
    )
    return refusal_entry(desk.clock(), replace(entry, **changed))


def test_a_refusal_may_follow_its_own_grant(desk: Desk) -> None:
    """The wrapped DEK turned out to be another model's after the grant was logged."""
    granted = released(desk)
    passes(desk, refused_after(desk, granted))
    fails(desk, refused_after(desk, granted), "a challenge was refused twice")


def test_a_challenge_is_refused_once(desk: Desk) -> None:
    challenge = desk.challenge()
    passes(desk, refusal(desk, challenge))
    fails(desk, refusal(desk, challenge), "a challenge was refused twice")


@pytest.mark.parametrize(
    "change",
    [{"model": OTHER}, {"node": "node-2"}, {"platform": "amd-hidden"}, {"evidence": OTHER}],
    ids=str,
)
def test_a_refusal_after_a_grant_is_of_the_same_request(desk: Desk, change: dict[str, str]) -> None:
    granted = released(desk)
    fails(desk, refused_after(desk, granted, **change), "refuses a challenge that was granted to")


def test_a_refusal_after_its_grant_ends_the_lease(desk: Desk) -> None:
    granted = released(desk)
    renewal = renewed(desk, granted)
    passes(desk, refused_after(desk, granted))
    fails(desk, renewal.leaf, "renews a lease that was not live")


@pytest.mark.parametrize("field", ["reasons", "platform", "challenge"])
def test_a_refusal_is_read_to_the_last_field(desk: Desk, field: str) -> None:
    leaf = refusal(desk, desk.challenge()).replace(f'"{field}"'.encode(), b'"another"')
    fails(desk, leaf, f"log entry: field '{field}' is missing")


@pytest.mark.parametrize("field", ["caveats", "until", "statements"])
def test_a_grant_is_read_to_the_last_field(desk: Desk, field: str) -> None:
    leaf = desk.granted().leaf.replace(f'"{field}"'.encode(), b'"another"')
    fails(desk, leaf, f"log entry: field '{field}' is missing")


# Leases


def renewed(desk: Desk, granted: Granted) -> Granted:
    lease = desk.lease(granted)
    return desk.granted(desk.request(lease=lease.id), lease)


def test_a_renewal_of_a_live_lease(desk: Desk) -> None:
    granted = released(desk)
    for _ in range(3):
        desk.clock.advance(seconds=59)
        passes(desk, renewed(desk, granted).leaf)


def test_a_renewal_of_a_dead_lease(desk: Desk) -> None:
    granted = released(desk)
    desk.clock.advance(seconds=60)
    fails(desk, renewed(desk, granted).leaf, "renews a lease that was not live")


def test_a_renewal_of_a_lease_that_never_was(desk: Desk) -> None:
    granted = desk.granted()
    fails(desk, renewed(desk, granted).leaf, "renews a lease that was not live")


@pytest.mark.parametrize(
    "change", [{"tls": OTHER}, {"node": "node-2"}, {"platform": "amd-genoa-00"}], ids=str
)
def test_a_renewal_by_another_holder(desk: Desk, change: dict[str, str]) -> None:
    granted = released(desk)
    renewal = renewed(desk, granted)

    fails(desk, changed(desk, renewal, **change), "renews a lease for another holder")
    passes(desk, renewal.leaf)


def test_a_renewal_for_another_model(desk: Desk) -> None:
    granted = released(desk)
    purpose = renewed(desk, granted).entry.purpose
    other = make_model()
    desk.admit(other)
    desk.digest = digest_of_model(other)
    theirs = desk.granted()

    leaf = changed(desk, theirs, purpose=purpose, lease=granted.entry.lease)
    fails(desk, leaf, "renews a lease for another holder")
    passes(desk, theirs.leaf)


def test_a_lease_is_given_once(desk: Desk) -> None:
    """A second release under a lease's id would hand it to another holder unseen."""
    granted = released(desk)
    again = desk.granted()

    fails(desk, changed(desk, again, lease=granted.entry.lease), "a lease that was given before")
    passes(desk, again.leaf)


def test_a_grant_under_what_a_stolen_key_kept_alive(desk: Desk) -> None:
    """Policy and admission have Bela's approval; her key is removed for compromise (§2.8)."""
    early = desk.granted()
    passes(desk, early.leaf)
    held_back = desk.granted()
    desk.log.remove("bela", compromised=["bela"], approvers=("chen", "dora", "emil"))

    fails(desk, held_back.leaf, "names .* superseded, revoked, suspended or expired by then")
    roster = desk.log.state.newest[(Kind.ROSTER, "roster")].statement.digest
    fails(
        desk,
        changed(desk, held_back, statements=(roster,)),
        "granted, though not so: keys in force",
    )

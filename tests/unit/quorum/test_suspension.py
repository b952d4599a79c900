"""Keys removed for compromise: what rested on them no longer counts (our protocol §2.8; I3)."""

from datetime import timedelta

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import key_id_of
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.state import InForce, replay, would_suspend
from keyturn.quorum.statements import parse_statement
from keyturn.quorum.suspension import falls_short
from support.authority import Person, make_people, policy_body, spki
from unit.quorum.authority_log import AuthorityLog, measurements, platforms

LIST = platforms("amd-genoa-00")
REST = ("chen", "dora", "emil")
FIRMWARE = b"\x0f" * 48


@pytest.fixture
def log() -> AuthorityLog:
    return AuthorityLog()


def key_of(log: AuthorityLog, name: str) -> str:
    return key_id_of(spki(log.authority.people[name].keys[0]))


def entered(log: AuthorityLog, subject: str, *approvers: str, **options: object) -> InForce:
    return log.submit(log.proposed(Kind.PLATFORMS, subject, LIST, *approvers, **options))


def stands(log: AuthorityLog, kind: Kind, subject: str) -> bool:
    return log.state.in_force(kind, subject, log.clock()) is not None


def would(log: AuthorityLog, body: dict[str, object]) -> list[str]:
    statement = parse_statement(log.proposed(Kind.ROSTER, "roster", body).raw)
    return [each.statement.subject for each in would_suspend(log.state, statement)]


# What is suspended


def test_what_falls_below_its_threshold_is_suspended(log: AuthorityLog) -> None:
    entered(log, "short", "bela", "chen")
    entered(log, "enough", "bela", "chen", "dora")
    entered(log, "others", "chen", "dora")
    removal = log.remove("bela", compromised=["bela"], approvers=REST)

    assert [stands(log, Kind.PLATFORMS, each) for each in ("short", "enough", "others")] == [
        False,
        True,
        True,
    ]
    (digest,) = log.state.suspended
    assert log.state.suspended[digest] is removal
    assert replay(log.fingerprint, log.leaves, log.read) == log.state
    with pytest.raises(SubmissionRefused) as refused:
        log.state.require(Kind.PLATFORMS, "short", log.clock())
    assert refused.value.found == (
        f"suspended at log index {removal.index}: too few approvals without the keys "
        "named compromised there"
    )


def test_an_ordinary_removal_suspends_nothing(log: AuthorityLog) -> None:
    entered(log, "short", "bela", "chen")
    body = log.removal("bela")
    assert would(log, body) == []
    log.remove("bela", approvers=REST)

    assert stands(log, Kind.PLATFORMS, "short")
    assert (log.state.suspended, log.state.compromised) == ({}, frozenset())


def test_the_list_is_known_before_anybody_approves(log: AuthorityLog) -> None:
    entered(log, "short", "bela", "chen")
    entered(log, "others", "chen", "dora")
    entered(log, "renewed", "bela", "chen")
    entered(log, "renewed", "dora", "chen")
    body = log.removal("bela", compromised=["bela"])
    before = log.state
    assert would(log, body) == ["short"]
    assert log.state == before

    log.remove("bela", compromised=["bela"], approvers=REST)
    assert not stands(log, Kind.PLATFORMS, "short")
    assert stands(log, Kind.PLATFORMS, "renewed")
    assert would(log, body) == []
    other = parse_statement(log.proposed(Kind.PLATFORMS, "eu", LIST).raw)
    assert would_suspend(log.state, other) == ()


def test_a_key_of_a_former_officer_may_be_named_later(log: AuthorityLog) -> None:
    """He left as a friend; the theft was noticed afterwards."""
    entered(log, "short", "bela", "chen")
    log.remove("bela", approvers=REST)
    assert stands(log, Kind.PLATFORMS, "short")
    log.remove("bela", compromised=["bela"], approvers=REST)

    assert not stands(log, Kind.PLATFORMS, "short")


def test_an_officer_whose_other_key_signed_too_still_counts() -> None:
    log = AuthorityLog()
    people = log.authority.people
    (spare,) = make_people(["spare"])["spare"].keys
    people["bela"] = Person("bela", [*people["bela"].keys, spare])
    log.submit(log.proposed(Kind.ROSTER, "roster", log.authority.roster_body(), *REST))
    for subject, keys in (("both", people["bela"].keys), ("one", people["bela"].keys[:1])):
        made = log.proposed(Kind.PLATFORMS, subject, LIST, "chen")
        made.approvals.append(log.authority.approval(made.digest, "bela", keys=keys))
        log.submit(made)
    lost = people["bela"].keys[:1]
    people["bela"] = Person("bela", [spare])
    body = log.authority.roster_body(compromised=[key_id_of(spki(key)) for key in lost])
    log.submit(log.proposed(Kind.ROSTER, "roster", body, *REST))

    assert stands(log, Kind.PLATFORMS, "both")
    assert not stands(log, Kind.PLATFORMS, "one")


def test_proposing_is_not_approving(log: AuthorityLog) -> None:
    """What a thief proposed and enough others approved stands by them."""
    entered(log, "theirs", "chen", "dora", by="bela")
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert stands(log, Kind.PLATFORMS, "theirs")


def test_an_approval_that_the_roster_let_a_proposer_give_is_one_too() -> None:
    log = AuthorityLog(proposer_may_approve=["platforms", "revocation"])
    entered(log, "own", "bela", "chen", by="bela")
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert not stands(log, Kind.PLATFORMS, "own")


def test_the_second_theft_counts_with_the_first(log: AuthorityLog) -> None:
    entered(log, "three", "bela", "chen", "dora")
    log.authority.people.update(make_people(["fred", "gina"]))
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert stands(log, Kind.PLATFORMS, "three")
    second = log.remove("bela", "chen", compromised=["chen"], approvers=("dora", "emil", "fred"))

    assert not stands(log, Kind.PLATFORMS, "three")
    assert [each.index for each in log.state.suspended.values()] == [second.index] * 2
    assert log.state.roster_in_force(log.clock()) == second

    entered(log, "later", "fred", "emil")
    gone = ("bela", "chen", "gina")
    log.remove(*gone, compromised=["gina"], approvers=("dora", "emil", "fred"))
    assert stands(log, Kind.PLATFORMS, "later")


# What comes back, and how


def test_only_a_new_statement_ends_a_suspension(log: AuthorityLog) -> None:
    old = log.proposed(Kind.PLATFORMS, "eu", LIST, "bela", "chen")
    log.submit(old)
    log.remove("bela", compromised=["bela"], approvers=REST)
    old.approvals.append(log.authority.approval(old.digest, "dora"))
    with pytest.raises(LogInconsistent):
        log.append(log.leaf(old))
    assert not stands(log, Kind.PLATFORMS, "eu")

    log.clock.advance(seconds=1)
    new = entered(log, "eu", "chen", "dora")
    assert (new.statement.version, new.statement.replaces) == (2, old.digest)
    assert stands(log, Kind.PLATFORMS, "eu")


def test_no_earlier_version_returns(log: AuthorityLog) -> None:
    entered(log, "eu", "chen", "dora")
    entered(log, "eu", "bela", "chen")
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert not stands(log, Kind.PLATFORMS, "eu")


def test_a_revocation_is_never_suspended(log: AuthorityLog) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": "n1"}
    log.submit(log.proposed(Kind.REVOCATION, "node:n1", body, "bela"))
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert (TargetKind.NODE, "n1") in log.state.revoked
    assert stands(log, Kind.REVOCATION, "node:n1")


def test_a_revocation_that_the_thief_ended_is_back(log: AuthorityLog) -> None:
    """An honest baseline lists the firmware; it was revoked; the thief's own listed it anew."""
    log.submit(log.proposed(Kind.REFERENCE_VALUES, "old", measurements(FIRMWARE), "chen", "dora"))
    revocation = log.revoke("measurement", FIRMWARE.hex())
    log.submit(log.proposed(Kind.REFERENCE_VALUES, "laxer", measurements(FIRMWARE), "bela", "chen"))
    assert log.state.revoked == {}
    log.remove("bela", compromised=["bela"], approvers=REST)

    assert log.state.revoked == {(TargetKind.MEASUREMENT, FIRMWARE.hex()): revocation}
    assert stands(log, Kind.REFERENCE_VALUES, "old")


# A roster that the thief helped to change


def captured(log: AuthorityLog) -> None:
    """With Bela's key somebody has policies approved by one fewer, and a friend let in."""
    friend = make_people(["mole"])
    log.authority.people.update(friend)
    lower = {**log.authority.roster_body()["thresholds"], "model": 2}  # type: ignore[dict-item]
    body = log.authority.roster_body(thresholds=lower)
    log.submit(log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora"))


def test_what_was_approved_under_a_captured_roster_is_counted_by_the_one_before(
    log: AuthorityLog,
) -> None:
    captured(log)
    entered(log, "friends", "mole", "chen")
    entered(log, "honest", "chen", "dora")
    log.submit(
        log.proposed(
            Kind.ROSTER, "roster", log.removal("bela", "mole", compromised=["bela"]), *REST
        )
    )
    assert not stands(log, Kind.PLATFORMS, "friends")
    assert stands(log, Kind.PLATFORMS, "honest")
    assert log.state.roster_in_force(log.clock()) is not None


def test_nobody_counts_by_a_key_that_the_roster_names(log: AuthorityLog) -> None:
    body = log.removal("bela", compromised=["bela"])
    proposal = log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora")
    assert log.refusal(proposal) is SubmissionReason.TOO_FEW_APPROVALS
    assert log.refusal(log.proposed(Kind.ROSTER, "roster", body, *REST)) is None


def test_a_key_named_once_never_comes_back(log: AuthorityLog) -> None:
    log.remove("bela", compromised=["bela"], approvers=REST)
    back = log.proposed(Kind.ROSTER, "roster", log.authority.roster_body(), *REST)
    with pytest.raises(SubmissionRefused, match="does not come back") as refused:
        log.judged(back)
    assert refused.value.reason is SubmissionReason.COMPROMISED_KEY

    carried = log.removal("bela", compromised=["bela"])
    again = log.submit(log.proposed(Kind.ROSTER, "roster", carried, *REST))
    assert again.statement.version == 3
    assert log.state.compromised == {key_of(log, "bela")}


def test_only_a_key_that_some_officer_had_can_be_named(log: AuthorityLog) -> None:
    body = log.authority.roster_body(compromised=["ab" * 32])
    proposal = log.proposed(Kind.ROSTER, "roster", body, *REST)
    assert log.refusal(proposal) is SubmissionReason.UNKNOWN_KEY

    first = AuthorityLog.__new__(AuthorityLog)
    with pytest.raises(LogInconsistent, match="no roster in force ever had such a key"):
        first.__init__(compromised=["ab" * 32])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("own", "still an officer's"),
        (["AB" * 32], "compromised"),
        (["ab"], "compromised"),
        (["ab" * 32, "ab" * 32], "each item once"),
        (None, "'compromised' is wrong"),
        ([3], "compromised"),
    ],
)
def test_the_list_has_its_form(log: AuthorityLog, value: object, match: str) -> None:
    named = [key_of(log, "ada")] if value == "own" else value
    with pytest.raises(MalformedError, match=match):
        parse_statement(
            log.proposed(Kind.ROSTER, "roster", log.authority.roster_body(compromised=named)).raw
        )


# The attack: a laxer policy kept alive by a stolen key


def test_a_laxer_policy_does_not_outlive_the_stolen_key(log: AuthorityLog) -> None:
    log.submit(log.proposed(Kind.POLICY, "serving", policy_body(), "chen", "dora"))
    lax = policy_body(snp={**policy_body()["snp"], "debug": True})  # type: ignore[dict-item]
    log.submit(log.proposed(Kind.POLICY, "serving", lax, "bela", "chen"))
    assert stands(log, Kind.POLICY, "serving")
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert log.state.policy("serving", log.clock()) is None

    log.clock.advance(days=1)
    strict = log.proposed(Kind.POLICY, "serving", policy_body(), "chen", "dora")
    log.submit(strict)
    policy = log.state.policy("serving", log.clock())
    assert policy is not None
    assert not policy.snp.debug


def test_a_removed_key_cannot_backdate(log: AuthorityLog) -> None:
    """Statement and approvals of before the removal, as times go, handed in after it."""
    held_back = log.proposed(Kind.PLATFORMS, "eu", LIST, "bela", "chen")
    by_him = log.proposed(Kind.PLATFORMS, "us", LIST, "chen", "dora", by="bela")
    log.clock.advance(hours=1)
    log.remove("bela", approvers=REST)
    assert log.refusal(held_back) is SubmissionReason.UNKNOWN_SIGNER
    assert log.refusal(by_him) is SubmissionReason.UNKNOWN_PROPOSER

    late = log.clock()
    log.clock.now = late - timedelta(minutes=30)
    backdated = log.proposed(Kind.PLATFORMS, "eu", LIST, "bela", "chen", "dora")
    log.clock.now = late
    assert log.refusal(backdated) is SubmissionReason.UNKNOWN_SIGNER


def test_the_state_before_any_entry_knows_what_was_suspended_by_then(log: AuthorityLog) -> None:
    short = entered(log, "short", "bela", "chen").statement.digest
    removal = log.remove("bela", compromised=["bela"], approvers=REST)
    entered(log, "later", "chen", "dora")

    assert short not in log.state.before(removal.index).suspended
    assert short in log.state.before(removal.index + 1).suspended


# Counting by itself


def test_the_first_roster_stands_by_the_pin(log: AuthorityLog) -> None:
    first = log.state.newest[(Kind.ROSTER, "roster")]
    everybody = frozenset(key_id for key_id in first.statement.body.keys)  # type: ignore[union-attr]
    assert falls_short([(first.statement, first.approvals)], everybody) == frozenset()
    assert falls_short([], everybody) == frozenset()

"""The authority bundle: believed only down to the pinned fingerprint (our protocol §2.7)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import MalformedError
from keyturn.quorum.bodies import OaepHash, Purpose
from keyturn.quorum.bundle import Authority, bundle_of, load_bundle, make_bundle
from keyturn.quorum.errors import MalformedStatement, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from support.authority import OFFICERS, START, Proposal, make_people
from unit.quorum.authority_log import ORIGIN, AuthorityLog, der

Reason = SubmissionReason
OTHER = Digest("sha256:" + "22" * 32)


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog()
    made.enact_keys()
    return made


def load(log: AuthorityLog, raw: bytes | None = None) -> Authority:
    return load_bundle(make_bundle(log.state) if raw is None else raw, log.fingerprint, log.clock())


def reason(log: AuthorityLog, raw: bytes) -> SubmissionReason:
    with pytest.raises(SubmissionRefused) as refused:
        load(log, raw)
    return refused.value.reason


def edited(raw: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(raw)
    edit(document)
    return json.dumps(document).encode()


def test_a_bundle_gives_roster_and_keys(log: AuthorityLog) -> None:
    found = load(log)

    assert found.fingerprint == log.fingerprint
    assert found.origin == ORIGIN
    assert found.roster == log.state.roster
    assert found.keys == log.state.newest_keys
    assert found.ingest_key().spki == der(log.keys.ingest)
    assert found.ingest_oaep_hash() is OaepHash.SHA256
    assert found.log_key().spki == der(log.keys.log)
    assert found.result_key().spki == der(log.keys.result)


def test_it_is_written_as_the_protocol_says(log: AuthorityLog) -> None:
    document = json.loads(make_bundle(log.state))

    assert set(document) == {"type", "format", "roster", "keys"}
    assert (document["type"], document["format"]) == ("authority-bundle", 1)
    (roster,) = document["roster"]
    found = log.state.newest[(Kind.ROSTER, "roster")]
    assert roster == {
        "statement": b64(found.statement.raw),
        "approvals": [b64(each.raw) for each in found.approvals],
    }


def test_an_unfinished_authority_has_no_bundle() -> None:
    log = AuthorityLog()
    with pytest.raises(SubmissionRefused, match="no roster or no keys"):
        make_bundle(log.state)
    with pytest.raises(SubmissionRefused, match="no roster or no keys"):
        make_bundle(AuthorityState(log.fingerprint))


def test_another_authoritys_bundle_is_refused(log: AuthorityLog) -> None:
    other = AuthorityLog()
    other.enact_keys()
    foreign = make_bundle(other.state)

    assert reason(log, foreign) is Reason.WRONG_FINGERPRINT
    assert load(other, foreign).fingerprint == other.fingerprint


def test_a_second_first_roster_does_not_replace_the_chain(log: AuthorityLog) -> None:
    """The honest first roster, and behind it another authority's, be its officers the same."""
    other = AuthorityLog(like=log)
    other.enact_keys()
    theirs = json.loads(make_bundle(other.state))
    spliced = edited(
        make_bundle(log.state), lambda d: d.update(roster=d["roster"] + theirs["roster"])
    )
    assert reason(log, spliced) is Reason.OTHER_AUTHORITY

    stolen = edited(make_bundle(log.state), lambda d: d.update(keys=theirs["keys"]))
    assert reason(log, stolen) is Reason.OTHER_AUTHORITY
    assert load(log)


@pytest.mark.parametrize("part", ["roster", "keys"])
def test_one_approval_fewer_is_refused(log: AuthorityLog, part: str) -> None:
    def drop(document: dict[str, Any]) -> None:
        entry = document["keys"] if part == "keys" else document["roster"][0]
        entry["approvals"].pop()

    assert reason(log, edited(make_bundle(log.state), drop)) is Reason.TOO_FEW_APPROVALS


def test_a_chain_of_rosters_is_followed(log: AuthorityLog) -> None:
    log.authority.people.update(make_people(["finn"]))
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    whole = make_bundle(log.state)

    assert "finn" in load(log, whole).roster.officers
    swapped = edited(whole, lambda d: d["roster"].reverse())
    assert reason(log, swapped) is Reason.WRONG_FINGERPRINT
    gap = edited(whole, lambda d: d.update(roster=d["roster"][1:]))
    assert reason(log, gap) is Reason.WRONG_FINGERPRINT
    twice = edited(whole, lambda d: d.update(roster=d["roster"] + d["roster"][1:]))
    assert reason(log, twice) is Reason.WRONG_VERSION


def test_a_roster_that_was_never_approved_is_refused(log: AuthorityLog) -> None:
    stolen = make_people(OFFICERS)
    body = log.authority.roster_body(officers=[each.entry() for each in stolen.values()])
    forged = log.proposed(Kind.ROSTER, "roster", body)
    forged.approvals = [
        log.authority.approval(forged.digest, name, keys=stolen[name].keys) for name in OFFICERS[1:]
    ]

    assert reason(log, with_roster(log, forged)) is Reason.TOO_FEW_APPROVALS


def with_roster(log: AuthorityLog, proposal: Proposal) -> bytes:
    rosters = [pair(log, Kind.ROSTER, "roster"), (proposal.raw, proposal.approvals)]
    return bundle_of(rosters, pair(log, Kind.KEYS, "keys"))


def pair(log: AuthorityLog, kind: Kind, subject: str) -> tuple[bytes, list[bytes]]:
    found = log.state.newest[(kind, subject)]
    return found.statement.raw, [each.raw for each in found.approvals]


def test_keys_renewed_later_are_accepted_by_themselves(log: AuthorityLog) -> None:
    """A bundle carries the newest keys only."""
    log.clock.advance(days=1)
    renewed = log.enact_keys()

    assert renewed.statement.version == 2
    assert load(log).keys == renewed.statement.body


@pytest.mark.parametrize("kind", [Kind.ROSTER, Kind.KEYS])
def test_an_expired_bundle_is_refused(log: AuthorityLog, kind: Kind) -> None:
    log.clock.advance(days=89)
    if kind is Kind.KEYS:
        log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    else:
        log.enact_keys()
    raw = make_bundle(log.state)
    assert load(log, raw)
    log.clock.advance(days=1)

    with pytest.raises(SubmissionRefused, match=f"{kind.value} '{kind.value}'") as refused:
        load(log, raw)
    assert refused.value.reason is Reason.NOT_IN_FORCE
    assert refused.value.found.startswith("expired")


def test_an_approval_after_the_proposal_lapsed_is_refused(log: AuthorityLog) -> None:
    late = log.proposed(Kind.KEYS, "keys", log.keys.body(), "bela", "chen")
    log.clock.advance(days=3, seconds=1)
    late.approvals.append(log.authority.approval(late.digest, "dora"))
    raw = bundle_of([pair(log, Kind.ROSTER, "roster")], (late.raw, late.approvals))

    assert reason(log, raw) is Reason.LAPSED


def test_each_statement_stands_in_its_place(log: AuthorityLog) -> None:
    roster, keys = pair(log, Kind.ROSTER, "roster"), pair(log, Kind.KEYS, "keys")

    for raw in (bundle_of([keys], keys), bundle_of([roster], roster)):
        with pytest.raises(MalformedStatement, match="authority bundle"):
            load(log, raw)
    assert reason(log, bundle_of([], keys)) is Reason.NO_ROSTER
    assert load(log, bundle_of([roster], keys))


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(more=1),
        lambda d: d.update(type="bundle"),
        lambda d: d.update(format=2),
        lambda d: d.pop("keys"),
        lambda d: d.pop("roster"),
        lambda d: d["keys"].update(more=1),
        lambda d: d["keys"].pop("approvals"),
        lambda d: d["keys"].update(approvals=[1]),
        lambda d: d["keys"].update(approvals=["@"]),
        lambda d: d["keys"].update(approvals=[[]]),
        lambda d: d["roster"].append("x"),
        lambda d: d.update(keys=d["roster"]),
    ],
)
def test_another_form_is_refused(log: AuthorityLog, edit: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedError):
        load(log, edited(make_bundle(log.state), edit))


def test_after_a_roster_dropped_an_approver_of_the_keys_they_must_be_renewed(
    log: AuthorityLog,
) -> None:
    """A bundle has no log to show when the keys came into force, so it fails closed."""
    people = log.authority.people
    entries = [person.entry() for name, person in people.items() if name != "bela"]
    change = log.proposed(
        Kind.ROSTER, "roster", log.authority.roster_body(officers=entries), *OFFICERS[1:]
    )
    log.submit(change)
    raw = make_bundle(log.state)
    assert reason(log, raw) is Reason.UNKNOWN_SIGNER
    found = load_bundle(raw, log.fingerprint, log.clock(), lambda keys: keys.origin == ORIGIN)
    assert found.keys == log.state.newest_keys  # whoever knows them by the log may come in

    renewed = log.proposed(Kind.KEYS, "keys", log.keys.body(), "chen", "dora", "emil")
    log.submit(renewed)
    assert "bela" not in load(log).roster.officers


def test_keys_that_no_roster_approved_are_refused_whoever_knows_them(log: AuthorityLog) -> None:
    bad = log.proposed(Kind.KEYS, "keys", log.keys.body(), "bela", "chen")
    first = log.state.newest[(Kind.ROSTER, "roster")]
    roster = (first.statement.raw, [each.raw for each in first.approvals])
    raw = bundle_of([roster], (bad.raw, bad.approvals))
    with pytest.raises(SubmissionRefused) as refused:
        load_bundle(raw, log.fingerprint, log.clock(), lambda _: True)
    assert refused.value.reason is Reason.TOO_FEW_APPROVALS


def test_an_ingest_key_without_a_hash_is_never_guessed(log: AuthorityLog) -> None:
    found = load(log)
    bare = replace(found.ingest_key(), oaep_hash=None)
    keys = replace(found.keys, keys={**found.keys.keys, Purpose.INGEST: bare})

    with pytest.raises(MalformedStatement, match="without a hash"):
        replace(found, keys=keys).ingest_oaep_hash()


LOG = AuthorityLog()
LOG.enact_keys()
BUNDLE = make_bundle(LOG.state)


@settings(max_examples=200)
@given(place=st.integers(0, len(BUNDLE) - 1), mask=st.integers(1, 255))
def test_a_bundle_with_a_changed_byte_is_refused(place: int, mask: int) -> None:
    raw = bytearray(BUNDLE)
    raw[place] ^= mask
    with pytest.raises((MalformedError, SubmissionRefused)):
        load_bundle(bytes(raw), LOG.fingerprint, START)


def test_the_unchanged_bundle_is_believed() -> None:
    assert load_bundle(BUNDLE, LOG.fingerprint, START + timedelta(days=1)).origin == ORIGIN
    with pytest.raises(SubmissionRefused):
        load_bundle(BUNDLE, OTHER, START)


def test_keys_that_officers_signed_in_a_rehearsal_are_nobodys() -> None:
    """The real officers sign a rehearsal's keys with their real keys, and a bundle does not
    ask what its `keys` follow: whoever has the throw-away token had an ingest key for sealers."""
    log = AuthorityLog()
    log.enact(Kind.KEYS, "keys", {**log.keys.body(), "origin": f"rehearsal.{ORIGIN}"})
    raw = make_bundle(log.state)
    for lenient in (False, True):
        with pytest.raises(SubmissionRefused, match="rehearsal's throw-away token"):
            load_bundle(raw, log.fingerprint, log.clock(), lenient=lenient)
    assert load_bundle(raw, log.fingerprint, log.clock(), rehearsal=True).keys.rehearsed

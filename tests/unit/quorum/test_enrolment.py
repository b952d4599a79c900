"""A request to become an officer proves its keys, and gives no right (our protocol §2.9)."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.enrolment import (
    ENROLMENT_TYPE,
    LONGEST_WAIT,
    check_enrolment,
    enrolment_payload,
    parse_enrolment,
)
from keyturn.quorum.errors import EnrolmentRefused, MalformedStatement
from keyturn.quorum.kinds import Kind
from support.authority import Key, Person, make_people, sign
from unit.quorum.authority_log import AuthorityLog, platforms
from unit.quorum.bodies_reader import changed

OTHER = Digest("sha256:" + "22" * 32)
ZOE = Person("zoe", [*make_people(["a"])["a"].keys, *make_people(["a", "b"])["b"].keys])


@pytest.fixture
def log() -> AuthorityLog:
    return AuthorityLog()


def request(
    log: AuthorityLog,
    person: Person = ZOE,
    *,
    signers: list[Key] | None = None,
    authority: Digest | None = None,
    **entry: object,
) -> bytes:
    payload = enrolment_payload(
        authority or log.fingerprint, {**person.entry(), **entry}, log.clock()
    )
    return sign(ENROLMENT_TYPE, payload, *(person.keys if signers is None else signers))


def test_a_request_signed_by_every_key_it_names(log: AuthorityLog) -> None:
    raw = request(log)
    found = parse_enrolment(raw)

    assert found.officer.to_document() == {**ZOE.entry(), "roles": ["approver", "proposer"]}
    assert (found.authority, found.time, found.raw) == (log.fingerprint, log.clock(), raw)
    assert found.digest == parse_envelope(raw).digest
    check_enrolment(found, log.state, log.clock())


@pytest.mark.parametrize("signers", [ZOE.keys[:1], ZOE.keys[1:], [], make_people(["x"])["x"].keys])
def test_each_key_proves_itself_and_no_other_is_there(
    log: AuthorityLog, signers: list[Key]
) -> None:
    with pytest.raises(EnrolmentRefused, match="signed by each key"):
        parse_enrolment(request(log, signers=signers))


def test_a_key_beside_its_own(log: AuthorityLog) -> None:
    signers = [*ZOE.keys, *log.authority.people["ada"].keys]
    with pytest.raises(EnrolmentRefused, match="by no other"):
        parse_enrolment(request(log, signers=signers))


def test_what_was_changed_afterwards_is_refused(log: AuthorityLog) -> None:
    envelope = parse_envelope(request(log))
    for old, new in ((b'"approver"', b'"operator"'), (b'"zoe"', b'"eve"')):
        assert old in envelope.payload
        payload = envelope.payload.replace(old, new)
        raw = Envelope(envelope.payload_type, payload, envelope.signatures).to_bytes()
        with pytest.raises(EnrolmentRefused, match="does not prove its keys"):
            parse_enrolment(raw)


def test_signatures_of_another_document_do_not_count(log: AuthorityLog) -> None:
    """What an officer signs elsewhere is no request: the payload type is signed too."""
    payload = enrolment_payload(log.fingerprint, ZOE.entry(), log.clock())
    elsewhere = sign("application/vnd.keyturn.approval.v1+json", payload, *ZOE.keys)
    with pytest.raises(MalformedStatement, match="not an officer's enrolment"):
        parse_enrolment(elsewhere)
    moved = Envelope(ENROLMENT_TYPE, payload, parse_envelope(elsewhere).signatures).to_bytes()
    with pytest.raises(EnrolmentRefused, match="does not prove"):
        parse_enrolment(moved)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("more", 1, "unknown field"),
        ("time", ..., "'time' is missing"),
        ("format", 2, "'format' is wrong"),
        ("type", "approval", "'type' is wrong"),
        ("officer.more", 1, "unknown field"),
        ("officer.id", "Zoe", "officer id"),
        ("officer.name", "Zo\u202ee", "obeyed, not shown"),
        ("officer.roles", ["king"], "king"),
        ("officer.keys", [], "no key"),
        ("authority", "sha256:00", "authority"),
    ],
)
def test_another_form_is_refused(log: AuthorityLog, path: str, value: object, match: str) -> None:
    document = {
        "type": "officer-enrolment",
        "format": 1,
        "authority": log.fingerprint,
        "officer": ZOE.entry(),
        "time": "2026-11-23T08:00:00Z",
    }
    payload = json.dumps(changed(document, path, value)).encode()
    with pytest.raises(MalformedError, match=match):
        parse_enrolment(sign(ENROLMENT_TYPE, payload, *ZOE.keys))


# What the roster in force cannot take in


def refused(log: AuthorityLog, raw: bytes, match: str) -> None:
    with pytest.raises(EnrolmentRefused, match=match):
        check_enrolment(parse_enrolment(raw), log.state, log.clock())


def test_a_request_to_another_authority(log: AuthorityLog) -> None:
    refused(log, request(log, authority=OTHER), "for another authority")


def test_an_id_that_somebody_has(log: AuthorityLog) -> None:
    refused(log, request(log, Person("bela", ZOE.keys)), "of that id is in the roster")


def test_a_key_that_somebody_has(log: AuthorityLog) -> None:
    refused(log, request(log, Person("zoe", log.authority.people["bela"].keys)), "of bela|already")


def test_a_key_that_was_compromised(log: AuthorityLog) -> None:
    raw = request(log, Person("zoe", log.authority.people["bela"].keys))
    log.remove("bela", compromised=["bela"], approvers=("chen", "dora", "emil"))
    refused(log, raw, "removed for compromise")


def test_the_same_request_is_of_no_use_twice(log: AuthorityLog) -> None:
    raw = request(log)
    log.authority.people["zoe"] = ZOE
    body = log.authority.roster_body()
    log.submit(log.proposed(Kind.ROSTER, "roster", body, "bela", "chen", "dora"))
    refused(log, raw, "of that id is in the roster")
    proposal = log.proposed(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"), "zoe", "bela")
    assert log.refusal(proposal) is None


@pytest.mark.parametrize("away", [timedelta(seconds=-121), LONGEST_WAIT + timedelta(seconds=1)])
def test_a_request_of_another_time(log: AuthorityLog, away: timedelta) -> None:
    found = parse_enrolment(request(log))
    check_enrolment(found, log.state, log.clock() + LONGEST_WAIT)
    with pytest.raises(EnrolmentRefused, match="not of now"):
        check_enrolment(found, log.state, log.clock() + away)


LOG = AuthorityLog()
RAW = request(LOG)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_request_with_a_changed_byte_is_believed(place: int, mask: int) -> None:
    raw = RAW[:place] + bytes([RAW[place] ^ mask]) + RAW[place + 1 :]
    with suppress(MalformedError, EnrolmentRefused):
        assert parse_enrolment(raw).envelope == parse_envelope(RAW)  # white space, if anything


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_enrolment(raw)

"""Whatever bytes come, the readers of the protocol refuse or read; nothing else is raised."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.cosigning import parse_state
from keyturn.keyrelease.ear import verify_ear
from keyturn.keyrelease.entries import read_grant, read_refusal
from keyturn.keyrelease.grant import parse_answer, parse_grant, parse_refusal
from keyturn.keyrelease.request import parse_claims, parse_request
from keyturn.quorum.approvals import parse_approval, parse_withdrawal
from keyturn.quorum.bundle import load_bundle, make_bundle
from keyturn.quorum.enrolment import ENROLMENT_TYPE, enrolment_payload, parse_enrolment
from keyturn.quorum.entries import (
    parse_entry,
    read_decision,
    read_origin,
    read_statement,
    read_withdrawal,
)
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    SignInFailure,
    configuration_entry,
    read_configuration,
    read_report,
    report_entry,
)
from keyturn.quorum.statements import parse_statement, statement_type
from keyturn.tlog.receipts import parse_receipt
from keyturn.wire.witness import parse_add_checkpoint, parse_size
from support.authority import START, policy_body, sign
from support.fuzzing import examples
from unit.quorum.authority_log import (
    AuthorityLog,
    admission,
    ceremony,
    measurements,
    platforms,
    restore,
)

LOG = AuthorityLog()
LOG.enact_keys()
BUNDLE = make_bundle(LOG.state)
TIME = "2026-11-23T08:00:00Z"
ADA = LOG.authority.people["ada"].keys


def bundle(raw: bytes) -> object:
    return load_bundle(raw, LOG.fingerprint, START)


def ear(raw: bytes) -> object:
    roster = LOG.state.roster
    assert roster is not None
    return verify_ear(raw.decode("latin-1"), next(iter(roster.keys.values())))


READERS: list[Callable[[bytes], object]] = [
    parse_statement,
    parse_approval,
    parse_withdrawal,
    parse_enrolment,
    lambda raw: read_origin(parse_entry(raw)),
    lambda raw: read_statement(parse_entry(raw)),
    lambda raw: read_withdrawal(parse_entry(raw)),
    lambda raw: read_decision(parse_entry(raw)),
    lambda raw: read_report(parse_entry(raw)),
    lambda raw: read_configuration(parse_entry(raw)),
    lambda raw: read_grant(parse_entry(raw)),
    lambda raw: read_refusal(parse_entry(raw)),
    parse_request,
    parse_claims,
    parse_grant,
    parse_answer,
    parse_refusal,
    parse_receipt,
    parse_add_checkpoint,
    parse_size,
    parse_state,
    bundle,
    ear,
]


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=examples(100))
@given(raw=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes(read: Callable[[bytes], object], raw: bytes) -> None:
    with suppress(KeyturnError):
        read(raw)


BODIES: dict[Kind, dict[str, object]] = {
    Kind.ROSTER: LOG.authority.roster_body(),
    Kind.KEYS: LOG.keys.body(),
    Kind.POLICY: policy_body(),
    Kind.REFERENCE_VALUES: measurements(bytes(48)),
    Kind.PLATFORMS: platforms("amd-genoa-00"),
    Kind.TRUST_ANCHORS: {"hardware": "pinned", "simulated": []},
    Kind.MODEL: admission(LOG.fingerprint),
    Kind.REVOCATION: {"target_kind": "node", "target": "n1"},
    Kind.CEREMONY: ceremony(),
    Kind.RESTORE: restore(),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a document."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [found for key, each in inner for found in [(*path, key), *places(each, (*path, key))]]


@pytest.mark.parametrize("kind", list(BODIES), ids=lambda kind: kind.value)
@settings(max_examples=examples(150))
@given(data=st.data())
def test_any_value_anywhere_in_a_statement(kind: Kind, data: st.DataObject) -> None:
    """A statement that its proposer signed over anything at all: refused, or read."""
    payload = json.loads(payload_of(kind))
    *walk, last = data.draw(st.sampled_from(places(payload)))
    place = payload
    for step in walk:
        place = place[step]
    place[last] = data.draw(VALUES)
    raw = sign(statement_type(kind), dump(payload), *ADA)
    with suppress(MalformedError):
        assert parse_statement(raw).raw == raw


def payload_of(kind: Kind) -> bytes:
    subject = {
        Kind.MODEL: LOG.fingerprint,
        Kind.REVOCATION: "node:n1",
        Kind.ROSTER: "roster",
        Kind.KEYS: "keys",
        Kind.TRUST_ANCHORS: "trust-anchors",
        Kind.CEREMONY: "backup-2026",
        Kind.RESTORE: "7e" * 32,
    }.get(kind, "a subject")
    made = LOG.authority.propose(kind, subject, BODIES[kind])
    return parse_statement(made.raw).envelope.payload


@settings(max_examples=examples(150))
@given(data=st.data())
def test_any_value_anywhere_in_an_enrolment(data: st.DataObject) -> None:
    """What a stranger signed over anything at all."""
    person = LOG.authority.people["ada"]
    payload = json.loads(enrolment_payload(LOG.fingerprint, person.entry(), START))
    *walk, last = data.draw(st.sampled_from(places(payload)))
    place = payload
    for step in walk:
        place = place[step]
    place[last] = data.draw(VALUES)
    raw = sign(ENROLMENT_TYPE, dump(payload), *ADA)
    with suppress(KeyturnError):
        assert parse_enrolment(raw).raw == raw


@settings(max_examples=150)
@given(data=st.data())
def test_any_value_anywhere_in_a_bundle(data: st.DataObject) -> None:
    document = json.loads(BUNDLE)
    *walk, last = data.draw(st.sampled_from(places(document)))
    place = document
    for step in walk:
        place = place[step]
    place[last] = data.draw(VALUES)
    with pytest.raises(KeyturnError):
        bundle(dump(document))
    assert bundle(BUNDLE)


LISTED = LOG.proposed(Kind.PLATFORMS, "fuzz", platforms("amd-genoa-00"), "bela")
LATER: list[dict[str, object]] = [
    json.loads(LOG.decision_leaf(LISTED.raw, LISTED.approvals[0])),
    json.loads(report_entry(LOG.clock(), ReportEntry(None, SignInFailure.MALFORMED, 1, START))),
    json.loads(
        configuration_entry(
            LOG.clock(),
            ConfigurationEntry(Program.CONTROL, LOG.fingerprint, ("port",), "keyturn 1"),
        )
    ),
]


@pytest.mark.parametrize("leaf", LATER, ids=lambda leaf: str(leaf["kind"]))
@settings(max_examples=150)
@given(data=st.data())
def test_any_value_anywhere_in_an_entry(leaf: dict[str, object], data: st.DataObject) -> None:
    """The log's replay takes it or says why not; nothing else is raised."""
    changed = json.loads(json.dumps(leaf))
    *walk, last = data.draw(st.sampled_from(places(changed)))
    place = changed
    for step in walk:
        place = place[step]
    place[last] = data.draw(VALUES | st.sampled_from([TIME, LOG.fingerprint]))
    with suppress(LogInconsistent, UnreachableError):
        LOG.state.apply(dump(changed), LOG.read)

"""Log entries that change authority: their exact form (our protocol §6.2)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import (
    MAX_ENTRY,
    CeremonyEntry,
    DecisionEntry,
    Entry,
    EntryKind,
    OriginEntry,
    StatementEntry,
    WithdrawalEntry,
    ceremony_entry,
    decision_entry,
    envelopes_of,
    origin_entry,
    parse_entry,
    read_ceremony,
    read_decision,
    read_origin,
    read_start,
    read_statement,
    read_withdrawal,
    start_entry,
    statement_entry,
    withdrawal_entry,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from support.authority import START

A, B, C = (Digest("sha256:" + each * 64) for each in "abc")
TIME = "2026-11-23T08:00:00Z"
FRAME = {"type": "log-entry", "format": 1, "time": TIME}
ORIGIN: dict[str, object] = {**FRAME, "kind": "origin", "authority": A, "previous": None}
CEREMONY: dict[str, object] = {
    **FRAME,
    "kind": "ceremony",
    "ceremony": "kc-1",
    "ceremony_kind": "genesis",
    "seq": 0,
    "event": "opened",
    "record": A,
    "destroys": None,
}
STATEMENT: dict[str, object] = {
    **FRAME,
    "kind": "statement",
    "statement": A,
    "statement_kind": "policy",
    "subject": "serving",
    "version": 3,
    "envelopes": [B, C],
}
WITHDRAWAL: dict[str, object] = {
    **FRAME,
    "kind": "withdrawal",
    "statement": A,
    "envelopes": [B, C],
}
DECISION: dict[str, object] = {
    **FRAME,
    "kind": "decision",
    "statement": A,
    "officer": "bela",
    "decision": "reject",
    "envelopes": [B, C],
}
STARTED: dict[str, object] = {**FRAME, "kind": "start", "boot": "ab" * 16, "software": "x 1"}
FORMS = [
    pytest.param(ORIGIN, read_origin, id="origin"),
    pytest.param(STATEMENT, read_statement, id="statement"),
    pytest.param(WITHDRAWAL, read_withdrawal, id="withdrawal"),
    pytest.param(DECISION, read_decision, id="decision"),
    pytest.param(STARTED, read_start, id="start"),
]


def entry(fields: dict[str, object]) -> Entry:
    return parse_entry(json.dumps(fields).encode())


def test_each_kind_is_read() -> None:
    assert read_origin(entry(ORIGIN)) == OriginEntry(A, None)
    assert read_origin(entry({**ORIGIN, "previous": "old"})).previous == "old"
    read = read_statement(entry(STATEMENT))
    assert read == StatementEntry(A, Kind.POLICY, "serving", 3, (B, C))
    assert read_withdrawal(entry(WITHDRAWAL)) == WithdrawalEntry(A, (B, C))
    decided = DecisionEntry(A, OfficerId("bela"), Decision.REJECT, (B, C))
    assert read_decision(entry(DECISION)) == decided
    read_start(entry(STARTED))
    assert entry(STARTED).time == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_each_kind_is_written_as_the_protocol_says() -> None:
    assert json.loads(origin_entry(START, A)) == ORIGIN
    statement = StatementEntry(A, Kind.POLICY, "serving", 3, (B, C))
    assert json.loads(statement_entry(START, statement)) == STATEMENT
    assert json.loads(withdrawal_entry(START, WithdrawalEntry(A, (B, C)))) == WITHDRAWAL
    decided = DecisionEntry(A, OfficerId("bela"), Decision.REJECT, (B, C))
    assert json.loads(decision_entry(START, decided)) == DECISION
    assert json.loads(start_entry(START, "ab" * 16, "x 1")) == STARTED


@pytest.mark.parametrize(("fields", "read"), FORMS)
def test_every_field_is_needed_and_no_other(
    fields: dict[str, object], read: Callable[[Entry], object]
) -> None:
    for name in fields:
        less = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(MalformedError, match=f"'{name}' is missing"):
            read(entry(less))
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read(entry({**fields, "more": 1}))


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "entry"},
        {"format": 2},
        {"kind": "backdoor"},
        {"kind": "Statement"},
        {"kind": "ceremony-step"},
        {"time": "2026-11-23T08:00:00.5Z"},
    ],
    ids=str,
)
def test_another_frame_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        entry({**STATEMENT, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"statement_kind": "approval"},
        {"version": 0},
        {"subject": ""},
        {"envelopes": []},
        {"envelopes": [B, B]},
        {"envelopes": ["x"]},
        {"envelopes": [B, 1]},
        {"statement": "a" * 64},
    ],
    ids=str,
)
def test_another_statement_entry_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_statement(entry({**STATEMENT, **changed}))


@pytest.mark.parametrize("envelopes", [[], [B], [A, B, C]], ids=len)
def test_a_withdrawal_has_two_envelopes(envelopes: list[str]) -> None:
    with pytest.raises(MalformedError):
        read_withdrawal(entry({**WITHDRAWAL, "envelopes": envelopes}))


@pytest.mark.parametrize(
    "changed",
    [
        {"envelopes": []},
        {"envelopes": [B]},
        {"envelopes": [A, B, C]},
        {"envelopes": [B, B]},
        {"decision": "abstain"},
        {"decision": "Reject"},
        {"officer": ""},
        {"officer": None},
        {"statement": "a" * 64},
    ],
    ids=str,
)
def test_another_decision_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_decision(entry({**DECISION, **changed}))


@pytest.mark.parametrize("boot", ["", "ab" * 15, "AB" * 16])
def test_a_boot_is_sixteen_bytes(boot: str) -> None:
    with pytest.raises(MalformedError):
        read_start(entry({**STARTED, "boot": boot}))


def test_an_entry_fits_a_tile() -> None:
    leaf = json.dumps(STARTED).encode()
    assert parse_entry(leaf.ljust(MAX_ENTRY)).kind is EntryKind.START
    with pytest.raises(MalformedError, match="too large"):
        parse_entry(leaf.ljust(MAX_ENTRY + 1))


def test_a_ceremony_entry_is_read_as_it_was_made() -> None:
    made = CeremonyEntry("kc-1", "genesis", 0, "opened", Digest(A), None)
    leaf = ceremony_entry(entry(CEREMONY).time, made)
    assert json.loads(leaf) == CEREMONY
    assert read_ceremony(parse_entry(leaf)) == made
    assert envelopes_of(leaf) == (A,)


def test_a_ceremony_entry_needs_every_field_and_no_other() -> None:
    for name in ("ceremony", "ceremony_kind", "seq", "event", "record", "destroys"):
        less = {key: value for key, value in CEREMONY.items() if key != name}
        with pytest.raises(MalformedError, match=f"'{name}' is missing"):
            read_ceremony(entry(less))
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read_ceremony(entry({**CEREMONY, "more": 1}))

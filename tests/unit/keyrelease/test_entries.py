"""Grants and refusals as log entries, field by field (our protocol §6.2)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import (
    GrantEntry,
    RefusalEntry,
    grant_entry,
    read_grant,
    read_refusal,
    refusal_entry,
)
from keyturn.quorum.entries import Entry, EntryKind, parse_entry
from support.authority import START

A, B, C = (Digest("sha256:" + each * 64) for each in "abc")
GRANT: dict[str, Any] = {
    "type": "log-entry",
    "format": 1,
    "kind": "grant",
    "time": "2026-11-23T08:00:00Z",
    "purpose": "release",
    "grant": A,
    "lease": "ab" * 16,
    "until": "2026-11-23T08:01:00Z",
    "challenge": "01" * 56,
    "model": B,
    "node": "node-1",
    "platform": "amd-genoa-00",
    "tls": C,
    "core": "02" * 32,
    "evidence": A,
    "statements": [A, B],
    "caveats": ["simulated"],
}
REFUSAL: dict[str, Any] = {
    "type": "log-entry",
    "format": 1,
    "kind": "refusal",
    "time": "2026-11-23T08:00:00Z",
    "purpose": "renewal",
    "challenge": "01" * 56,
    "model": B,
    "node": "node-1",
    "platform": "amd-hidden",
    "evidence": A,
    "reasons": ["lease-not-live", "revoked"],
}
FORMS = [pytest.param(GRANT, read_grant, id="grant"), pytest.param(REFUSAL, read_refusal, id="no")]
Reader = Callable[[Entry], object]


def entry(fields: dict[str, Any]) -> Entry:
    return parse_entry(dump(fields))


def test_a_grant_is_read_and_written_alike() -> None:
    found = read_grant(entry(GRANT))

    assert found == GrantEntry(
        Purpose.RELEASE,
        A,
        "ab" * 16,
        START + timedelta(seconds=60),
        b"\1" * 56,
        B,
        "node-1",
        "amd-genoa-00",
        C,
        b"\2" * 32,
        A,
        (A, B),
        ("simulated",),
    )
    assert grant_entry(START, found) == dump(GRANT)
    assert parse_entry(dump(GRANT)).kind is EntryKind.GRANT


def test_a_refusal_is_read_and_written_alike() -> None:
    found = read_refusal(entry(REFUSAL))

    reasons = ("lease-not-live", "revoked")
    assert found == RefusalEntry(Purpose.RENEWAL, b"\1" * 56, B, "node-1", "amd-hidden", A, reasons)
    assert json.loads(refusal_entry(START, found)) == REFUSAL


@pytest.mark.parametrize(("fields", "read"), FORMS)
def test_every_field_is_needed_and_no_other(fields: dict[str, Any], read: Reader) -> None:
    for name in fields:
        less = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(MalformedError, match=f"'{name}' is missing"):
            read(entry(less))
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read(entry({**fields, "more": 1}))


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "gift"},
        {"grant": None},
        {"lease": "ab"},
        {"until": "soon"},
        {"challenge": "01" * 55},
        {"model": ""},
        {"node": ""},
        {"platform": "x" * 257},
        {"tls": "cc"},
        {"core": "02" * 33},
        {"evidence": "e"},
        {"statements": ["a"]},
        {"statements": [A, A]},
        {"caveats": [""]},
    ],
    ids=str,
)
def test_another_grant_entry_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_grant(entry({**GRANT, **change}))


@pytest.mark.parametrize(
    "change",
    [{"purpose": 1}, {"challenge": ""}, {"reasons": "revoked"}, {"reasons": [1]}],
    ids=str,
)
def test_another_refusal_entry_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_refusal(entry({**REFUSAL, **change}))

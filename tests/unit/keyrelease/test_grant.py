"""Grants, answers and refusals as bytes (our protocol §5.4–5.6)."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.grant import (
    MAX_ANSWER,
    GrantBody,
    RefusalDocument,
    RefusalReason,
    answer_document,
    make_grant,
    parse_answer,
    parse_grant,
    parse_refusal,
)
from keyturn.quorum.bodies import OaepHash

MODEL, STATEMENT, EAR = (Digest("sha256:" + each * 64) for each in "123")
GRANT: dict[str, Any] = {
    "type": "grant",
    "format": 1,
    "purpose": "release",
    "lease": "ab" * 16,
    "lease_seconds": 60,
    "challenge": "01" * 56,
    "core": "02" * 32,
    "binding": "03" * 64,
    "model": MODEL,
    "tag": "04" * 32,
    "statements": [STATEMENT, MODEL],
    "ear": EAR,
    "oaep_hash": "sha256",
}


def grant() -> GrantBody:
    return make_grant(
        purpose=Purpose.RELEASE,
        lease="ab" * 16,
        lease_seconds=60,
        challenge=b"\1" * 56,
        core=b"\2" * 32,
        binding=b"\3" * 64,
        model=MODEL,
        tag=b"\4" * 32,
        statements=[STATEMENT, MODEL],
        ear=EAR,
        oaep_hash=OaepHash.SHA256,
    )


def test_a_grant_is_written_as_the_protocol_says() -> None:
    found = grant()
    assert json.loads(found.raw) == GRANT
    assert found.digest == "sha256:" + hashlib.sha256(found.raw).hexdigest()
    assert found.hpke_info == hashlib.sha256(found.raw).digest()


def test_a_grant_reads_back() -> None:
    assert parse_grant(grant().raw) == grant()
    spaced = json.dumps(GRANT, indent=1).encode()
    assert parse_grant(spaced).raw == spaced
    assert parse_grant(spaced).digest != grant().digest


@pytest.mark.parametrize("name", GRANT)
def test_every_field_of_a_grant_is_needed(name: str) -> None:
    less = {key: value for key, value in GRANT.items() if key != name}
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_grant(dump(less))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"type": "Grant"},
        {"format": 2},
        {"purpose": "loan"},
        {"lease": "ab" * 15},
        {"lease_seconds": 0},
        {"lease_seconds": 86_401},
        {"challenge": "01" * 55},
        {"core": "02" * 31},
        {"binding": "03" * 32},
        {"model": "1" * 64},
        {"tag": "04" * 31},
        {"statements": ["policy"]},
        {"statements": [STATEMENT, STATEMENT]},
        {"statements": None},
        {"ear": None},
        {"oaep_hash": "md5"},
        {"oaep_hash": None},
    ],
    ids=str,
)
def test_another_grant_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_grant(dump({**GRANT, **change}))


def test_a_huge_grant_is_refused() -> None:
    raw = grant().raw
    with pytest.raises(MalformedError, match="too large"):
        parse_grant(raw.ljust((64 << 10) + 1))


@settings(max_examples=200)
@given(place=st.integers(0, len(grant().raw) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_of_a_grant_is_refused_or_another_grant(place: int, mask: int) -> None:
    raw = bytearray(grant().raw)
    raw[place] ^= mask
    try:
        found = parse_grant(bytes(raw))
    except MalformedError:
        return
    assert (found.digest, found.hpke_info) != (grant().digest, grant().hpke_info)
    assert found != grant()


# Answers


@pytest.mark.parametrize("sealed", [b"sealed", None])
def test_an_answer_reads_back(sealed: bytes | None) -> None:
    document = answer_document(grant(), sealed, "a.b.c", b"receipt")

    assert document == {
        "type": "release-answer",
        "format": 1,
        "grant": b64(grant().raw),
        "sealed_dek": b64(sealed) if sealed else None,
        "ear": "a.b.c",
        "receipt": b64(b"receipt"),
    }
    found = parse_answer(dump(document))
    assert (found.grant, found.sealed_dek) == (grant().raw, sealed)
    assert (found.ear, found.receipt) == ("a.b.c", b"receipt")


ANSWER = answer_document(grant(), b"sealed", "a.b.c", b"receipt")


@pytest.mark.parametrize("name", ANSWER)
def test_every_field_of_an_answer_is_needed(name: str) -> None:
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_answer(dump({key: value for key, value in ANSWER.items() if key != name}))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"type": "refusal"},
        {"grant": "@"},
        {"sealed_dek": b64(bytes((16 << 10) + 1))},
        {"ear": ""},
        {"ear": None},
        {"receipt": {}},
    ],
    ids=lambda change: str(change)[:40],
)
def test_another_answer_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        parse_answer(dump({**ANSWER, **change}))


def test_a_huge_answer_is_refused() -> None:
    with pytest.raises(MalformedError, match="too large"):
        parse_answer(dump(ANSWER).ljust(MAX_ANSWER + 1))


# Refusals

REASON = RefusalReason("cpu: product", "product-not-allowed", "Milan", "Genoa", STATEMENT, "")
BARE = RefusalReason("challenge", "challenge-spent", "", "", None, "ask again")


@pytest.mark.parametrize("logged", [True, False])
def test_a_refusal_reads_back(logged: bool) -> None:
    made = RefusalDocument(Purpose.RENEWAL, b"\1" * 56, MODEL, (REASON, BARE), logged)
    document = made.to_document()

    assert document == {
        "type": "refusal",
        "format": 1,
        "purpose": "renewal",
        "challenge": "01" * 56,
        "model": MODEL,
        "reasons": [
            {
                "check": "cpu: product",
                "reason": "product-not-allowed",
                "found": "Milan",
                "expected": "Genoa",
                "statement": STATEMENT,
                "hint": "",
            },
            {
                "check": "challenge",
                "reason": "challenge-spent",
                "found": "",
                "expected": "",
                "statement": None,
                "hint": "ask again",
            },
        ],
        "logged": logged,
    }
    assert parse_refusal(dump(document)) == made


REFUSAL = RefusalDocument(Purpose.RELEASE, bytes(56), MODEL, (REASON,), True).to_document()


@pytest.mark.parametrize("name", REFUSAL)
def test_every_field_of_a_refusal_is_needed(name: str) -> None:
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_refusal(dump({key: value for key, value in REFUSAL.items() if key != name}))


@pytest.mark.parametrize("name", REASON.to_document())
def test_every_field_of_a_reason_is_needed(name: str) -> None:
    less = {key: value for key, value in REASON.to_document().items() if key != name}
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_refusal(dump({**REFUSAL, "reasons": [less]}))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"type": "grant"},
        {"logged": 1},
        {"reasons": None},
        {"reasons": [{**REASON.to_document(), "more": 1}]},
        {"reasons": [{**REASON.to_document(), "statement": "policy"}]},
        {"reasons": [{**REASON.to_document(), "reason": ""}]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_another_refusal_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        parse_refusal(dump({**REFUSAL, **change}))

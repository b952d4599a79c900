"""Reading approvals and withdrawals: exact form, nothing proved (our protocol §2.3, §2.4)."""

import json
from collections.abc import Callable

import pytest

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.approvals import (
    Approval,
    Decision,
    Withdrawal,
    approval_payload,
    parse_approval,
    parse_withdrawal,
    withdrawal_payload,
)
from keyturn.quorum.errors import MalformedStatement
from support.authority import START

OVER = Digest("sha256:" + "33" * 32)
Reader = Callable[[bytes], Approval | Withdrawal]


def approval(**changed: object) -> dict[str, object]:
    """From the words of §2.3."""
    fields: dict[str, object] = {
        "type": "approval",
        "format": 1,
        "statement": OVER,
        "decision": "approve",
        "officer": "bela",
        "time": "2026-11-23T08:00:00Z",
        "comment": "",
    }
    return {**fields, **changed}


def withdrawal(**changed: object) -> dict[str, object]:
    """From the words of §2.4."""
    fields: dict[str, object] = {
        "type": "withdrawal",
        "format": 1,
        "statement": OVER,
        "officer": "ada",
        "time": "2026-11-23T08:00:00Z",
        "reason": "a mistake",
    }
    return {**fields, **changed}


def wrapped(fields: dict[str, object], kind: str = "") -> bytes:
    name = kind or str(fields["type"])
    raw = json.dumps(fields).encode()
    return Envelope(f"application/vnd.keyturn.{name}.v1+json", raw, ()).to_bytes()


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_an_approval_is_read(decision: str) -> None:
    raw = wrapped(approval(decision=decision, comment="seen on site"))
    found = parse_approval(raw)

    assert (found.statement, found.officer, found.time) == (OVER, "bela", START)
    assert found.decision is Decision(decision)
    assert (found.comment, found.raw) == ("seen on site", raw)


def test_a_withdrawal_is_read() -> None:
    raw = wrapped(withdrawal())
    found = parse_withdrawal(raw)

    assert (found.statement, found.officer, found.time) == (OVER, "ada", START)
    assert (found.reason, found.raw) == ("a mistake", raw)


def test_the_preview_that_an_officer_saw_may_be_named() -> None:
    seen = Digest("sha256:" + "44" * 32)
    assert parse_approval(wrapped(approval(preview=seen))).preview == seen
    assert parse_approval(wrapped(approval())).preview is None
    made = approval_payload(OVER, Decision.APPROVE, officer="bela", time=START, preview=seen)
    assert json.loads(made) == approval(preview=seen)


@pytest.mark.parametrize("preview", [None, "", "44" * 32, "sha256:" + "44" * 31, 1, [], {}])
def test_a_preview_is_a_digest_or_absent(preview: object) -> None:
    with pytest.raises(MalformedError, match="preview"):
        parse_approval(wrapped(approval(preview=preview)))


def test_a_withdrawal_names_no_preview() -> None:
    with pytest.raises(MalformedError, match="preview"):
        parse_withdrawal(wrapped(withdrawal(preview=OVER)))


def test_what_is_written_is_what_the_protocol_says() -> None:
    made = approval_payload(OVER, Decision.REJECT, officer="bela", time=START, comment="no")
    assert json.loads(made) == approval(decision="reject", comment="no")
    made = withdrawal_payload(OVER, officer="ada", time=START, reason="a mistake")
    assert json.loads(made) == withdrawal()


@pytest.mark.parametrize("name", sorted(approval()))
def test_every_field_of_an_approval_is_needed(name: str) -> None:
    fields = approval()
    del fields[name]
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_approval(wrapped(fields, "approval"))


@pytest.mark.parametrize("name", sorted(withdrawal()))
def test_every_field_of_a_withdrawal_is_needed(name: str) -> None:
    fields = withdrawal()
    del fields[name]
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        parse_withdrawal(wrapped(fields, "withdrawal"))


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"format": 2},
        {"type": "withdrawal"},
        {"statement": "33" * 32},
        {"decision": "Approve"},
        {"decision": ""},
        {"decision": True},
        {"officer": ""},
        {"officer": "x" * 65},
        {"time": "yesterday"},
        {"comment": None},
        {"comment": "x" * 2001},
    ],
    ids=str,
)
def test_another_form_of_approval_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        parse_approval(wrapped(approval(**changed), "approval"))


@pytest.mark.parametrize(
    "changed", [{"more": 1}, {"reason": ""}, {"type": "approval"}, {"officer": None}], ids=str
)
def test_another_form_of_withdrawal_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        parse_withdrawal(wrapped(withdrawal(**changed), "withdrawal"))


@pytest.mark.parametrize(
    ("read", "fields", "kind"),
    [
        (parse_approval, approval(), "withdrawal"),
        (parse_approval, approval(), "policy"),
        (parse_withdrawal, withdrawal(), "approval"),
    ],
)
def test_one_kind_of_envelope_is_not_read_as_another(
    read: Reader, fields: dict[str, object], kind: str
) -> None:
    with pytest.raises(MalformedStatement, match="not an envelope of an"):
        read(wrapped(fields, kind))


@pytest.mark.parametrize(
    ("read", "fields"), [(parse_approval, approval()), (parse_withdrawal, withdrawal())]
)
def test_a_huge_one_is_refused(read: Reader, fields: dict[str, object]) -> None:
    name = str(fields["type"])
    raw = json.dumps(fields).encode().ljust((32 << 10) + 1)
    with pytest.raises(MalformedError, match="too large"):
        read(Envelope(f"application/vnd.keyturn.{name}.v1+json", raw, ()).to_bytes())
    with pytest.raises(MalformedError, match="too large"):
        read(wrapped(fields).ljust((64 << 10) + 1))


@pytest.mark.parametrize(
    "hidden", ["\x1b[2K", "\r", "\x7f", "\x9b1A", "\u202e", "\u2069"], ids=ascii
)
def test_no_text_holds_what_a_terminal_obeys(hidden: str) -> None:
    with pytest.raises(MalformedStatement, match=r"obeyed, not shown"):
        parse_approval(wrapped(approval(comment=f"fine{hidden}")))
    with pytest.raises(MalformedStatement, match=r"obeyed, not shown"):
        parse_withdrawal(wrapped(withdrawal(reason=f"fine{hidden}")))

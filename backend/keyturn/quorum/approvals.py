"""Approvals, rejections, withdrawals: signed records over a statement's digest (§2.3, §2.4)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.base.times import format_time
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.texts import check_texts

APPROVAL_TYPE = payload_type("approval")
WITHDRAWAL_TYPE = payload_type("withdrawal")
MAX_APPROVAL = 32 << 10


class Decision(Enum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Approval:
    """A parsed approval or rejection. Who signed it is proved only in `quorum.state`."""

    statement: Digest
    decision: Decision
    officer: OfficerId
    time: datetime
    comment: str
    envelope: Envelope
    raw: bytes
    preview: Digest | None = None
    """Of the impact preview that the officer was shown (our protocol §8.9)."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    statement: Digest
    officer: OfficerId
    time: datetime
    reason: str
    envelope: Envelope
    raw: bytes


def parse_approval(raw: bytes) -> Approval:
    """Raises MalformedError. Proves nothing."""
    envelope = _envelope(raw, APPROVAL_TYPE, "approval")
    fields = _fields(envelope, "approval")
    fields.literal("type", "approval")
    fields.literal("format", 1)
    approval = Approval(
        fields.digest("statement"),
        fields.choice("decision", Decision),
        OfficerId(fields.text("officer", limit=64)),
        fields.time("time"),
        fields.text("comment", limit=2000, empty=True),
        envelope,
        raw,
        fields.digest("preview") if fields.has("preview") else None,
    )
    fields.done()
    return approval


def parse_withdrawal(raw: bytes) -> Withdrawal:
    """Raises MalformedError. Proves nothing."""
    envelope = _envelope(raw, WITHDRAWAL_TYPE, "withdrawal")
    fields = _fields(envelope, "withdrawal")
    fields.literal("type", "withdrawal")
    fields.literal("format", 1)
    withdrawal = Withdrawal(
        fields.digest("statement"),
        OfficerId(fields.text("officer", limit=64)),
        fields.time("time"),
        fields.text("reason", limit=2000),
        envelope,
        raw,
    )
    fields.done()
    return withdrawal


def approval_payload(
    statement: Digest,
    decision: Decision,
    *,
    officer: str,
    time: datetime,
    comment: str = "",
    preview: Digest | None = None,
) -> bytes:
    """The payload to sign under APPROVAL_TYPE. `preview`: of the impact that was shown, if any."""
    return dump(
        {
            "type": "approval",
            "format": 1,
            "statement": statement,
            "decision": decision.value,
            "officer": officer,
            "time": format_time(time),
            "comment": comment,
            **({"preview": preview} if preview is not None else {}),
        }
    )


def withdrawal_payload(statement: Digest, *, officer: str, time: datetime, reason: str) -> bytes:
    """The payload to sign under WITHDRAWAL_TYPE."""
    return dump(
        {
            "type": "withdrawal",
            "format": 1,
            "statement": statement,
            "officer": officer,
            "time": format_time(time),
            "reason": reason,
        }
    )


def _envelope(raw: bytes, expected: str, what: str) -> Envelope:
    envelope = parse_envelope(raw, limit=MAX_APPROVAL * 2)
    if envelope.payload_type != expected:
        raise MalformedStatement(
            f"not an envelope of an {what}", found=repr(envelope.payload_type), expected=expected
        )
    return envelope


def _fields(envelope: Envelope, what: str) -> Fields:
    document = load_object(envelope.payload, limit=MAX_APPROVAL, what=what)
    check_texts(document, what)
    return Fields(document, what)

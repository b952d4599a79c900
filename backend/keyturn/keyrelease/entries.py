"""Grants and refusals as log entries (our protocol §6.2)."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.times import format_time
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.quorum.entries import Entry, EntryKind, entry_bytes


@dataclass(frozen=True, slots=True)
class GrantEntry:
    purpose: Purpose
    grant: Digest
    lease: str
    until: datetime
    challenge: bytes
    model: Digest
    node: str
    platform: str
    tls: Digest
    core: bytes
    evidence: Digest
    statements: tuple[Digest, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusalEntry:
    purpose: Purpose
    challenge: bytes
    model: Digest
    node: str
    platform: str
    evidence: Digest
    reasons: tuple[str, ...]


def grant_entry(time: datetime, entry: GrantEntry) -> bytes:
    """The leaf that must be durable before the HSM is asked (I2)."""
    return entry_bytes(
        EntryKind.GRANT,
        time,
        {
            "purpose": entry.purpose.value,
            "grant": entry.grant,
            "lease": entry.lease,
            "until": format_time(entry.until),
            "challenge": entry.challenge.hex(),
            "model": entry.model,
            "node": entry.node,
            "platform": entry.platform,
            "tls": entry.tls,
            "core": entry.core.hex(),
            "evidence": entry.evidence,
            "statements": list(entry.statements),
            "caveats": list(entry.caveats),
        },
    )


def refusal_entry(time: datetime, entry: RefusalEntry) -> bytes:
    return entry_bytes(
        EntryKind.REFUSAL,
        time,
        {
            "purpose": entry.purpose.value,
            "challenge": entry.challenge.hex(),
            "model": entry.model,
            "node": entry.node,
            "platform": entry.platform,
            "evidence": entry.evidence,
            "reasons": list(entry.reasons),
        },
    )


def read_grant(entry: Entry) -> GrantEntry:
    """Raises MalformedError."""
    fields = entry.fields
    grant = GrantEntry(
        fields.choice("purpose", Purpose),
        fields.digest("grant"),
        fields.hex("lease", size=16).hex(),
        fields.time("until"),
        fields.hex("challenge", size=CHALLENGE_SIZE),
        fields.digest("model"),
        fields.text("node", limit=64),
        fields.text("platform", limit=256),
        fields.digest("tls"),
        fields.hex("core", size=32),
        fields.digest("evidence"),
        tuple(
            parse_digest(each, what="grant entry: statements")
            for each in fields.texts("statements", limit=64)
        ),
        fields.texts("caveats", limit=64),
    )
    fields.done()
    return grant


def read_refusal(entry: Entry) -> RefusalEntry:
    """Raises MalformedError."""
    fields = entry.fields
    refusal = RefusalEntry(
        fields.choice("purpose", Purpose),
        fields.hex("challenge", size=CHALLENGE_SIZE),
        fields.digest("model"),
        fields.text("node", limit=64),
        fields.text("platform", limit=256),
        fields.digest("evidence"),
        fields.texts("reasons", limit=1000),
    )
    fields.done()
    return refusal

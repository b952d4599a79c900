"""The outcome of a release decision: a grant's exact bytes, or a refusal with all its reasons.

Source: our protocol §5.4–5.6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.base.encoding import Digest, b64, digest_of, parse_digest, sha256
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.quorum.bodies import OaepHash

MAX_GRANT = 64 << 10
MAX_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class GrantBody:
    """What a grant says; `raw` are the bytes whose SHA-256 the log and HPKE's info carry."""

    purpose: Purpose
    lease: str  # 32 hex digits
    lease_seconds: int
    challenge: bytes
    core: bytes
    binding: bytes
    model: Digest
    tag: bytes
    statements: tuple[Digest, ...]
    ear: Digest
    oaep_hash: OaepHash
    raw: bytes

    @property
    def digest(self) -> Digest:
        return digest_of(self.raw)

    @property
    def hpke_info(self) -> bytes:
        """32 bytes."""
        return sha256(self.raw)


def make_grant(
    *,
    purpose: Purpose,
    lease: str,
    lease_seconds: int,
    challenge: bytes,
    core: bytes,
    binding: bytes,
    model: Digest,
    tag: bytes,
    statements: Sequence[Digest],
    ear: Digest,
    oaep_hash: OaepHash,
) -> GrantBody:
    """Write a grant body once; its bytes are the grant from then on."""
    raw = dump(
        {
            "type": "grant",
            "format": 1,
            "purpose": purpose.value,
            "lease": lease,
            "lease_seconds": lease_seconds,
            "challenge": challenge.hex(),
            "core": core.hex(),
            "binding": binding.hex(),
            "model": model,
            "tag": tag.hex(),
            "statements": list(statements),
            "ear": ear,
            "oaep_hash": oaep_hash.value,
        }
    )
    return parse_grant(raw)


def parse_grant(raw: bytes) -> GrantBody:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_GRANT, what="grant")
    fields.literal("type", "grant")
    fields.literal("format", 1)
    grant = GrantBody(
        fields.choice("purpose", Purpose),
        fields.hex("lease", size=16).hex(),
        fields.integer("lease_seconds", low=1, high=86_400),
        fields.hex("challenge", size=CHALLENGE_SIZE),
        fields.hex("core", size=32),
        fields.hex("binding", size=64),
        fields.digest("model"),
        fields.hex("tag", size=32),
        tuple(
            parse_digest(each, what="grant: statements")
            for each in fields.texts("statements", limit=64)
        ),
        fields.digest("ear"),
        fields.choice("oaep_hash", OaepHash),
        raw,
    )
    fields.done()
    return grant


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """One failing check: what was found and expected, and which statement expected it."""

    check: str
    reason: str  # stable
    found: str
    expected: str
    statement: Digest | None
    hint: str

    def to_document(self) -> dict[str, object]:
        return {
            "check": self.check,
            "reason": self.reason,
            "found": self.found,
            "expected": self.expected,
            "statement": self.statement,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class RefusalDocument:
    """A refusal as it travels; `logged` says whether the log has an entry for it."""

    purpose: Purpose
    challenge: bytes
    model: Digest
    reasons: tuple[RefusalReason, ...]
    logged: bool

    def to_document(self) -> dict[str, object]:
        return {
            "type": "refusal",
            "format": 1,
            "purpose": self.purpose.value,
            "challenge": self.challenge.hex(),
            "model": self.model,
            "reasons": [each.to_document() for each in self.reasons],
            "logged": self.logged,
        }


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """A parsed answer. Nothing in it is proved: `answer.check_answer` does that."""

    grant: bytes
    sealed_dek: bytes | None
    ear: str
    receipt: bytes  # the receipt document's bytes


def answer_document(
    grant: GrantBody, sealed_dek: bytes | None, ear: str, receipt: bytes
) -> dict[str, object]:
    return {
        "type": "release-answer",
        "format": 1,
        "grant": b64(grant.raw),
        "sealed_dek": b64(sealed_dek) if sealed_dek is not None else None,
        "ear": ear,
        "receipt": b64(receipt),
    }


def parse_answer(raw: bytes) -> ReleaseAnswer:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_ANSWER, what="release answer")
    fields.literal("type", "release-answer")
    fields.literal("format", 1)
    answer = ReleaseAnswer(
        fields.b64("grant", limit=MAX_GRANT),
        fields.nullable("sealed_dek", lambda name: fields.b64(name, limit=16 << 10)),
        fields.text("ear", limit=256 << 10),
        fields.b64("receipt", limit=256 << 10),
    )
    fields.done()
    return answer


def parse_refusal(raw: bytes) -> RefusalDocument:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_ANSWER, what="refusal")
    fields.literal("type", "refusal")
    fields.literal("format", 1)
    refusal = RefusalDocument(
        fields.choice("purpose", Purpose),
        fields.hex("challenge", size=CHALLENGE_SIZE),
        fields.digest("model"),
        tuple(_reason(each) for each in fields.objects("reasons", limit=1000)),
        fields.boolean("logged"),
    )
    fields.done()
    return refusal


def _reason(fields: Fields) -> RefusalReason:
    reason = RefusalReason(
        fields.text("check"),
        fields.text("reason"),
        fields.text("found", limit=1 << 16, empty=True),
        fields.text("expected", limit=1 << 16, empty=True),
        fields.nullable("statement", fields.digest),
        fields.text("hint", limit=1 << 16, empty=True),
    )
    fields.done()
    return reason

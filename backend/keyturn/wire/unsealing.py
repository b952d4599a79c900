"""Unsealing and sealing a keyholder, both ends of its socket (our protocol §10.12)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from keyturn.base.encoding import b64, unb64
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.sharesets import ShareSet, read_share_set
from keyturn.wire.requests import Request

MAX_ENVELOPE = 128 << 10
MAX_SEALED_SHARE = 16 << 10
MAX_HOST = 256 << 10
MAX_EVIDENCE = 128 << 10
MAX_RECORD = 1 << 20
MAX_SETS = 8
MAX_OFFICERS = 256
SESSION_SIZE = 16  # bytes
ATTACHED = 1


@dataclass(frozen=True, slots=True)
class UnsealNews:
    """How a keyholder stands. Its word; `host`, `evidence` and `record` are for a client to check.

    `missing`: the fewest shares that are still needed. `evidence` is a document of §4.4, or None.
    """

    session: str
    sealed: bool
    host: bytes
    evidence: bytes | None
    record: bytes
    shares: tuple[ShareSet, ...]
    entered: tuple[str, ...]
    missing: int

    def document(self) -> JsonObject:
        return cast(
            "JsonObject",
            {
                "session": self.session,
                "sealed": self.sealed,
                "host": b64(self.host),
                "evidence": None if self.evidence is None else b64(self.evidence),
                "record": b64(self.record),
                "shares": [each.document() for each in self.shares],
                "entered": list(self.entered),
                "missing": self.missing,
            },
        )


@dataclass(frozen=True, slots=True)
class ShareTaken:
    """After one share. `sealed` False: it was the last one, and the keyholder answers."""

    entered: tuple[str, ...]
    missing: int
    sealed: bool

    def document(self) -> JsonObject:
        return {"entered": list(self.entered), "missing": self.missing, "sealed": self.sealed}


@dataclass(frozen=True, slots=True)
class AskUnseal(Request[UnsealNews]):
    op: ClassVar[str] = "unseal"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> UnsealNews:
        return read_unseal_news(answer)


@dataclass(frozen=True, slots=True)
class HandShare(Request[ShareTaken]):
    """A custodian's step signature, and the share that it names, sealed to the session's key."""

    op: ClassVar[str] = "unseal-share"
    repeatable: ClassVar[bool] = False  # the same share twice is refused
    envelope: bytes
    attached: tuple[bytes, ...]

    def document(self) -> JsonObject:
        attached = [b64(each) for each in self.attached]
        return {"op": self.op, "envelope": b64(self.envelope), "attached": [*attached]}

    def read(self, answer: Fields) -> ShareTaken:
        return read_share_taken(answer)


@dataclass(frozen=True, slots=True)
class AskSeal(Request[int]):
    """The log index of the entry that says so."""

    op: ClassVar[str] = "seal"
    repeatable: ClassVar[bool] = False
    envelope: bytes

    def document(self) -> JsonObject:
        return {"op": self.op, "envelope": b64(self.envelope)}

    def read(self, answer: Fields) -> int:
        return answer.integer("index")


UnsealRequest = AskUnseal | HandShare | AskSeal


def parse_unseal_request(op: str, fields: Fields) -> UnsealRequest | None:
    """One of these, or None where `op` is none; the caller ends the reading.

    Raises MalformedError.
    """
    reader = _READERS.get(op)
    return reader(fields) if reader else None


def read_share(fields: Fields) -> HandShare:
    """`envelope` and `attached`; the caller ends the reading. Raises MalformedError."""
    envelope = fields.b64("envelope", limit=MAX_ENVELOPE)
    texts = fields.texts("attached", limit=ATTACHED)
    return HandShare(envelope, tuple(unb64(each, what="request: attached") for each in texts))


def read_unseal_news(answer: Fields) -> UnsealNews:
    """The caller ends the reading. Raises MalformedError."""
    return UnsealNews(
        answer.hex("session", size=SESSION_SIZE).hex(),
        answer.boolean("sealed"),
        answer.b64("host", limit=MAX_HOST),
        answer.nullable("evidence", lambda name: answer.b64(name, limit=MAX_EVIDENCE)),
        answer.b64("record", limit=MAX_RECORD),
        tuple(read_share_set(each) for each in answer.objects("shares", limit=MAX_SETS)),
        answer.texts("entered", limit=MAX_OFFICERS),
        answer.integer("missing", high=MAX_OFFICERS),
    )


def read_share_taken(answer: Fields) -> ShareTaken:
    """As `read_unseal_news`."""
    return ShareTaken(
        answer.texts("entered", limit=MAX_OFFICERS),
        answer.integer("missing", high=MAX_OFFICERS),
        answer.boolean("sealed"),
    )


_READERS: Mapping[str, Callable[[Fields], UnsealRequest]] = {
    AskUnseal.op: lambda _: AskUnseal(),
    HandShare.op: read_share,
    AskSeal.op: lambda fields: AskSeal(fields.b64("envelope", limit=MAX_ENVELOPE)),
}

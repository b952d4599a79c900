"""Asking a ceremony's host, both ends (our protocol §10.7): the keyholder's frames, more ops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, cast

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.script import ShareUse
from keyturn.wire.requests import Request

MAX_ENVELOPE = 2 << 20
MAX_ATTACHED = 16
MAX_FILE = 4 << 20
MAX_REWRAP = 4096
REWRAP_ITEM = 32 + 40
REWRAP_ANSWER = 1 + 40
MAX_RECORDS = 4 << 20  # bytes of one answer


class CeremonyState(Enum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class CeremonyRow:
    """A ceremony in the list. The host's word."""

    ceremony: str
    kind: str
    rehearsal: bool
    state: CeremonyState
    step: str | None
    seq: int
    opened: str


@dataclass(frozen=True, slots=True)
class CeremonyList:
    host: bytes
    """The host key document: a DSSE envelope, or the bare document where nothing signs it."""
    ceremonies: tuple[CeremonyRow, ...]


@dataclass(frozen=True, slots=True)
class ShareBox:
    """A share, sealed to its custodian."""

    officer: str
    use: str
    group: int
    member: int
    box: bytes


@dataclass(frozen=True, slots=True)
class StatementToSign:
    """What a step attaches: signed by a proposer, or its digest by an approver."""

    kind: str
    role: str  # propose or approve
    payload_type: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int
    what: str

    def document(self) -> JsonObject:
        return {"done": self.done, "total": self.total, "what": self.what}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a ceremony waits for: its next step, who signed it, and what they need for it."""

    step: str
    seq: int
    previous: Digest
    signed: tuple[tuple[str, str], ...]  # (officer, part)
    boxes: tuple[ShareBox, ...]
    statements: tuple[StatementToSign, ...]
    progress: Progress | None
    interrupted: bool
    unmet: tuple[ShareUse, ...]
    """Of which uses enough shares must be there before the step can be signed."""
    entered: tuple[tuple[str, str], ...]
    """(use, officer) whose shares are there: for what is unmet, else for the step."""

    def document(self) -> JsonObject:
        return {
            "step": self.step,
            "seq": self.seq,
            "previous": self.previous,
            "signed": [{"officer": officer, "part": part} for officer, part in self.signed],
            "boxes": [
                {
                    "officer": each.officer,
                    "use": each.use,
                    "group": each.group,
                    "member": each.member,
                    "box": b64(each.box),
                }
                for each in self.boxes
            ],
            "statements": [
                {
                    "kind": each.kind,
                    "role": each.role,
                    "payload_type": each.payload_type,
                    "payload": b64(each.payload),
                }
                for each in self.statements
            ],
            "progress": self.progress.document() if self.progress else None,
            "interrupted": self.interrupted,
            "unmet": [each.value for each in self.unmet],
            "entered": [{"use": use, "officer": officer} for use, officer in self.entered],
        }


@dataclass(frozen=True, slots=True)
class CeremonyNews:
    """Records from the seq that was asked for, and what it waits for now (None: it is over)."""

    records: tuple[bytes, ...]
    seq: int  # of the newest record
    waiting: Waiting | None


@dataclass(frozen=True, slots=True)
class StepTaken:
    seq: int
    event: str | None  # of the record that this signature completed


@dataclass(frozen=True, slots=True)
class Rewrapped:
    items: bytes
    kek: str
    """Id of the KEK that they lie under now."""
    left: int


@dataclass(frozen=True, slots=True)
class AskCeremonies(Request[CeremonyList]):
    op: ClassVar[str] = "ceremonies"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> CeremonyList:
        host = answer.b64("host", limit=MAX_ENVELOPE)
        rows = []
        for each in answer.objects("ceremonies"):
            rows.append(
                CeremonyRow(
                    each.text("ceremony", limit=64),
                    each.text("kind", limit=40),
                    each.boolean("rehearsal"),
                    each.choice("state", CeremonyState),
                    each.nullable("step", lambda name, row=each: row.text(name, limit=40)),  # type: ignore[misc]
                    each.integer("seq"),
                    each.text("opened", limit=40),
                )
            )
            each.done()
        return CeremonyList(host, tuple(rows))


@dataclass(frozen=True, slots=True)
class AskCeremony(Request[CeremonyNews]):
    op: ClassVar[str] = "ceremony"
    ceremony: str
    since: int = 0

    def document(self) -> JsonObject:
        return {"op": self.op, "ceremony": self.ceremony, "since": self.since}

    def read(self, answer: Fields) -> CeremonyNews:
        records = tuple(
            unb64(each, what="ceremony record") for each in answer.texts("records", limit=10_000)
        )
        seq = answer.integer("seq")
        waiting = answer.nullable("waiting", lambda name: _read_waiting(answer.fields(name)))
        return CeremonyNews(records, seq, waiting)


@dataclass(frozen=True, slots=True)
class OpenCeremony(Request[str]):
    op: ClassVar[str] = "ceremony-open"
    plan: bytes

    def document(self) -> JsonObject:
        return {"op": self.op, "plan": b64(self.plan)}

    def read(self, answer: Fields) -> str:
        return answer.text("ceremony", limit=64)


@dataclass(frozen=True, slots=True)
class SignStep(Request[StepTaken]):
    op: ClassVar[str] = "ceremony-sign"
    ceremony: str
    envelope: bytes
    attached: tuple[bytes, ...] = ()

    def document(self) -> JsonObject:
        return {
            "op": self.op,
            "ceremony": self.ceremony,
            "envelope": b64(self.envelope),
            "attached": [b64(each) for each in self.attached],
        }

    def read(self, answer: Fields) -> StepTaken:
        return StepTaken(
            answer.integer("seq"),
            answer.nullable("event", lambda name: answer.text(name, limit=20)),
        )


@dataclass(frozen=True, slots=True)
class SayInCeremony(Request[int]):
    op: ClassVar[str] = "ceremony-say"
    ceremony: str
    envelope: bytes

    def document(self) -> JsonObject:
        return {"op": self.op, "ceremony": self.ceremony, "envelope": b64(self.envelope)}

    def read(self, answer: Fields) -> int:
        return answer.integer("seq")


@dataclass(frozen=True, slots=True)
class AskCeremonyFile(Request[bytes]):
    op: ClassVar[str] = "ceremony-file"
    ceremony: str
    name: str

    def document(self) -> JsonObject:
        return {"op": self.op, "ceremony": self.ceremony, "name": self.name}

    def read(self, answer: Fields) -> bytes:
        return answer.b64("data", limit=MAX_FILE)


@dataclass(frozen=True, slots=True)
class PutCeremonyFile(Request[Digest]):
    """Hand a file in; its digest is the answer."""

    op: ClassVar[str] = "ceremony-put"
    ceremony: str
    name: str
    data: bytes

    def document(self) -> JsonObject:
        return {
            "op": self.op,
            "ceremony": self.ceremony,
            "name": self.name,
            "data": b64(self.data),
        }

    def read(self, answer: Fields) -> Digest:
        return answer.digest("digest")


@dataclass(frozen=True, slots=True)
class RewrapKeys(Request[Rewrapped]):
    """Wrapped DEKs to be wrapped under the new KEK: `REWRAP_ITEM` bytes each, concatenated.

    None at all asks how far it is.
    """

    op: ClassVar[str] = "ceremony-rewrap"
    ceremony: str
    items: bytes

    def document(self) -> JsonObject:
        return {"op": self.op, "ceremony": self.ceremony, "items": b64(self.items)}

    def read(self, answer: Fields) -> Rewrapped:
        limit = MAX_REWRAP * REWRAP_ANSWER
        items, kek = answer.b64("items", limit=limit), answer.hex("kek", size=32).hex()
        return Rewrapped(items, kek, answer.integer("left"))


CeremonyRequest = (
    AskCeremonies
    | AskCeremony
    | OpenCeremony
    | SignStep
    | SayInCeremony
    | AskCeremonyFile
    | PutCeremonyFile
    | RewrapKeys
)


def parse_ceremony_request(op: str, fields: Fields) -> CeremonyRequest | None:
    """One of these, or None where `op` is none; the caller ends the reading.

    Raises MalformedError.
    """
    reader = _READERS.get(op)
    return reader(fields) if reader else None


def _read_sign(fields: Fields) -> CeremonyRequest:
    return SignStep(
        fields.text("ceremony", limit=64),
        fields.b64("envelope", limit=MAX_ENVELOPE),
        tuple(
            unb64(each, what="request: attached")
            for each in fields.texts("attached", limit=MAX_ATTACHED)
        ),
    )


def _read_put(fields: Fields) -> CeremonyRequest:
    return PutCeremonyFile(
        fields.text("ceremony", limit=64),
        fields.text("name", limit=64),
        fields.b64("data", limit=MAX_FILE),
    )


def _read_rewrap(fields: Fields) -> CeremonyRequest:
    items = fields.b64("items", limit=MAX_REWRAP * REWRAP_ITEM)
    if len(items) % REWRAP_ITEM:
        raise MalformedError(
            "request: items", found=f"{len(items)} bytes", expected=f"{REWRAP_ITEM} bytes each"
        )
    return RewrapKeys(fields.text("ceremony", limit=64), items)


_READERS: Mapping[str, Callable[[Fields], CeremonyRequest]] = {
    AskCeremonies.op: lambda _: AskCeremonies(),
    AskCeremony.op: lambda fields: AskCeremony(
        fields.text("ceremony", limit=64), fields.integer("since")
    ),
    OpenCeremony.op: lambda fields: OpenCeremony(fields.b64("plan", limit=MAX_ENVELOPE)),
    SignStep.op: _read_sign,
    SayInCeremony.op: lambda fields: SayInCeremony(
        fields.text("ceremony", limit=64), fields.b64("envelope", limit=MAX_ENVELOPE)
    ),
    AskCeremonyFile.op: lambda fields: AskCeremonyFile(
        fields.text("ceremony", limit=64), fields.text("name", limit=64)
    ),
    PutCeremonyFile.op: _read_put,
    RewrapKeys.op: _read_rewrap,
}


def _read_waiting(fields: Fields) -> Waiting:
    waiting = Waiting(
        fields.text("step", limit=40),
        fields.integer("seq"),
        fields.digest("previous"),
        _pairs(fields, "signed", "officer", "part"),
        tuple(_read_box(each) for each in fields.objects("boxes", limit=1000)),
        tuple(_read_statement(each) for each in fields.objects("statements", limit=10)),
        fields.nullable("progress", lambda name: _read_progress(fields.fields(name))),
        fields.boolean("interrupted"),
        _uses(fields, "unmet"),
        _pairs(fields, "entered", "use", "officer"),
    )
    fields.done()
    return waiting


def _uses(fields: Fields, name: str) -> tuple[ShareUse, ...]:
    """Each once."""
    known = {each.value: each for each in ShareUse}
    texts = fields.texts(name, limit=len(known))
    if len(set(texts)) != len(texts) or not known.keys() >= set(texts):
        raise MalformedError(
            f"{fields.what}: {name}",
            found=", ".join(repr(each[:20]) for each in texts),
            expected="uses of shares, each once: " + ", ".join(known),
        )
    return tuple(known[each] for each in texts)


def _pairs(fields: Fields, name: str, first: str, second: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for each in fields.objects(name, limit=1000):
        pairs.append((each.text(first, limit=64), each.text(second, limit=64)))
        each.done()
    return tuple(pairs)


def _read_box(fields: Fields) -> ShareBox:
    box = ShareBox(
        fields.text("officer", limit=64),
        fields.text("use", limit=20),
        fields.integer("group", high=15),
        fields.integer("member", high=15),
        fields.b64("box", limit=4096),
    )
    fields.done()
    return box


def _read_statement(fields: Fields) -> StatementToSign:
    statement = StatementToSign(
        fields.text("kind", limit=40),
        fields.text("role", limit=20),
        fields.text("payload_type", limit=200),
        fields.b64("payload", limit=MAX_ENVELOPE),
    )
    fields.done()
    return statement


def _read_progress(fields: Fields) -> Progress:
    progress = Progress(
        fields.integer("done"), fields.integer("total"), fields.text("what", limit=200)
    )
    fields.done()
    return progress


def row_document(row: CeremonyRow) -> JsonObject:
    """A row of `ceremonies`' answer."""
    return {
        "ceremony": row.ceremony,
        "kind": row.kind,
        "rehearsal": row.rehearsal,
        "state": row.state.value,
        "step": row.step,
        "seq": row.seq,
        "opened": row.opened,
    }


def news_document(news: CeremonyNews) -> JsonObject:
    """The answer to `ceremony`."""
    return cast(
        "JsonObject",
        {
            "records": [b64(each) for each in news.records],
            "seq": news.seq,
            "waiting": news.waiting and news.waiting.document(),
        },
    )

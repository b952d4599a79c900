"""The keyholder's socket, both ends: what may be asked and what is answered (our protocol §7.1).

A request is a frozen value with `document` for the asking end and `parse_request` for the
answering end; an answer is read by the request that it belongs to. Reading is strict in both
directions: a field too many is refused. The connection itself is in `wire.keyholder_client`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, TypeVar, cast

from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import Digest, b64, unb64
from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.tokeninventory import TokenInventory, read_inventory
from keyturn.ceremony.tokenreport import REPORT_LIMIT
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    ReportEvent,
    read_settings,
    read_sign_in_failures,
)
from keyturn.wire.ceremonies import CeremonyRequest, parse_ceremony_request
from keyturn.wire.collateral import CollateralAnswer, read_collateral_answer, read_documents
from keyturn.wire.errors import PeerRefused
from keyturn.wire.requests import Request
from keyturn.wire.unsealing import UnsealRequest, parse_unseal_request

MAX_RELEASE_REQUEST = 256 << 10
"""Bytes of a release request (our protocol §5.2)."""
MAX_ENVELOPE = 1 << 20
"""Bytes of a statement's envelope (our protocol §2.1)."""
MAX_OBJECT = 4 << 20
MAX_ENTRIES = 1000
MAX_LEAF = 65_535
MAX_COSIGNED = 1 << 16
"""Characters of a checkpoint with cosignatures."""
MAX_WITNESSES = 1000

A = TypeVar("A", covariant=True)


@dataclass(frozen=True, slots=True)
class Hello:
    fingerprint: Digest
    origin: str
    boot: str
    size: int  # entries in the log
    simulation: bool
    software: str
    sealed: bool
    """Without its HSM: it answers questions about the log, and nothing else (§10.12)."""


@dataclass(frozen=True, slots=True)
class IssuedChallenge:
    challenge: str  # 56 bytes in hex
    valid_seconds: int


@dataclass(frozen=True, slots=True)
class Released:
    """The keyholder's decision; `answer` is a release answer (§5.6) or a refusal (§5.4)."""

    granted: bool
    answer: JsonObject
    index: int | None  # of the log entry; None when nothing was logged


@dataclass(frozen=True, slots=True)
class Submitted:
    in_force: bool
    index: int | None
    receipt: JsonObject | None
    wrapped: bytes | None  # KEK-wrapped DEK, for a model
    kek: str | None  # id of the KEK that it is wrapped under


@dataclass(frozen=True, slots=True)
class Logged:
    index: int
    receipt: JsonObject


@dataclass(frozen=True, slots=True)
class Entries:
    leaves: tuple[bytes, ...]  # from `start` on; may be fewer than asked
    size: int


@dataclass(frozen=True, slots=True)
class AskHello(Request[Hello]):
    op: ClassVar[str] = "hello"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> Hello:
        return Hello(
            answer.digest("fingerprint"),
            answer.text("origin", limit=200),
            answer.text("boot", limit=128),
            answer.integer("size"),
            answer.boolean("simulation"),
            answer.text("software", limit=200),
            answer.boolean("sealed"),
        )


@dataclass(frozen=True, slots=True)
class AskChallenge(Request[IssuedChallenge]):
    op: ClassVar[str] = "challenge"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> IssuedChallenge:
        return IssuedChallenge(
            answer.hex("challenge", size=56).hex(), answer.integer("valid_seconds", low=1)
        )


@dataclass(frozen=True, slots=True)
class TpmCredential:
    """What a TPM's ActivateCredential takes: TPM2B_ID_OBJECT's and the secret's content."""

    blob: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class AskTpmCredential(Request[TpmCredential]):
    """TPMT_PUBLICs of an AK and an EK, and the EK certificate's chain, DER, leaf first."""

    op: ClassVar[str] = "tpm-credential"
    ak: bytes
    ek: bytes
    chain: tuple[bytes, ...]

    def document(self) -> JsonObject:
        chain = [b64(each) for each in self.chain]
        return {"op": self.op, "ak": b64(self.ak), "ek": b64(self.ek), "chain": [*chain]}

    def read(self, answer: Fields) -> TpmCredential:
        return TpmCredential(answer.b64("blob", limit=1024), answer.b64("secret", limit=1024))


def read_tpm_credential(fields: Fields) -> AskTpmCredential:
    """The three fields of the question; the caller ends the reading. Raises MalformedError."""
    return AskTpmCredential(
        fields.b64("ak", limit=2048),
        fields.b64("ek", limit=2048),
        tuple(unb64(each, what="EK certificate") for each in fields.texts("chain", limit=6)),
    )


@dataclass(frozen=True, slots=True)
class AskRelease(Request[Released]):
    """`request` is the exact release request; `wrapped` what the inventory holds, if anything."""

    op: ClassVar[str] = "release"
    repeatable: ClassVar[bool] = False  # the first one spends the challenge
    request: bytes
    wrapped: bytes | None

    def document(self) -> JsonObject:
        return {"op": self.op, "request": b64(self.request), "wrapped": _b64(self.wrapped)}

    def read(self, answer: Fields) -> Released:
        document = answer.raw("answer")
        if not isinstance(document, dict):
            raise MalformedError("keyholder's answer: field 'answer' is not an object")
        return Released(
            answer.boolean("granted"), document, answer.nullable("index", answer.integer)
        )


@dataclass(frozen=True, slots=True)
class Submit(Request[Submitted]):
    op: ClassVar[str] = "submit"
    statement: bytes
    approvals: tuple[bytes, ...]
    key: bytes | None = None  # keyturn.key, for a model
    manifest: bytes | None = None

    def document(self) -> JsonObject:
        return {
            "op": self.op,
            "statement": b64(self.statement),
            "approvals": [b64(each) for each in self.approvals],
            "key": _b64(self.key),
            "manifest": _b64(self.manifest),
        }

    def read(self, answer: Fields) -> Submitted:
        receipt = answer.raw("receipt")
        return Submitted(
            answer.boolean("in_force"),
            answer.nullable("index", answer.integer),
            receipt if isinstance(receipt, dict) else None,
            answer.nullable("wrapped", lambda name: answer.b64(name, limit=4096)),
            answer.nullable("kek", lambda name: answer.hex(name, size=32).hex()),
        )


@dataclass(frozen=True, slots=True)
class Withdraw(Request[Logged]):
    op: ClassVar[str] = "withdraw"
    statement: bytes
    envelope: bytes

    def document(self) -> JsonObject:
        return {
            "op": self.op,
            "statement": b64(self.statement),
            "envelope": b64(self.envelope),
        }

    def read(self, answer: Fields) -> Logged:
        return Logged(answer.integer("index"), _object(answer, "receipt"))


@dataclass(frozen=True, slots=True)
class Record(Request[Logged]):
    """An approval or rejection, to be logged before there is any quorum (our protocol §2.10)."""

    op: ClassVar[str] = "record"
    statement: bytes
    approval: bytes

    def document(self) -> JsonObject:
        return {"op": self.op, "statement": b64(self.statement), "approval": b64(self.approval)}

    def read(self, answer: Fields) -> Logged:
        return Logged(answer.integer("index"), _object(answer, "receipt"))


_CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Report(Request[int | None]):
    """What the control plane says; the log index, or None where it was not entered."""

    op: ClassVar[str] = "report"
    repeatable: ClassVar[bool] = False  # asked twice, sign-ins are counted twice
    said: ReportEntry | ConfigurationEntry

    def document(self) -> JsonObject:
        if isinstance(self.said, ReportEntry):
            return {"op": self.op, "report": cast("JsonObject", self.said.document())}
        report: JsonObject = {
            "event": _CONFIGURATION,
            "settings": self.said.settings,
            "changed": list(self.said.changed),
            "software": self.said.software,
        }
        return {"op": self.op, "report": report}

    def read(self, answer: Fields) -> int | None:
        return answer.nullable("index", answer.integer)


@dataclass(frozen=True, slots=True)
class AskEntries(Request[Entries]):
    """Leaves `start` to `end`, the latter not included; at most MAX_ENTRIES."""

    op: ClassVar[str] = "entries"
    start: int
    end: int

    def document(self) -> JsonObject:
        return {"op": self.op, "start": self.start, "end": self.end}

    def read(self, answer: Fields) -> Entries:
        leaves = []
        for place, text in enumerate(answer.items("leaves", limit=MAX_ENTRIES)):
            if not isinstance(text, str) or len(text) > 4 * MAX_LEAF:
                raise MalformedError(f"keyholder's answer: leaves[{place}] is wrong")
            leaves.append(unb64(text, what="leaf"))
        return Entries(tuple(leaves), answer.integer("size"))


@dataclass(frozen=True, slots=True)
class AskObject(Request[bytes]):
    op: ClassVar[str] = "object"
    digest: str

    def document(self) -> JsonObject:
        return {"op": self.op, "digest": self.digest}

    def read(self, answer: Fields) -> bytes:
        return answer.b64("data", limit=MAX_OBJECT)


@dataclass(frozen=True, slots=True)
class AskCheckpoint(Request[str]):
    op: ClassVar[str] = "checkpoint"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> str:
        return answer.text("note", limit=1 << 16)


class Under(Enum):
    """The checkpoint that a receipt stands under: the largest with k cosignatures where that one
    covers the entry, or the newest whatever lines it has."""

    COSIGNED = "cosigned"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class AskReceipt(Request[JsonObject]):
    op: ClassVar[str] = "receipt"
    index: int
    under: Under = Under.NEWEST

    def document(self) -> JsonObject:
        return {"op": self.op, "index": self.index, "under": self.under.value}

    def read(self, answer: Fields) -> JsonObject:
        return _object(answer, "receipt")


@dataclass(frozen=True, slots=True)
class AskConsistency(Request[tuple[str, ...]]):
    op: ClassVar[str] = "consistency"
    old: int
    new: int

    def document(self) -> JsonObject:
        return {"op": self.op, "old": self.old, "new": self.new}

    def read(self, answer: Fields) -> tuple[str, ...]:
        nodes = answer.items("proof", limit=128)
        if not all(isinstance(each, str) and len(each) == 64 for each in nodes):
            raise MalformedError("keyholder's answer: proof holds something else than hashes")
        return tuple(str(each) for each in nodes)


@dataclass(frozen=True, slots=True)
class HandCosigned(Request[int]):
    """A checkpoint of this log with lines of witnesses; how many of theirs are kept by now."""

    op: ClassVar[str] = "cosigned"
    note: str

    def document(self) -> JsonObject:
        return {"op": self.op, "note": self.note}

    def read(self, answer: Fields) -> int:
        return answer.integer("witnesses")


@dataclass(frozen=True, slots=True)
class AskCosignatures(Request[tuple[str, ...]]):
    """The newest cosigned checkpoint of each witness, as signed notes."""

    op: ClassVar[str] = "cosignatures"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> tuple[str, ...]:
        notes = answer.items("notes", limit=MAX_WITNESSES)
        if not all(isinstance(each, str) and len(each) <= MAX_COSIGNED for each in notes):
            raise MalformedError("keyholder's answer: notes holds something else than notes")
        return tuple(str(each) for each in notes)


@dataclass(frozen=True, slots=True)
class HsmTold:
    """The token's inventory (our protocol §10.16), and the newest pre-flight report's bytes."""

    inventory: TokenInventory
    preflight: bytes | None


@dataclass(frozen=True, slots=True)
class AskHsm(Request[HsmTold]):
    """What is on the token, as it says; read at most some time ago, which stands in it."""

    op: ClassVar[str] = "hsm"

    def document(self) -> JsonObject:
        return {"op": self.op}

    def read(self, answer: Fields) -> HsmTold:
        return read_hsm_told(answer)


def read_hsm_told(answer: Fields) -> HsmTold:
    """The fields `inventory` and `preflight`. Raises MalformedError."""
    return HsmTold(
        read_inventory(answer.fields("inventory")),
        answer.nullable("preflight", lambda name: answer.b64(name, limit=REPORT_LIMIT)),
    )


@dataclass(frozen=True, slots=True)
class HandCollateral(Request[CollateralAnswer]):
    """At most MAX_COLLATERAL documents (our protocol §4.7), each judged for itself."""

    op: ClassVar[str] = "collateral"
    documents: tuple[CollateralDocument, ...]

    def document(self) -> JsonObject:
        documents = [cast("JsonObject", each.to_document()) for each in self.documents]
        return {"op": self.op, "documents": [*documents]}

    def read(self, answer: Fields) -> CollateralAnswer:
        return read_collateral_answer(answer)


AnyRequest = (
    AskHello
    | AskChallenge
    | AskTpmCredential
    | AskRelease
    | Submit
    | Withdraw
    | Record
    | Report
    | AskEntries
    | AskObject
    | AskCheckpoint
    | AskReceipt
    | AskConsistency
    | HandCosigned
    | AskCosignatures
    | HandCollateral
    | AskHsm
    | CeremonyRequest
    | UnsealRequest
)


def read_answer(request: Request[A], document: JsonObject) -> A:
    """The typed answer to `request`.

    Raises PeerRefused with the keyholder's own error, MalformedError on anything irregular.
    """
    fields = Fields(document, "keyholder's answer")
    if not fields.boolean("ok"):
        error = fields.fields("error")
        refusal = PeerRefused(
            error.text("kind", limit=100),
            error.text("message", limit=4000),
            found=error.text("found", limit=4000, empty=True),
            expected=error.text("expected", limit=4000, empty=True),
            hint=error.text("hint", limit=4000, empty=True),
        )
        raise refusal
    answer = request.read(fields)
    fields.done()
    return answer


def parse_request(document: JsonObject) -> AnyRequest:
    """Read one request at the answering end. Raises MalformedError."""
    fields = Fields(document, "request")
    op = fields.text("op", limit=40)
    request = _parse(op, fields)
    fields.done()
    return request


def error_answer(error: KeyturnError) -> JsonObject:
    """The answer that says no; `kind` is one of four words, or what a peer further on said."""
    return {
        "ok": False,
        "error": {
            "kind": kind_of(error),
            "message": error.message,
            "found": error.found,
            "expected": error.expected,
            "hint": error.hint,
        },
    }


def kind_of(error: KeyturnError) -> str:
    """One stable word for an error: what the caller can act on."""
    if isinstance(error, PeerRefused):
        return error.kind
    if isinstance(error, NotFoundError):
        return "not-found"
    if isinstance(error, MalformedError):
        return "malformed"
    if isinstance(error, UntrustedError):
        return "untrusted"
    if isinstance(error, UnreachableError):
        return "unreachable"
    return "refused"


def _parse(op: str, fields: Fields) -> AnyRequest:  # noqa: C901 - one flat table of ops
    match op:
        case "hello":
            return AskHello()
        case "challenge":
            return AskChallenge()
        case "tpm-credential":
            return read_tpm_credential(fields)
        case "release":
            return AskRelease(
                fields.b64("request", limit=MAX_RELEASE_REQUEST),
                fields.nullable("wrapped", lambda name: fields.b64(name, limit=4096)),
            )
        case "submit":
            return _parse_submit(fields)
        case "withdraw":
            return Withdraw(
                fields.b64("statement", limit=MAX_ENVELOPE),
                fields.b64("envelope", limit=MAX_ENVELOPE),
            )
        case "record":
            return Record(
                fields.b64("statement", limit=MAX_ENVELOPE),
                fields.b64("approval", limit=MAX_ENVELOPE),
            )
        case "report":
            return _parse_report(fields.fields("report"))
        case "entries":
            start = fields.integer("start")
            return AskEntries(start, fields.integer("end", low=start, high=start + MAX_ENTRIES))
        case "object":
            return AskObject(fields.digest("digest"))
        case "checkpoint":
            return AskCheckpoint()
        case "receipt":
            return AskReceipt(fields.integer("index"), fields.choice("under", Under))
        case "consistency":
            return AskConsistency(fields.integer("old"), fields.integer("new"))
        case "cosigned":
            return HandCosigned(fields.text("note", limit=MAX_COSIGNED))
        case "cosignatures":
            return AskCosignatures()
        case "collateral":
            return HandCollateral(read_documents(fields))
        case "hsm":
            return AskHsm()
        case _:
            further = parse_unseal_request(op, fields) or parse_ceremony_request(op, fields)
            if further is None:
                raise MalformedError("request: unknown op", found=repr(op))
            return further


def _parse_report(fields: Fields) -> Report:
    if fields.raw("event") == ReportEvent.SIGN_IN_FAILURES.value:
        report = Report(read_sign_in_failures(fields))
    else:
        fields.literal("event", _CONFIGURATION)
        report = Report(read_settings(fields, Program.CONTROL))
    fields.done()
    return report


def _parse_submit(fields: Fields) -> Submit:
    approvals = []
    for place, text in enumerate(fields.items("approvals", limit=200)):
        if not isinstance(text, str):
            raise MalformedError(f"request: approvals[{place}] is not text")
        approvals.append(unb64(text, what=f"request: approvals[{place}]"))
    return Submit(
        fields.b64("statement", limit=MAX_ENVELOPE),
        tuple(approvals),
        fields.nullable("key", lambda name: fields.b64(name, limit=1 << 16)),
        fields.nullable("manifest", lambda name: fields.b64(name, limit=MAX_OBJECT)),
    )


def _object(answer: Fields, name: str) -> JsonObject:
    value = answer.raw(name)
    if not isinstance(value, dict):
        raise MalformedError(f"keyholder's answer: field '{name}' is not an object")
    return value


def _b64(data: bytes | None) -> str | None:
    return None if data is None else b64(data)


def ok_answer(fields: Mapping[str, object]) -> dict[str, object]:
    """The answer that says yes."""
    return {"ok": True, **fields}

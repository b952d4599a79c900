"""The messages between a program and its HSM worker: both ends in one place.

A frame is a u32 length, big endian, and so many bytes of compact JSON, at most 64 KiB.
The worker speaks first: a hello, or the error that kept it from starting. Then one request
at a time, each with a number that its answer repeats. Read strictly at both ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from keyturn.base.encoding import Digest, b64, digest_bytes
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.ceremony.tokenreport import (
    ReportedToken,
    ReportedVendor,
    read_token,
    read_vendor,
    token_document,
    vendor_document,
)
from keyturn.hsm import kekmessages
from keyturn.hsm.errors import (
    BackupRefused,
    HsmError,
    HsmRequestError,
    HsmUnreachable,
    KeyBindingError,
    PinRefused,
    TokenError,
    UntrustedRecipient,
    WrappedKeyError,
)
from keyturn.hsm.kekmessages import KekOperation, KekResult
from keyturn.hsm.kekwork import KekReport
from keyturn.hsm.protocol import (
    MAX_MARK,
    MAX_MESSAGE,
    Admission,
    Assurance,
    KeyAlgorithm,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)

MAX_FRAME = 64 << 10
PROTOCOL = 1
_MAX_WRAPPED = 1024  # bytes

_ERRORS: dict[str, type[KeyturnError]] = {
    each.__name__: each
    for each in (
        HsmRequestError,
        WrappedKeyError,
        KeyBindingError,
        PinRefused,
        TokenError,
        UntrustedRecipient,
        BackupRefused,
        HsmUnreachable,
    )
}


@dataclass(frozen=True, slots=True)
class Hello:
    """What a worker says of its token once every check passed."""

    label: str
    serial: str
    assurance: Assurance
    memory_locked: bool
    release_hash: OaepHash
    keys: dict[Purpose, PublicKey]
    keks: tuple[KekReport, ...]
    about: "About"


@dataclass(frozen=True, slots=True)
class About:
    """What module and token say of themselves, and which vendor's profile fits them."""

    module: str
    token: ReportedToken
    vendor: ReportedVendor


@dataclass(frozen=True, slots=True)
class Release:
    kek_wrapped: bytes
    order: ReleaseOrder


@dataclass(frozen=True, slots=True)
class Sign:
    purpose: Purpose
    """LOG or RESULT."""
    message: bytes

    def __post_init__(self) -> None:
        _within("message to sign", self.message, MAX_MESSAGE)


@dataclass(frozen=True, slots=True)
class StoreMark:
    mark: bytes

    def __post_init__(self) -> None:
        _within("mark", self.mark, MAX_MARK)


@dataclass(frozen=True, slots=True)
class LoadMark:
    pass


Operation = Admission | Release | Sign | StoreMark | LoadMark | KekOperation


@dataclass(frozen=True, slots=True)
class Request:
    number: int
    operation: Operation


def encode_request(request: Request) -> bytes:
    return dump({"id": request.number, **_operation_document(request.operation)})


def parse_request(raw: bytes) -> Request:
    """Raises MalformedError on anything but a whole, known request."""
    fields = parse_object(raw, limit=MAX_FRAME, what="HSM request")
    number = fields.integer("id")
    name = fields.text("op", limit=40)
    reader = _READERS.get(name)
    if reader is None:
        raise HsmRequestError("unknown operation", found=name, expected=", ".join(_READERS))
    operation = reader(fields)
    fields.done()
    return Request(number, operation)


def _operation_document(operation: Operation) -> dict[str, object]:
    match operation:
        case Admission():
            return {
                "op": "rewrap_admission",
                "admission": {
                    "model_digest": _digest(operation.model_digest),
                    "tag": b64(operation.tag),
                    "oaep_hash": operation.oaep_hash.value,
                },
                "ingest_wrapped": b64(operation.ingest_wrapped),
            }
        case Release(kek_wrapped, order):
            grant = {
                "model_digest": _digest(order.model_digest),
                "tag": b64(order.tag),
                "node_rsa_spki": b64(order.node_rsa_spki),
                "log_index": order.log_index,
                "entry_digest": _digest(order.entry_digest),
            }
            return {"op": "release", "grant": grant, "kek_wrapped": b64(kek_wrapped)}
        case Sign(purpose, message):
            return {"op": f"sign_{purpose.value}", "message": b64(message)}
        case StoreMark(mark):
            return {"op": "store_mark", "mark": b64(mark)}
        case LoadMark():
            return {"op": "load_mark"}
        case _:
            return kekmessages.operation_document(operation)


def _read_admission(fields: Fields) -> Operation:
    inner = fields.fields("admission")
    admission = Admission(
        ingest_wrapped=fields.b64("ingest_wrapped", limit=_MAX_WRAPPED),
        oaep_hash=inner.choice("oaep_hash", OaepHash),
        model_digest=digest_bytes(inner.digest("model_digest")),
        tag=inner.b64("tag", size=32),
    )
    inner.done()
    return admission


def _read_release(fields: Fields) -> Operation:
    grant = fields.fields("grant")
    order = ReleaseOrder(
        model_digest=digest_bytes(grant.digest("model_digest")),
        tag=grant.b64("tag", size=32),
        node_rsa_spki=grant.b64("node_rsa_spki", limit=_MAX_WRAPPED),
        log_index=grant.integer("log_index"),
        entry_digest=digest_bytes(grant.digest("entry_digest")),
    )
    grant.done()
    return Release(fields.b64("kek_wrapped", limit=_MAX_WRAPPED), order)


_READERS: dict[str, Callable[[Fields], Operation]] = {
    "rewrap_admission": _read_admission,
    "release": _read_release,
    "sign_log": lambda fields: Sign(Purpose.LOG, fields.b64("message", limit=MAX_MESSAGE)),
    "sign_result": lambda fields: Sign(Purpose.RESULT, fields.b64("message", limit=MAX_MESSAGE)),
    "store_mark": lambda fields: StoreMark(fields.b64("mark", limit=MAX_MARK)),
    "load_mark": lambda _: LoadMark(),
    **kekmessages.READERS,
}

Result = bytes | Wrapped | KekResult | None
R = TypeVar("R")


def encode_result(number: int, result: Result) -> bytes:
    """An answer: bytes, a wrapped DEK, what a ceremony asked, or nothing."""
    value: object
    match result:
        case None:
            value = None
        case bytes():
            value = b64(result)
        case Wrapped(ciphertext, oaep_hash):
            value = {"ciphertext": b64(ciphertext), "oaep_hash": oaep_hash.value}
        case _:
            value = kekmessages.result_document(result)
    return dump({"id": number, "ok": value})


def encode_failure(number: int, error: KeyturnError) -> bytes:
    return dump({"id": number, "error": error_document(error)})


def parse_answer(raw: bytes, number: int, read: Callable[[Fields], R]) -> R | KeyturnError:
    """An answer's result, as `read` reads the field `ok`, or the error that it carries.

    A request that could not be read is answered under the number 0. Raises MalformedError.
    """
    fields = parse_object(raw, limit=MAX_FRAME, what="HSM answer")
    if fields.has("error"):
        error = read_error(fields.fields("error"))
        if fields.integer("id") not in (number, 0):
            raise MalformedError("HSM answer: to another request", expected=str(number))
        fields.done()
        return error
    fields.literal("id", number)
    result = read(fields)
    fields.done()
    return result


def read_bytes(answer: Fields) -> bytes | None:
    return answer.nullable("ok", lambda name: answer.b64(name, limit=MAX_FRAME))


def read_wrapped(fields: Fields) -> Wrapped:
    return Wrapped(
        fields.b64("ciphertext", limit=_MAX_WRAPPED), fields.choice("oaep_hash", OaepHash)
    )


def whole(read: Callable[[Fields], R]) -> Callable[[Fields], R]:
    """For `parse_answer`: the field `ok` is an object that `read` reads, and nothing else."""

    def reading(answer: Fields) -> R:
        inner = answer.fields("ok")
        result = read(inner)
        inner.done()
        return result

    return reading


def encode_hello(hello: Hello) -> bytes:
    return dump(
        {
            "hello": PROTOCOL,
            "label": hello.label,
            "serial": hello.serial,
            "assurance": hello.assurance.value,
            "memory_locked": hello.memory_locked,
            "release_hash": hello.release_hash.value,
            "keys": keys_document(hello.keys),
            "keks": [kekmessages.kek_document(each) for each in hello.keks],
            "module": hello.about.module,
            "token": token_document(hello.about.token),
            "vendor": vendor_document(hello.about.vendor),
        }
    )


def parse_hello(raw: bytes) -> Hello:
    """A worker's first frame. Raises the error that it carries, or MalformedError."""
    fields = parse_object(raw, limit=MAX_FRAME, what="HSM worker's hello")
    if fields.has("error"):
        raise read_error(fields.fields("error"))
    fields.literal("hello", PROTOCOL)
    hello = Hello(
        label=fields.text("label", limit=64),
        serial=fields.text("serial", limit=64, empty=True),
        assurance=fields.choice("assurance", Assurance),
        memory_locked=fields.boolean("memory_locked"),
        release_hash=fields.choice("release_hash", OaepHash),
        keys=read_keys(fields),
        keks=kekmessages.read_keks(fields),
        about=About(
            fields.text("module", limit=200, empty=True),
            read_token(fields.fields("token")),
            read_vendor(fields.fields("vendor")),
        ),
    )
    fields.done()
    return hello


def keys_document(keys: Mapping[Purpose, PublicKey]) -> list[dict[str, object]]:
    return [
        {
            "purpose": key.purpose.value,
            "algorithm": key.algorithm.value,
            "oaep_hash": key.oaep_hash.value if key.oaep_hash else None,
            "software": key.software,
            "spki": b64(key.spki),
        }
        for key in keys.values()
    ]


def read_keys(fields: Fields) -> dict[Purpose, PublicKey]:
    """The field `keys`: each purpose once, none missing. Raises MalformedError."""
    keys = {}
    for each in fields.objects("keys", limit=len(Purpose)):
        purpose = each.choice("purpose", Purpose)
        algorithm = each.choice("algorithm", KeyAlgorithm)
        hash_ = each.nullable("oaep_hash", lambda name, inner=each: inner.choice(name, OaepHash))  # type: ignore[misc]
        spki, software = each.b64("spki", limit=1024), each.boolean("software")
        keys[purpose] = PublicKey(purpose, spki, algorithm, hash_, software)
        each.done()
    if len(keys) != len(Purpose):
        raise MalformedError(f"{fields.what}: keys are missing", found=f"{len(keys)} keys")
    return keys


def error_document(error: KeyturnError) -> dict[str, object]:
    """A typed error; what is not an HSM error is told as a bad request or as a lost worker."""
    document: dict[str, object] = {
        "kind": type(error).__name__,
        "message": error.message,
        "found": error.found,
        "expected": error.expected,
        "hint": error.hint,
    }
    if isinstance(error, HsmError):
        return {"kind": "HsmError", "function": error.function, "rv": error.rv}
    if document["kind"] not in _ERRORS:
        kind = HsmRequestError if isinstance(error, MalformedError) else HsmUnreachable
        document["kind"] = kind.__name__
    return document


def read_error(fields: Fields) -> KeyturnError:
    """The error that a document stands for. Raises MalformedError when it is none of ours."""
    kind = fields.text("kind", limit=40)
    if kind == "HsmError":
        error: KeyturnError = HsmError(fields.text("function", limit=40), fields.integer("rv"))
    elif kind in _ERRORS:
        error = _ERRORS[kind](
            fields.text("message", empty=True),
            found=fields.text("found", empty=True),
            expected=fields.text("expected", empty=True),
            hint=fields.text("hint", empty=True),
        )
    else:
        raise MalformedError("an answer carries an unknown error", found=kind)
    fields.done()
    return error


def _within(what: str, data: bytes, limit: int) -> None:
    if not 0 < len(data) <= limit:
        raise HsmRequestError(
            f"the {what} has a wrong size",
            found=f"{len(data)} bytes",
            expected=f"1 to {limit} bytes",
        )


def _digest(raw: bytes) -> Digest:
    return Digest("sha256:" + raw.hex())

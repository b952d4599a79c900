"""A ceremony's requests to the HSM worker and their answers, as documents; see `messages`."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from keyturn.base.encoding import Digest, b64, digest_bytes
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.kekwork import (
    CANARY_SIZE,
    MAX_BATCH,
    MAX_KEKS,
    AttributeReport,
    CeremonyOrder,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    KeyReport,
    RewrapItem,
    RewrapOutcome,
    Rewrapped,
    TokenReport,
    WrappedKek,
    check_kek_id,
)
from keyturn.hsm.protocol import WRAPPED_BY_KEK, KekWrapped, OaepHash

MAX_SPKI = 1024  # bytes
_MAX_WRAPPED_KEK = 1024
_ITEM = struct.Struct(f">32s32s{WRAPPED_BY_KEK}s")
_DONE = struct.Struct(f">B{WRAPPED_BY_KEK}s")
_NONE = bytes(WRAPPED_BY_KEK)


@dataclass(frozen=True, slots=True)
class DescribeKeys:
    pass


@dataclass(frozen=True, slots=True)
class MakeKek:
    order: CeremonyOrder
    profile: KekProfile


@dataclass(frozen=True, slots=True)
class ActivateKek:
    order: CeremonyOrder
    kek: KeyId


@dataclass(frozen=True, slots=True)
class RetireKek:
    order: CeremonyOrder
    kek: KeyId


@dataclass(frozen=True, slots=True)
class DestroyKek:
    order: CeremonyOrder
    kek: KeyId


@dataclass(frozen=True, slots=True)
class Rewrap:
    order: CeremonyOrder
    to: KeyId
    batch: tuple[RewrapItem, ...]


@dataclass(frozen=True, slots=True)
class BackupKek:
    order: CeremonyOrder
    kek: KeyId
    spki: bytes


KekOperation = DescribeKeys | MakeKek | ActivateKek | RetireKek | DestroyKek | Rewrap | BackupKek
KekResult = KekReport | TokenReport | WrappedKek | KekWrapped | tuple[Rewrapped, ...]


def operation_document(operation: KekOperation) -> dict[str, object]:
    match operation:
        case DescribeKeys():
            return {"op": "describe_keys"}
        case MakeKek(order, profile):
            return _document("make_kek", order, profile=profile.value)
        case ActivateKek(order, kek):
            return _document("activate_kek", order, kek=kek)
        case RetireKek(order, kek):
            return _document("retire_kek", order, kek=kek)
        case DestroyKek(order, kek):
            return _document("destroy_kek", order, kek=kek)
        case Rewrap(order, to, batch):
            return _document("rewrap", order, to=to, batch=b64(pack_items(batch)))
        case BackupKek(order, kek, spki):
            return _document("backup_kek", order, kek=kek, spki=b64(spki))


def _document(name: str, order: CeremonyOrder, **more: object) -> dict[str, object]:
    step = {
        "ceremony": order.ceremony,
        "seq": order.seq,
        "record": Digest("sha256:" + order.record.hex()),
        "part": order.part,
    }
    return {"op": name, "order": step, **more}


def _read_order(fields: Fields) -> CeremonyOrder:
    step = fields.fields("order")
    order = CeremonyOrder(
        step.text("ceremony", limit=64),
        step.integer("seq"),
        digest_bytes(step.digest("record")),
        step.integer("part"),
    )
    step.done()
    return order


def _kek(fields: Fields, name: str = "kek") -> KeyId:
    return check_kek_id(fields.text(name, limit=64))


READERS: Mapping[str, Callable[[Fields], KekOperation]] = {
    "describe_keys": lambda _: DescribeKeys(),
    "make_kek": lambda f: MakeKek(_read_order(f), f.choice("profile", KekProfile)),
    "activate_kek": lambda f: ActivateKek(_read_order(f), _kek(f)),
    "retire_kek": lambda f: RetireKek(_read_order(f), _kek(f)),
    "destroy_kek": lambda f: DestroyKek(_read_order(f), _kek(f)),
    "rewrap": lambda f: Rewrap(
        _read_order(f), _kek(f, "to"), unpack_items(f.b64("batch", limit=MAX_BATCH * _ITEM.size))
    ),
    "backup_kek": lambda f: BackupKek(_read_order(f), _kek(f), f.b64("spki", limit=MAX_SPKI)),
}


def pack_items(batch: Sequence[RewrapItem]) -> bytes:
    """104 bytes for each: model digest ‖ tag ‖ wrapped DEK."""
    return b"".join(_ITEM.pack(i.model_digest, i.tag, i.kek_wrapped) for i in batch)


def unpack_items(raw: bytes) -> tuple[RewrapItem, ...]:
    """Raises HsmRequestError."""
    if not raw or len(raw) % _ITEM.size or len(raw) > MAX_BATCH * _ITEM.size:
        raise HsmRequestError(
            "a batch to rewrap has a wrong size",
            found=f"{len(raw)} bytes",
            expected=f"1 to {MAX_BATCH} times {_ITEM.size}",
        )
    return tuple(RewrapItem(*parts) for parts in _ITEM.iter_unpack(raw))


def pack_done(done: Sequence[Rewrapped]) -> bytes:
    """41 bytes for each: outcome ‖ wrapped DEK, zeros where there is none."""
    return b"".join(_DONE.pack(each.outcome.value, each.kek_wrapped or _NONE) for each in done)


def unpack_done(raw: bytes) -> tuple[Rewrapped, ...]:
    """Raises MalformedError."""
    if len(raw) % _DONE.size:
        raise MalformedError("HSM answer: a batch has a wrong size", found=f"{len(raw)} bytes")
    return tuple(_rewrapped(*parts) for parts in _DONE.iter_unpack(raw))


def _rewrapped(number: int, wrapped: bytes) -> Rewrapped:
    try:
        outcome = RewrapOutcome(number)
    except ValueError as error:
        raise MalformedError("HSM answer: unknown outcome", found=str(number)) from error
    good = outcome in (RewrapOutcome.REWRAPPED, RewrapOutcome.ALREADY)
    if good is (wrapped == _NONE):
        raise MalformedError("HSM answer: an outcome and its key contradict each other")
    return Rewrapped(outcome, wrapped if good else None)


def result_document(result: KekResult) -> dict[str, object]:
    match result:
        case KekWrapped(value, kek):
            return {"wrapped": b64(value), "kek": kek}
        case KekReport():
            return kek_document(result)
        case TokenReport(keks, keys):
            return {
                "keks": [kek_document(each) for each in keks],
                "keys": [_key_document(each) for each in keys],
            }
        case WrappedKek():
            return {
                "kek": result.kek,
                "wrapped": b64(result.value),
                "oaep_hash": result.oaep_hash.value,
                "spki": b64(result.spki),
                "canary": b64(result.canary),
            }
        case tuple():
            return {"done": b64(pack_done(result))}


def read_kek_wrapped(fields: Fields) -> KekWrapped:
    return KekWrapped(fields.b64("wrapped", size=WRAPPED_BY_KEK), _kek(fields))


def read_token_report(fields: Fields) -> TokenReport:
    keys = tuple(_read_key(each) for each in fields.objects("keys", limit=32))
    return TokenReport(read_keks(fields), keys)


def read_wrapped_kek(fields: Fields) -> WrappedKek:
    return WrappedKek(
        _kek(fields),
        fields.b64("wrapped", limit=_MAX_WRAPPED_KEK),
        fields.choice("oaep_hash", OaepHash),
        fields.b64("spki", limit=MAX_SPKI),
        fields.b64("canary", size=CANARY_SIZE),
    )


def read_done(fields: Fields) -> tuple[Rewrapped, ...]:
    return unpack_done(fields.b64("done", limit=MAX_BATCH * _DONE.size))


def kek_document(report: KekReport) -> dict[str, object]:
    return {
        "kek": report.id,
        "profile": report.profile.value,
        "state": report.state.value,
        "origin": report.origin.value,
        "attributes": _attributes_document(report.attributes),
    }


def read_kek(fields: Fields) -> KekReport:
    return KekReport(
        _kek(fields),
        fields.choice("profile", KekProfile),
        fields.choice("state", KekState),
        fields.choice("origin", KekOrigin),
        _read_attributes(fields),
    )


def read_keks(fields: Fields) -> tuple[KekReport, ...]:
    """The field `keks`. Raises MalformedError."""
    keks = []
    for each in fields.objects("keks", limit=MAX_KEKS):
        keks.append(read_kek(each))
        each.done()
    return tuple(keks)


def _key_document(report: KeyReport) -> dict[str, object]:
    return {
        "label": report.label,
        "part": report.part,
        "key": report.id,
        "attributes": _attributes_document(report.attributes),
    }


def _read_key(fields: Fields) -> KeyReport:
    report = KeyReport(
        fields.text("label", limit=64),
        fields.text("part", limit=16),
        _kek(fields, "key"),
        _read_attributes(fields),
    )
    fields.done()
    return report


def _attributes_document(reports: Sequence[AttributeReport]) -> list[dict[str, object]]:
    return [{"name": a.name, "value": a.value, "checked": a.checked} for a in reports]


def _read_attributes(fields: Fields) -> tuple[AttributeReport, ...]:
    reports = []
    for each in fields.objects("attributes", limit=64):
        reports.append(
            AttributeReport(
                each.text("name", limit=64),
                each.text("value", limit=2048, empty=True),
                each.boolean("checked"),
            )
        )
        each.done()
    return tuple(reports)

"""A batch of `ceremony-rewrap`, both ends: items of fixed sizes (our protocol §10.7, §10.14)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.errors import MalformedError
from keyturn.wire.ceremonies import MAX_REWRAP, REWRAP_ANSWER, REWRAP_ITEM

_ITEM = struct.Struct(">32s40s")
_ANSWER = struct.Struct(">B40s")
_NONE = bytes(40)


class ItemOutcome(Enum):
    """What became of one DEK. The numbers are the wire's."""

    REWRAPPED = 0
    ALREADY = 1
    """It lay under the active KEK, and is answered as it came."""
    DOES_NOT_OPEN = 2
    OTHER_MODEL = 3
    NOT_ADMITTED = 4
    DESTROYED = 5

    @property
    def is_kept(self) -> bool:
        """Whether it comes with a DEK under the active KEK."""
        return self in (ItemOutcome.REWRAPPED, ItemOutcome.ALREADY)


@dataclass(frozen=True, slots=True)
class ItemToRewrap:
    model: Digest
    kek_wrapped: bytes
    """40 bytes, as the inventory has it."""


@dataclass(frozen=True, slots=True)
class RewrappedItem:
    """In the order asked."""

    outcome: ItemOutcome
    kek_wrapped: bytes | None


def pack_items(items: Sequence[ItemToRewrap]) -> bytes:
    """Raises MalformedError for a wrapped DEK of another size: it would shift all others."""
    for each in items:
        if len(each.kek_wrapped) != len(_NONE):
            raise MalformedError(
                "a wrapped DEK has another size",
                found=f"{len(each.kek_wrapped)} bytes of model {each.model}",
                expected=f"{len(_NONE)} bytes",
            )
    return b"".join(_ITEM.pack(digest_bytes(each.model), each.kek_wrapped) for each in items)


def unpack_items(raw: bytes) -> tuple[ItemToRewrap, ...]:
    """Raises MalformedError."""
    if len(raw) % REWRAP_ITEM or len(raw) > MAX_REWRAP * REWRAP_ITEM:
        raise MalformedError(
            "a batch to rewrap has a wrong size",
            found=f"{len(raw)} bytes",
            expected=f"at most {MAX_REWRAP} times {REWRAP_ITEM}",
        )
    return tuple(
        ItemToRewrap(Digest(f"sha256:{model.hex()}"), wrapped)
        for model, wrapped in _ITEM.iter_unpack(raw)
    )


def pack_answer(items: Sequence[RewrappedItem]) -> bytes:
    return b"".join(_ANSWER.pack(each.outcome.value, each.kek_wrapped or _NONE) for each in items)


def unpack_answer(raw: bytes, count: int) -> tuple[RewrappedItem, ...]:
    """For `count` items asked. Raises MalformedError."""
    if len(raw) != count * REWRAP_ANSWER:
        raise MalformedError(
            "a rewrapped batch has a wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{count} times {REWRAP_ANSWER}",
        )
    return tuple(_answer(number, wrapped) for number, wrapped in _ANSWER.iter_unpack(raw))


def _answer(number: int, wrapped: bytes) -> RewrappedItem:
    try:
        outcome = ItemOutcome(number)
    except ValueError as error:
        raise MalformedError("a rewrapped batch: unknown outcome", found=str(number)) from error
    if outcome.is_kept is (wrapped == _NONE):
        raise MalformedError("a rewrapped batch: an outcome and its key contradict each other")
    return RewrappedItem(outcome, wrapped if outcome.is_kept else None)

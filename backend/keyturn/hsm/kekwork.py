"""The token's side of a key ceremony, in Keyturn's words; no PKCS#11 here (our protocol §10.13).

A KEK has generations. One is *active*: DEKs are wrapped under it. Those before it are
*deactivated*: they still open what was wrapped under them, until they are destroyed (the
states of NIST SP 800-57 part 1, §7). Every act carries an order: which step of which ceremony
authorised it, by its record. The HSM cannot judge that; the ceremony's host does, before it asks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, runtime_checkable

from keyturn.base.signatures import KeyId
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.protocol import WRAPPED_BY_KEK, OaepHash

MAX_BATCH = 400
"""DEKs of one rewrap: the request has 139 bytes for each, in one frame of 64 KiB."""
MAX_KEKS = 64
"""Generations that a token remembers, destroyed ones too."""
MAX_LIVE = 8
"""Of them on the token at a time."""
CANARY_SIZE = WRAPPED_BY_KEK + 32
_CEREMONY = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?\Z")
_KEK_ID = re.compile(r"[0-9a-f]{64}\Z")


class KekProfile(StrEnum):
    """Chosen openly when the KEK is made; it never changes."""

    NEVER_EXTRACTABLE = "never-extractable"
    """Leaves the token in no form: a lost token is lost with every model's key."""
    RECOVERABLE = "recoverable"
    """Leaves it wrapped to a key that the security officer had put there, and not otherwise."""


class KekState(StrEnum):
    """NIST SP 800-57 part 1: what may be done with it."""

    PRE_ACTIVATION = "pre-activation"
    """Made; nothing is wrapped under it yet."""
    ACTIVE = "active"
    """The one that DEKs are wrapped under."""
    DEACTIVATED = "deactivated"
    """Opens what was wrapped under it; wraps nothing more."""
    DESTROYED = "destroyed"
    """Not on the token any more."""


class KekOrigin(StrEnum):
    """How it came to this token. Only a made one was never outside."""

    MADE = "made"
    RESTORED = "restored"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class AttributeReport:
    """What the token says of one attribute. A software token's word is only a word (I1)."""

    name: str
    value: str
    checked: bool
    """It is what the key's profile demands. False: it is not, and the key is used all the same,
    as an imported KEK's MODIFIABLE on SoftHSM is."""


@dataclass(frozen=True, slots=True)
class KekReport:
    """One generation of the KEK. The id was computed with the key, not read off it."""

    id: KeyId
    profile: KekProfile
    state: KekState
    origin: KekOrigin
    attributes: tuple[AttributeReport, ...]
    """None for a destroyed one."""

    @property
    def tight(self) -> bool:
        """Every attribute is what the profile demands."""
        return all(each.checked for each in self.attributes)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Another key of Keyturn's on the token."""

    label: str
    part: str
    """`private`, `public`; `wrapped` for a software log key."""
    id: KeyId
    """SHA-256 of the public half's SPKI."""
    attributes: tuple[AttributeReport, ...]


@dataclass(frozen=True, slots=True)
class TokenReport:
    """Everything of Keyturn's on the token, as the token says, read now."""

    keks: tuple[KekReport, ...]
    keys: tuple[KeyReport, ...]


@dataclass(frozen=True, slots=True)
class CeremonyOrder:
    """A ceremony's step that is on its record: without one, nothing is done. One answer each."""

    ceremony: str
    """The ceremony's id."""
    seq: int
    """Of the step's record in the ceremony."""
    record: bytes
    """32 bytes: SHA-256 of that record."""
    part: int = 0
    """Of a step that is done in parts, as a rewrap is: each has a higher one than the last."""

    def __post_init__(self) -> None:
        check_ceremony_id(self.ceremony)
        if len(self.record) != 32:
            raise HsmRequestError("a ceremony's record has 32 bytes", found=str(len(self.record)))
        if self.seq < 0 or self.part < 0:
            raise HsmRequestError("a ceremony's order is numbered from 0")


@dataclass(frozen=True, slots=True)
class RewrapItem:
    """One model's DEK, as the inventory has it, and what its admission says of it."""

    model_digest: bytes
    """32 bytes."""
    tag: bytes
    """32 bytes."""
    kek_wrapped: bytes
    """40 bytes."""

    def __post_init__(self) -> None:
        sizes = len(self.model_digest), len(self.tag), len(self.kek_wrapped)
        if sizes != (32, 32, WRAPPED_BY_KEK):
            raise HsmRequestError("an item to rewrap has a wrong size", found=str(sizes))


class RewrapOutcome(Enum):
    """What became of one item. The numbers are the wire's."""

    REWRAPPED = 0
    ALREADY = 1
    """It was under the new KEK, and is answered as it came."""
    DOES_NOT_OPEN = 2
    """No KEK of this token opens it."""
    OTHER_MODEL = 3
    """It opens, but its tag does not verify: it is another model's key."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """The answer for one item, in the order asked."""

    outcome: RewrapOutcome
    kek_wrapped: bytes | None
    """40 bytes under the new KEK; None when there is none."""


@dataclass(frozen=True, slots=True)
class WrappedKek:
    """A recoverable KEK wrapped to a trusted key: the heart of a backup."""

    kek: KeyId
    value: bytes
    """RSA-OAEP, 512 bytes for RSA-4096."""
    oaep_hash: OaepHash
    spki: bytes
    """Of the key that it is wrapped to."""
    canary: bytes
    """72 bytes: the KEK's canary, by which a restore is proved."""


@runtime_checkable
class HsmCeremonies(Protocol):
    """What only a ceremony may ask. Each may raise HsmUnreachable, HsmError, HsmRequestError.

    An order that was answered before, or is older than one that was, is refused.
    """

    def keks(self) -> tuple[KekReport, ...]:
        """All generations, oldest first, as last read."""

    def describe_keys(self) -> TokenReport:
        """Read and check every key again. Raises TokenError."""

    def make_kek(self, order: CeremonyOrder, profile: KekProfile) -> KekReport:
        """A new KEK in *pre-activation*; one that was left half-made before is destroyed."""

    def activate_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        """From now on DEKs are wrapped under it; the one that was active is *deactivated*."""

    def rewrap(
        self, order: CeremonyOrder, to: KeyId, batch: Sequence[RewrapItem]
    ) -> tuple[Rewrapped, ...]:
        """Each DEK under the active KEK `to`, its tag verified; at most MAX_BATCH."""

    def retire_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        """*Deactivated*. Refused for the active one: activate another first."""

    def destroy_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        """Gone from the token, and checked to be. Refused unless it is *deactivated*."""

    def backup_kek(self, order: CeremonyOrder, kek: KeyId, spki: bytes) -> WrappedKek:
        """A recoverable KEK wrapped to the trusted key on the token that has this SPKI.

        Raises UntrustedRecipient when there is none: another's is never wrapped to.
        """


def check_kek_id(text: str) -> KeyId:
    """Raises HsmRequestError."""
    if not _KEK_ID.match(text):
        raise HsmRequestError("not a KEK id", found=repr(text[:80]), expected="64 hex digits")
    return KeyId(text)


def check_ceremony_id(text: str) -> None:
    """Raises HsmRequestError."""
    if not _CEREMONY.match(text):
        raise HsmRequestError("not a ceremony's id", found=repr(text[:80]))

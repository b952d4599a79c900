"""What is on a token: its keys with their attributes and states (our protocol §10.16).

It is what a process that was logged in to the token read off it, and what the token said. A
software token's word is only a word (I1); no reader of this document can check any of it, but
the ids: those of public keys are in the `keys` statement in force, a KEK's is in ceremonies'
records.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.ceremony.keyfacts import HELD, SOFTWARE_LOG_KEY
from keyturn.ceremony.tokenreport import (
    ReportedToken,
    ReportedVendor,
    TokenAssurance,
    read_token,
    read_vendor,
    token_document,
    vendor_document,
)

INVENTORY_LIMIT = 256 << 10  # bytes
_MAX_KEYS = 100
_MAX_ATTRIBUTES = 60
_VALUE = 1000


class KeyState(StrEnum):
    """NIST SP 800-57 part 1, §7, as far as Keyturn's keys have states."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DESTROYED = "destroyed"


class KeyProfile(StrEnum):
    """How a KEK may leave its token; chosen when it was made."""

    NEVER_EXTRACTABLE = "never-extractable"
    RECOVERABLE = "recoverable"


class KeyOrigin(StrEnum):
    MADE = "made"
    RESTORED = "restored"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    name: str
    value: str
    as_made: bool
    """It is what the key's profile demands."""


@dataclass(frozen=True, slots=True)
class ListedKek:
    """One generation; a destroyed one has no attributes."""

    id: str
    """KEK id, 64 hex digits."""
    profile: KeyProfile
    state: KeyState
    origin: KeyOrigin
    attributes: tuple[KeyAttribute, ...]


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One half of another key pair."""

    label: str
    part: str
    """`private`, `public`; `wrapped` stands for both of a software log key."""
    id: str
    """SHA-256 of the public half's SPKI, 64 hex digits."""
    attributes: tuple[KeyAttribute, ...]

    @property
    def in_software(self) -> bool:
        """It is a *software log key*: then it has no halves, but the part `wrapped`."""
        first = self.attributes[0] if self.attributes else None
        return first is not None and (first.name, first.value) == (HELD, SOFTWARE_LOG_KEY)


@dataclass(frozen=True, slots=True)
class Workers:
    """The processes that hold the login, of a running keyholder."""

    count: int
    """How many there are to be."""
    memory_locked: bool
    release_hash: str
    """Of RSA-OAEP to nodes: proved at the start of each."""


@dataclass(frozen=True, slots=True)
class TokenInventory:
    time: datetime
    module: str
    token: ReportedToken
    vendor: ReportedVendor
    assurance: TokenAssurance
    workers: Workers | None
    """None: read by a command, not by a running keyholder."""
    keks: tuple[ListedKek, ...]
    """Oldest first."""
    keys: tuple[ListedKey, ...]

    @property
    def active(self) -> ListedKek | None:
        return next((each for each in self.keks if each.state is KeyState.ACTIVE), None)


def inventory_document(inventory: TokenInventory) -> dict[str, object]:
    workers = inventory.workers
    return {
        "type": "token-inventory",
        "format": 1,
        "time": format_time(inventory.time),
        "module": inventory.module,
        "token": token_document(inventory.token),
        "vendor": vendor_document(inventory.vendor),
        "assurance": inventory.assurance.value,
        "workers": None
        if workers is None
        else {
            "count": workers.count,
            "memory_locked": workers.memory_locked,
            "release_hash": workers.release_hash,
        },
        "keks": [
            {
                "kek": each.id,
                "profile": each.profile.value,
                "state": each.state.value,
                "origin": each.origin.value,
                "attributes": _attributes(each.attributes),
            }
            for each in inventory.keks
        ],
        "keys": [
            {
                "label": each.label,
                "part": each.part,
                "key": each.id,
                "attributes": _attributes(each.attributes),
            }
            for each in inventory.keys
        ],
    }


def encode_inventory(inventory: TokenInventory) -> bytes:
    return dump(inventory_document(inventory))


def parse_inventory(raw: bytes) -> TokenInventory:
    """Raises MalformedError."""
    return read_inventory(parse_object(raw, limit=INVENTORY_LIMIT, what="token inventory"))


def read_inventory(fields: Fields) -> TokenInventory:
    """The same within another document. Raises MalformedError."""
    fields.literal("type", "token-inventory")
    fields.literal("format", 1)
    inventory = TokenInventory(
        fields.time("time"),
        fields.text("module", limit=200, empty=True),
        read_token(fields.fields("token")),
        read_vendor(fields.fields("vendor")),
        fields.choice("assurance", TokenAssurance),
        fields.nullable("workers", lambda name: _workers(fields.fields(name))),
        tuple(_kek(each) for each in fields.objects("keks", limit=_MAX_KEYS)),
        tuple(_key(each) for each in fields.objects("keys", limit=_MAX_KEYS)),
    )
    fields.done()
    _check(inventory)
    return inventory


def _check(inventory: TokenInventory) -> None:
    ids = [each.id for each in inventory.keks]
    active = sum(each.state is KeyState.ACTIVE for each in inventory.keks)
    parts = [(each.label, each.part) for each in inventory.keys]
    if len(set(ids)) != len(ids) or active > 1 or len(set(parts)) != len(parts):
        raise MalformedError(
            "token inventory: it contradicts itself", found=f"{active} active of {len(ids)} KEKs"
        )


def _workers(fields: Fields) -> Workers:
    workers = Workers(
        fields.integer("count", low=0, high=1024),
        fields.boolean("memory_locked"),
        fields.text("release_hash", limit=20),
    )
    fields.done()
    return workers


def _kek(fields: Fields) -> ListedKek:
    kek = ListedKek(
        _id(fields, "kek"),
        fields.choice("profile", KeyProfile),
        fields.choice("state", KeyState),
        fields.choice("origin", KeyOrigin),
        _read_attributes(fields),
    )
    fields.done()
    return kek


def _key(fields: Fields) -> ListedKey:
    key = ListedKey(
        fields.text("label", limit=64),
        fields.text("part", limit=20),
        _id(fields, "key"),
        _read_attributes(fields),
    )
    fields.done()
    return key


def _id(fields: Fields, name: str) -> str:
    return fields.hex(name, size=32).hex()


def _attributes(attributes: tuple[KeyAttribute, ...]) -> list[dict[str, object]]:
    return [{"name": a.name, "value": a.value, "as_made": a.as_made} for a in attributes]


def _read_attributes(fields: Fields) -> tuple[KeyAttribute, ...]:
    read = []
    for each in fields.objects("attributes", limit=_MAX_ATTRIBUTES):
        name = each.text("name", limit=64)
        value = each.text("value", limit=_VALUE, empty=True)
        read.append(KeyAttribute(name, value, each.boolean("as_made")))
        each.done()
    return tuple(read)

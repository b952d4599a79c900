"""What a record says of tokens and keys: their names and attributes, never their value (§10.4)."""

from dataclasses import dataclass
from enum import Enum

from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.plan import KekProfile
from keyturn.quorum.texts import HIDDEN

MAX_ATTRIBUTES = 40
MAX_KEYS = 80
HELD, SOFTWARE_LOG_KEY = "HELD", "software log key"
"""The first attribute of a log key that its token only keeps wrapped (our protocol §10.17)."""


class Assurance(Enum):
    """Whose word it is that a key is protected: a device's, or a process's."""

    SOFTWARE = "software"
    HARDWARE = "hardware"


class KeyPurpose(Enum):
    KEK = "kek"
    INGEST = "ingest"
    LOG = "log"
    RESULT = "result"
    BACKUP = "backup"
    TRANSPORT = "transport"


class KeyState(Enum):
    """NIST SP 800-57 part 1, §7."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DESTROYED = "destroyed"


class KeyOrigin(Enum):
    """How it came to the token. Only a made one was never outside."""

    MADE = "made"
    RESTORED = "restored"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token, as it describes itself."""

    label: str
    serial: str
    maker: str
    model: str
    firmware: str
    assurance: Assurance

    def document(self) -> dict[str, object]:
        return {
            "label": self.label,
            "serial": self.serial,
            "maker": self.maker,
            "model": self.model,
            "firmware": self.firmware,
            "assurance": self.assurance.value,
        }


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, read back from the token. `checked`: it is what the profile demands."""

    name: str
    value: str
    checked: bool

    def document(self) -> dict[str, object]:
        return {"name": self.name, "value": self.value, "checked": self.checked}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key on a token. A KEK's id is computed with it, another's is its public half's digest."""

    id: KeyId
    purpose: KeyPurpose
    algorithm: str
    profile: KekProfile | None
    origin: KeyOrigin
    state: KeyState
    attributes: tuple[Attribute, ...]

    @property
    def in_software(self) -> bool:
        """It is a *software log key*."""
        first = self.attributes[0] if self.attributes else None
        return first is not None and (first.name, first.value) == (HELD, SOFTWARE_LOG_KEY)

    def document(self) -> dict[str, object]:
        return {
            "id": self.id,
            "purpose": self.purpose.value,
            "algorithm": self.algorithm,
            "profile": self.profile.value if self.profile else None,
            "origin": self.origin.value,
            "state": self.state.value,
            "attributes": [each.document() for each in self.attributes],
        }


def read_token(fields: Fields) -> TokenFacts:
    """Raises MalformedError."""
    token = TokenFacts(
        shown(fields, "label", limit=64),
        shown(fields, "serial", limit=64, empty=True),
        shown(fields, "maker", limit=64, empty=True),
        shown(fields, "model", limit=64, empty=True),
        shown(fields, "firmware", limit=64, empty=True),
        fields.choice("assurance", Assurance),
    )
    fields.done()
    return token


def read_key(fields: Fields) -> KeyFacts:
    """Raises MalformedError."""
    key = KeyFacts(
        read_key_id(fields, "id"),
        fields.choice("purpose", KeyPurpose),
        shown(fields, "algorithm", limit=40),
        fields.nullable("profile", lambda name: fields.choice(name, KekProfile)),
        fields.choice("origin", KeyOrigin),
        fields.choice("state", KeyState),
        tuple(_read_attribute(each) for each in fields.objects("attributes", limit=MAX_ATTRIBUTES)),
    )
    fields.done()
    if (key.profile is None) is (key.purpose is KeyPurpose.KEK):
        raise MalformedCeremony(f"{fields.what}: a KEK, and no other key, has a profile")
    if key.in_software and key.purpose is not KeyPurpose.LOG:
        raise MalformedCeremony(f"{fields.what}: only a log key is a {SOFTWARE_LOG_KEY}")
    return key


def read_keys(fields: Fields, name: str) -> tuple[KeyFacts, ...]:
    """Each key once. Raises MalformedError."""
    keys = tuple(read_key(each) for each in fields.objects(name, limit=MAX_KEYS))
    if len({each.id for each in keys}) != len(keys):
        raise MalformedCeremony(f"{fields.what}: {name}: a key stands twice")
    return keys


def read_key_id(fields: Fields, name: str) -> KeyId:
    """Raises MalformedError."""
    return KeyId(fields.hex(name, size=32).hex())


def shown(fields: Fields, name: str, *, limit: int, empty: bool = False) -> str:
    """A text that people will read, with no character that is obeyed. Raises MalformedError."""
    text = fields.text(name, limit=limit, empty=empty)
    if HIDDEN.search(text):
        raise MalformedCeremony(
            f"{fields.what}: {name} holds a character that is obeyed, not shown",
            found=ascii(text)[:80],
        )
    return text


def _read_attribute(fields: Fields) -> Attribute:
    attribute = Attribute(
        shown(fields, "name", limit=60),
        shown(fields, "value", limit=400, empty=True),
        fields.boolean("checked"),
    )
    fields.done()
    return attribute

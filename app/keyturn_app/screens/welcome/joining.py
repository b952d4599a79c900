"""What the first page does away from the window: asking a server who it is, making a key.

Nothing is left behind before `join`, and nothing of a `join` that failed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm, key_id_of
from keyturn.client.authority import fetch_authority
from keyturn.client.card import CardKey, find_card_modules, list_cards
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile
from keyturn.client.transport import Transport
from keyturn.officerkeys.keyfile import read_key_file, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret, generate
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation
from keyturn.officerkeys.oskeyring import Backend, store_secret
from keyturn.quorum.bundle import Authority
from keyturn.wire.tls import Pin
from keyturn_app.i18n import _
from keyturn_app.live.profiles import Environment, Known, ProfileStore, seat_id
from keyturn_app.tasks import Job

Reach = Callable[[str, Pin], Transport]


class KeyKind(Enum):
    """Where the officer's key is to lie."""

    NEW_FILE = "new-file"
    NEW_KEYRING = "new-keyring"
    IMPORTED = "imported"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class CardFound:
    """A key on a card in this machine that the roster knows as `officer`'s."""

    officer: str
    name: str
    card: str
    key: CardKey


class KnownAlready(KeyturnError):
    """This machine has that officer at that server already."""


@dataclass(frozen=True, slots=True)
class Met:
    """A server that holds the pinned TLS key. Its `authority` chains to `fingerprint`: whether
    that is the right one, only the officer can say."""

    url: str
    pin: Pin
    fingerprint: Digest
    authority: Authority
    software: str

    @property
    def simulation(self) -> bool:
        return self.authority.roster.simulation


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """For a new key who it is of; for an imported one, `path` and what the file says."""

    kind: KeyKind
    officer: str
    name: str
    algorithm: Algorithm = Algorithm.ED25519
    path: Path | None = None
    public: OfficerPublic | None = None
    card: CardFound | None = None

    @property
    def place(self) -> KeyLocation | None:
        """Where a key lies that is there already."""
        if self.card is not None:
            return self.card.key.location
        return None if self.path is None else InFile(self.path.absolute())


@dataclass(frozen=True, slots=True)
class Joined:
    """`public`: what the others need to put this officer into the roster; None for a card, whose
    key is in it."""

    known: Known
    public: OfficerPublic | None
    in_roster: bool


def meet(url: str, pin: Pin, now: datetime, reach: Reach = Transport.pinned) -> Met:
    """Raises PinMismatch, ServerUnreachable, MalformedAnswer, MalformedProfile, ServerLied."""
    with reach(url, pin) as transport:
        hello = transport.get("/v1/hello", "hello")
        fingerprint = hello.digest("fingerprint")
        authority = fetch_authority(transport, fingerprint, Memory(fingerprint), now)
        return Met(url, pin, fingerprint, authority, hello.text("software", limit=200))


def public_of(path: Path) -> OfficerPublic:
    """What a key file says of itself; unlocking it will prove it. Raises as `read_key_file`."""
    return read_key_file(path).public


def cards_known_to(
    authority: Authority, modules: Sequence[Path] | None = None
) -> tuple[CardFound, ...]:
    """Keys on cards here, seen without a PIN, that officers of the roster sign with.

    A module that cannot be used is passed over: nobody asked for it by name.
    """
    found: list[CardFound] = []
    for module in find_card_modules() if modules is None else modules:
        with suppress(KeyturnError):
            for key in list_cards([module]):
                officer = authority.roster.officer_of(key_id_of(key.spki))
                if officer is not None:
                    found.append(CardFound(officer.id, officer.name, key.token, key))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Joiner:
    """Everything that joining touches: the store, the network, the OS keyring."""

    store: ProfileStore
    keyring: Callable[[], Backend]
    reach: Reach = Transport.pinned
    cards: Callable[[Authority], tuple[CardFound, ...]] = cards_known_to

    def join(
        self,
        job: Job,
        met: Met,
        key: KeyChoice,
        label: str,
        environment: Environment,
        passphrase: bytearray,
        now: datetime,
    ) -> Joined:
        """Prove the server once more, make the key, keep the seat. Wipes `passphrase`."""
        try:
            with self.reach(met.url, met.pin) as transport:
                memory = Memory(met.fingerprint)
                authority = fetch_authority(transport, met.fingerprint, memory, now)
            job.check()
            if key.place is not None:
                known = self._kept(met, key.place, key, label, environment)
                in_roster = key.public is None or _knows(authority, key.public)
                return Joined(known, key.public, in_roster)
            with generate(key.officer, key.name, key.algorithm) as secret:
                known = self._made(job, met, key, secret, label, environment, passphrase)
                return Joined(known, secret.public, _knows(authority, secret.public))
        finally:
            passphrase[:] = bytes(len(passphrase))

    def _made(
        self,
        job: Job,
        met: Met,
        key: KeyChoice,
        secret: OfficerSecret,
        label: str,
        environment: Environment,
        passphrase: bytearray,
    ) -> Known:
        """The key is written last: a seat without its key can be forgotten, not the reverse."""
        in_keyring = key.kind is KeyKind.NEW_KEYRING
        name = f"{key.officer}-{secret.public.key_id[:8]}.key"
        path = self.store.path.parent / "keys" / name
        place: KeyLocation = InKeyring(key.officer) if in_keyring else InFile(path.absolute())
        known = self._kept(met, place, key, label, environment)
        written: Path | None = None
        try:
            if in_keyring:
                store_secret(self.keyring(), secret)
            else:
                write_key_file(path, secret, passphrase)
                written = path
                job.check()
        except BaseException:
            self.store.forget(known.id)
            if written is not None:
                written.unlink(missing_ok=True)
            raise
        return known

    def _kept(
        self, met: Met, place: KeyLocation, key: KeyChoice, label: str, environment: Environment
    ) -> Known:
        profile = Profile(met.url, met.pin, met.fingerprint, key.officer, place)
        seat = seat_id(profile)
        if any(each.id == seat for each in self.store.all()):
            raise KnownAlready(
                _("this machine knows {officer} at that server already").format(
                    officer=key.officer
                ),
                hint=_("Choose that officer in the switcher, or join as another one."),
            )
        known = Known(seat, label, environment, profile, key.name, self.store.places_for(seat))
        self.store.keep(known)
        return known


def _knows(authority: Authority, public: OfficerPublic) -> bool:
    found = authority.roster.officer_of(public.key_id)
    return found is not None and found.id == public.officer

"""What the first page does away from the window: asking a server who it is, making a key.

Nothing is left behind before `join`, and nothing of a `join` that failed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm
from keyturn.client.authority import fetch_authority
from keyturn.client.card import CardKey, find_card_key
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile, station_profile
from keyturn.client.transport import Transport
from keyturn.officerkeys.errors import KeyMismatch
from keyturn.officerkeys.keyfile import read_key_file, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret, generate
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation
from keyturn.officerkeys.oskeyring import Backend, store_secret
from keyturn.quorum.bundle import Authority
from keyturn.wire.tls import Pin
from keyturn_app.i18n import _
from keyturn_app.live.profiles import Environment, Known, ProfileStore, seat_id
from keyturn_app.screens.welcome.stationing import keep_station, places_of_station, request_of
from keyturn_app.tasks import Job

Reach = Callable[[str, Pin], Transport]


class KeyKind(Enum):
    """Where the officer's key is to lie."""

    NEW_FILE = "new-file"
    NEW_KEYRING = "new-keyring"
    IMPORTED = "imported"
    CARD = "card"


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
    bundle: bytes = b""  # at an officer station: where the authority came from

    @property
    def station(self) -> bool:
        """Nobody was met: there is no server."""
        return not self.url

    @property
    def simulation(self) -> bool:
        return self.authority.roster.simulation


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """For a new key who it is of; for an imported one, `path` and what the file says.

    For a card its key, and `public` once the roster says whose it is.
    """

    kind: KeyKind
    officer: str
    name: str
    algorithm: Algorithm = Algorithm.ED25519
    path: Path | None = None
    public: OfficerPublic | None = None
    card: CardKey | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """`public`: what the others need to put this officer into the roster."""

    known: Known
    public: OfficerPublic
    in_roster: bool
    request: bytes = b""  # to be taken into the roster, signed with a key that was just made


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


@dataclass(frozen=True, slots=True)
class Joiner:
    """Everything that joining touches: the store, the network, the OS keyring."""

    store: ProfileStore
    keyring: Callable[[], Backend]
    reach: Reach = Transport.pinned
    station: Path | None = None  # where an officer station is to lie; None: among the app's own

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
            authority = met.authority if met.station else self._proved_again(met, now)
            job.check()
            if key.card is not None:
                _check_still_there(key.card)
            if key.public is not None and key.card is not None:
                known = self._kept(met, key.card.location, key, label, environment)
                return Joined(known, key.public, _knows(authority, key.public))
            if key.public is not None and key.path is not None:
                known = self._kept(met, InFile(key.path.absolute()), key, label, environment)
                return Joined(known, key.public, _knows(authority, key.public))
            with generate(key.officer, key.name, key.algorithm) as secret:
                known = self._made(job, met, key, secret, label, environment, passphrase)
                public = _signing_with(key.card, secret.public)
                request = b"" if key.card else request_of(secret, met.fingerprint, now)
                return Joined(known, public, _knows(authority, public), request)
        finally:
            passphrase[:] = bytes(len(passphrase))

    def _proved_again(self, met: Met, now: datetime) -> Authority:
        with self.reach(met.url, met.pin) as transport:
            return fetch_authority(transport, met.fingerprint, Memory(met.fingerprint), now)

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
        """The key is written last: a seat without its key can be forgotten, not the reverse.

        Of a card's officer it is the key that opens shares; the card's signs.
        """
        in_keyring = key.kind is KeyKind.NEW_KEYRING
        name = f"{key.officer}-{secret.public.key_id[:8]}.key"
        path = self.store.path.parent / "keys" / name
        place: KeyLocation = InKeyring(key.officer) if in_keyring else InFile(path.absolute())
        if key.card is not None:
            place = key.card.location
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
        if met.station:
            profile = station_profile(met.fingerprint, key.officer, place)
        seat = seat_id(profile)
        if any(each.id == seat for each in self.store.all()):
            raise KnownAlready(
                _("this machine knows {officer} at that server already").format(
                    officer=key.officer
                ),
                hint=_("Choose that officer in the switcher, or join as another one."),
            )
        places = self.store.places_for(seat)
        if met.station:
            places = places_of_station(self.store, self.station, seat)
            keep_station(places, profile, met.bundle, met.authority)
        known = Known(seat, label, environment, profile, key.name, places)
        self.store.keep(known)
        return known


def _check_still_there(card: CardKey) -> None:
    if find_card_key(card.location).spki != card.spki:
        raise KeyMismatch(
            _("the card has another key than the one that was chosen"),
            hint=_("Look for cards again."),
        )


def _signing_with(card: CardKey | None, public: OfficerPublic) -> OfficerPublic:
    if card is None:
        return public
    return replace(public, algorithm=card.algorithm, spki=card.spki)


def _knows(authority: Authority, public: OfficerPublic) -> bool:
    found = authority.roster.officer_of(public.key_id)
    return found is not None and found.id == public.officer

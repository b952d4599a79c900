"""From what this machine knows to a session: which officers at which servers, and who first."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import NoProfile
from keyturn.client.profile import Places, write_profile
from keyturn.officerkeys.location import InKeyring, OnCard
from keyturn.wire.tls import parse_pin
from keyturn_app.desk import Identity
from keyturn_app.i18n import _
from keyturn_app.live.desk import LiveDesk
from keyturn_app.live.errors import UnknownSeat
from keyturn_app.live.profiles import Environment, Known, ProfileStore, imported
from keyturn_app.live.recorded import Unsigning, wired
from keyturn_app.live.station import StationDesk
from keyturn_app.recording import Recording
from keyturn_app.settings import Preferences
from keyturn_app.shell.seats import Chair, LockableDesk
from keyturn_app.shell.session import Seat

_log = logging.getLogger("keyturn_app")


class ForgivingPreferences:
    """Preferences that cannot be kept are no reason not to start: what is safe stays as it is.

    What the disk did not take, a draft say, is there until the app ends.
    """

    def __init__(self, kept: Preferences) -> None:
        self._kept = kept
        self._untaken: dict[str, str] = {}
        self._complained = False

    def get(self, key: str) -> str | None:
        if key in self._untaken:
            return self._untaken[key]
        try:
            return self._kept.get(key)
        except KeyturnError as error:
            self._complain(error)
            return None

    def set(self, key: str, text: str) -> None:
        try:
            self._kept.set(key, text)
        except KeyturnError as error:
            self._untaken[key] = text
            self._complain(error)
        else:
            self._untaken.pop(key, None)

    def _complain(self, error: KeyturnError) -> None:
        if not self._complained:
            _log.warning("preferences are not kept: %s", error)
            self._complained = True


def known_seats(
    store: ProfileStore, directories: Sequence[Path], default: Places
) -> tuple[Known, ...]:
    """Those named on the command line; else those kept here, and the command line's own profile.

    Raises the errors of `read_profile` for a directory that was named, and those of the store.
    """
    if directories:
        places = [Places(each, each / "state") for each in map(Path.absolute, directories)]
        return tuple(_imported(each) for each in places)
    kept = list(store.all())
    try:
        own = _imported(default)
    except NoProfile:
        return tuple(kept)
    if own.id not in [each.id for each in kept]:
        kept.append(own)
    return tuple(kept)


def first_seat(known: Sequence[Known], server: str | None) -> str:
    """The last used one at `server`, if that is given; empty where there is none."""
    fitting = [each for each in known if server is None or each.profile.server == server]
    return fitting[0].id if fitting else ""


def chair_of(known: Known, opened: Callable[[str], None]) -> Chair:
    """A chair whose desk talks to the server; a station's talks to nobody.

    `opened` is told the seat's id, once.
    """
    profile = known.profile
    name = known.name or profile.officer
    seat = Seat(
        known.id,
        known.label,
        name,
        passphrase=not isinstance(profile.key, InKeyring),
        card=isinstance(profile.key, OnCard),
        environment=known.environment.value,
    )

    def open_desk() -> LockableDesk:
        opened(known.id)
        identity = Identity(profile, known.label, profile.officer, name, True)
        if profile.offline:
            return StationDesk(identity, known.places)
        return LiveDesk(identity, known.places)

    return Chair(seat, open_desk)


def repinned_chair(
    store: ProfileStore, known: Sequence[Known], opened: Callable[[str], None]
) -> Callable[[str, str], Chair]:
    """Keeps another pin of a seat, wherever its profile lies, and makes its chair anew."""
    named = {each.id: each for each in known}

    def repinned(seat: str, pin: str) -> Chair:
        try:
            kept = store.find(seat)
        except UnknownSeat:  # it was only named on the command line
            kept, in_store = named[seat], False
        else:
            in_store = True
        changed = replace(kept, profile=replace(kept.profile, pin=parse_pin(pin)))
        if changed.places.profile.exists():
            write_profile(changed.places, changed.profile)
        if in_store:
            store.keep(changed)
        named[seat] = changed
        return chair_of(changed, opened)

    return repinned


def recorded_chair(recording: Recording, places: Places) -> Chair:
    """A chair over the newest moment of a recording. Its desk needs no key."""
    profile, moment = recording.profile, recording.moments[-1]
    identity = Identity(profile, label_of(profile.server), profile.officer, profile.officer, True)

    def open_desk() -> LiveDesk:
        wiring = wired(recording, moment)
        desk = LiveDesk(identity, places, now=lambda: moment.time, wiring=wiring)
        desk.borrow(Unsigning(profile.officer))
        return desk

    return Chair(Seat("recording", identity.label, identity.name, passphrase=False), open_desk)


def label_of(server: str) -> str:
    """What a server is called until the officer calls it otherwise."""
    if not server:
        return _("Station")
    host = urlsplit(server).hostname or server
    try:
        return _("local") if ip_address(host).is_loopback else host
    except ValueError:
        return _("local") if host == "localhost" else host


def _imported(places: Places) -> Known:
    """A profile of `keyturn connect`. What nobody says to be else is production."""
    known = imported(places, "", Environment.PROD)
    return replace(known, label=label_of(known.profile.server))

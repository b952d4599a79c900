"""Setting up an officer station: its bundle against the fingerprint that was typed. No Qt."""

from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.client.memory import Memory
from keyturn.client.offline import read_file
from keyturn.client.profile import Places, Profile, station_profile, write_profile
from keyturn.client.station import (
    StationClient,
    bundle_in,
    claimed_fingerprint,
    severed,
    versions_of,
)
from keyturn.officerkeys.keypair import OfficerSecret
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner, Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.enrolment import ENROLMENT_TYPE, enrolment_payload
from keyturn.quorum.kinds import Role
from keyturn_app.fingerprint import agrees
from keyturn_app.i18n import _
from keyturn_app.live.profiles import ProfileStore


class WrongFingerprint(UntrustedError):
    """The file is of another authority than the officer was told of."""


def carried(path: Path, typed: str, now: datetime) -> tuple[bytes, Authority]:
    """The bundle in a file, and the authority that it proves to be of the typed fingerprint.

    What the file says of itself is not said: it would only be copied into the field. Raises
    FileUnusable, MalformedAnswer, WrongFingerprint, and as `StationClient.adopt`.
    """
    bundle = bundle_in(read_file(path))
    claimed = claimed_fingerprint(bundle)
    if not agrees(typed, claimed):
        raise WrongFingerprint(
            _("This file is not of the authority whose fingerprint you typed."),
            hint=_("Look for a typing error. If there is none, do not use the file."),
        )
    nobody = station_profile(claimed, "", InKeyring(""))
    with StationClient(
        nobody, Memory(claimed), severed(), now=lambda: now, signer=_unsigning
    ) as station:
        return bundle, station.adopt(bundle)


def places_of_station(store: ProfileStore, directory: Path | None, seat: str) -> Places:
    """Where a station's profile lies: there `keyturn --profile` finds it too."""
    own = directory if directory is not None else store.path.parent / "stations" / seat
    if (own / "profile.toml").exists():
        own = store.path.parent / "stations" / seat
    return Places(own.absolute(), own.absolute() / "state")


def keep_station(places: Places, profile: Profile, bundle: bytes, authority: Authority) -> None:
    """Its memory begins with the bundle, verified as `authority`; the profile is written last.

    Raises FileUnusable.
    """
    memory = Memory(profile.fingerprint, places.state)
    memory.keep_authority(bundle, *versions_of(authority))
    write_profile(places, profile)


def request_of(secret: OfficerSecret, authority: Digest, now: datetime) -> bytes:
    """An enrolment request with the roles that most officers have (our protocol §2.9)."""
    public = secret.public
    entry: dict[str, object] = public.roster_entry([Role.PROPOSER.value, Role.APPROVER.value])
    payload = enrolment_payload(authority, entry, now)
    return OfficerSigner(secret).sign(ENROLMENT_TYPE, payload).to_bytes()


def _unsigning() -> Signer:
    raise RuntimeError("nothing is signed while a bundle is read")

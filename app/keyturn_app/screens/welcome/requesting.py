"""A newcomer's request to be taken into the roster: signed by their key, handed to the server."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.client.enrolments import send_enrolment
from keyturn.client.signing import unlock
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.enrolment import ENROLMENT_TYPE, enrolment_payload, parse_enrolment
from keyturn.quorum.kinds import Role
from keyturn_app.screens.welcome.joining import Joined, Joiner
from keyturn_app.tasks import Job


@dataclass(frozen=True, slots=True)
class Requested:
    """`raw` is what was signed; `until`: how long the server keeps it, by its word."""

    digest: Digest
    raw: bytes
    until: datetime


def needs_secret(joined: Joined) -> bool:
    """A passphrase or a PIN; the OS keyring is open with one's login."""
    return not isinstance(joined.known.profile.key, InKeyring)


def roster_entry(joined: Joined, roles: Collection[Role]) -> dict[str, object]:
    """An item of `officers` in a roster."""
    entry = joined.public.roster_entry(sorted(role.value for role in roles))
    if not joined.public.hpke:  # a card's officer whom the roster knows without one
        entry["hpke"] = None
    return entry


def signed(
    job: Job, joined: Joined, roles: Collection[Role], secret: bytearray, now: datetime
) -> bytes:
    """The request, signed with the key of `joined`. Wipes `secret`, whatever happens."""
    profile = joined.known.profile
    opened = unlock(profile.key, profile.officer, secret)
    try:
        payload = enrolment_payload(profile.fingerprint, roster_entry(joined, roles), now)
        raw = opened.signer.sign(ENROLMENT_TYPE, payload).to_bytes()
    finally:
        opened.close()
    parse_enrolment(raw)  # what the others could not read is not worth carrying
    job.check()
    return raw


def request(
    job: Job,
    joiner: Joiner,
    joined: Joined,
    roles: Collection[Role],
    secret: bytearray,
    now: datetime,
) -> Requested:
    """Sign and send it. Wipes `secret`, whatever happens."""
    profile = joined.known.profile
    raw = signed(job, joined, roles, secret, now)
    with joiner.reach(profile.server, profile.pin) as transport:
        until = send_enrolment(transport, raw)
    return Requested(parse_enrolment(raw).digest, raw, until)

"""Newcomers and their signed requests."""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.quorum.enrolment import ENROLMENT_TYPE, enrolment_payload
from support.authority import Key, Person, sign


def newcomer(name: str, keys: Sequence[Key] = ()) -> Person:
    return Person(name, list(keys) or [ed25519.Ed25519PrivateKey.generate()], ("approver",))


def request_of(
    person: Person, authority: Digest, now: datetime, *, keys: Sequence[Key] | None = None
) -> bytes:
    """Signed with all of the person's keys, or with these."""
    payload = enrolment_payload(authority, person.entry(), now)
    return sign(ENROLMENT_TYPE, payload, *(person.keys if keys is None else keys))

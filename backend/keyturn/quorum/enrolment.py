"""A new officer's own request to be taken into the roster (our protocol §2.9).

It proves that whoever made it has every signing key that it names, and for which authority. It
gives no right: the roster change that takes it in needs its quorum like any other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.dsse import Envelope, parse_envelope, verified_signers
from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.base.times import format_time
from keyturn.quorum.errors import EnrolmentRefused, MalformedStatement
from keyturn.quorum.judge import SKEW
from keyturn.quorum.kinds import payload_type
from keyturn.quorum.roster import Officer, Roster, parse_officer
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.texts import check_texts

ENROLMENT_TYPE = payload_type("officer-enrolment")
MAX_ENROLMENT = 32 << 10
LONGEST_WAIT = timedelta(days=30)
"""How old a request may be: what lay about for longer is made anew, which costs nothing."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A request whose every key has signed it. Not yet one that this roster can take in."""

    authority: Digest
    officer: Officer
    time: datetime
    envelope: Envelope
    raw: bytes

    @property
    def digest(self) -> Digest:
        return self.envelope.digest


def enrolment_payload(authority: Digest, officer: dict[str, object], time: datetime) -> bytes:
    """The payload to sign under ENROLMENT_TYPE with each key of `officer`, a roster's entry."""
    return dump(
        {
            "type": "officer-enrolment",
            "format": 1,
            "authority": authority,
            "officer": officer,
            "time": format_time(time),
        }
    )


def parse_enrolment(raw: bytes) -> Enrolment:
    """Read a request and verify that all its keys signed it, and no other.

    Raises MalformedError, EnrolmentRefused.
    """
    envelope = parse_envelope(raw, limit=2 * MAX_ENROLMENT)
    if envelope.payload_type != ENROLMENT_TYPE:
        raise MalformedStatement(
            "not an officer's enrolment",
            found=repr(envelope.payload_type),
            expected=ENROLMENT_TYPE,
        )
    document = load_object(envelope.payload, limit=MAX_ENROLMENT, what="enrolment")
    check_texts(document, "enrolment")
    fields = Fields(document, "enrolment")
    fields.literal("type", "officer-enrolment")
    fields.literal("format", 1)
    enrolment = Enrolment(
        fields.digest("authority"),
        parse_officer(fields.fields("officer")),
        fields.time("time"),
        envelope,
        raw,
    )
    fields.done()
    _check_possession(enrolment)
    return enrolment


def check_enrolment(enrolment: Enrolment, state: AuthorityState, now: datetime) -> None:
    """Whether the roster in force could take it in. Raises EnrolmentRefused."""
    if enrolment.authority != state.fingerprint:
        raise EnrolmentRefused(
            "the request is for another authority",
            found=enrolment.authority,
            expected=state.fingerprint,
        )
    if not -SKEW <= now - enrolment.time <= LONGEST_WAIT:
        raise EnrolmentRefused(
            "the request is not of now",
            found=format_time(enrolment.time),
            expected=f"at most {LONGEST_WAIT.days} days before {format_time(now)}",
            hint="The new officer makes another: keyturn officer enrol.",
        )
    if state.roster is not None:
        _check_new(enrolment.officer, state.roster, state.compromised)


def _check_possession(enrolment: Enrolment) -> None:
    named = {key.key_id: key for key in enrolment.officer.keys}
    signed = {each.key_id for each in enrolment.envelope.signatures}
    if signed != named.keys():
        raise EnrolmentRefused(
            "the request is not signed by each key that it names, and by no other",
            found=_short(signed),
            expected=_short(set(named)),
        )
    try:
        verified_signers(enrolment.envelope, named)
    except UntrustedError as error:
        raise EnrolmentRefused(
            f"the request does not prove its keys: {error.message}",
            found=error.found,
            expected=error.expected,
        ) from error


def _check_new(officer: Officer, roster: Roster, compromised: frozenset[KeyId]) -> None:
    if officer.id in roster.officers:
        raise EnrolmentRefused(
            "an officer of that id is in the roster already",
            found=officer.id,
            expected="an id that nobody has",
        )
    taken = {key.key_id for key in roster.witnesses.keys} | roster.keys.keys()
    for key in officer.keys:
        if key.key_id in taken:
            owner = roster.officer_of(key.key_id)
            raise EnrolmentRefused(
                "the key is in the roster already",
                found=f"key {key.key_id[:16]} of {owner.id if owner else 'a witness'}",
                expected="a key of one's own",
            )
        if key.key_id in compromised:
            raise EnrolmentRefused(
                "the key was removed for compromise",
                found=f"key {key.key_id[:16]}",
                expected="a new key",
            )


def _short(keys: set[KeyId]) -> str:
    return ", ".join(sorted(key[:16] for key in keys)) or "no key"

"""Bodies that authorise people to do something with keys in a window of time (§2.6).

A `ceremony` says who may follow which script; a `restore`, which backup of the KEK may go into
which token. What they let happen is the ceremonies' business: here is only whether they say it
well, and whether the people are what it takes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields
from keyturn.base.times import format_time
from keyturn.quorum.errors import MalformedStatement, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import MAX_OFFICERS, OfficerId, Roster

LONGEST_WINDOW = timedelta(days=30)
MAX_CONCERNS = 64
_CEREMONY_ID = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?\Z")
_KEY_ID = re.compile(r"[0-9a-f]{64}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_OFFICER = re.compile(r"[a-z0-9-]{1,64}\Z")

_ADMINISTERS = frozenset({Role.OPERATOR})
_KEEPS = frozenset({Role.CUSTODIAN})
_WITNESSES = frozenset({Role.WITNESS, Role.AUDITOR})


class CeremonyKind(Enum):
    GENESIS = "genesis"
    UNSEAL = "unseal"
    KEK_ROTATION = "kek-rotation"
    BACKUP = "backup"
    RESTORE_DRILL = "restore-drill"
    CUSTODIAN_CHANGE = "custodian-change"
    OFFICER_KEY_LOSS = "officer-key-loss"
    MODEL_KEY_DESTRUCTION = "model-key-destruction"
    KEY_IMPORT = "key-import"
    HSM_REPLACEMENT = "hsm-replacement"


class Concern(Enum):
    """What an entry of `concerns` is, by its shape alone."""

    KEY = "a key id"
    MODEL = "a model's digest"
    OFFICER = "an officer's id"


_MUST_CONCERN = {
    CeremonyKind.MODEL_KEY_DESTRUCTION: Concern.MODEL,
    CeremonyKind.OFFICER_KEY_LOSS: Concern.OFFICER,
    CeremonyKind.CUSTODIAN_CHANGE: Concern.OFFICER,
    CeremonyKind.KEY_IMPORT: Concern.KEY,
}


@dataclass(frozen=True, slots=True)
class Window:
    """From `not_before` until before `not_after`."""

    not_before: datetime
    not_after: datetime

    def is_open(self, now: datetime) -> bool:
        return self.not_before <= now < self.not_after


@dataclass(frozen=True, slots=True)
class Participants:
    """Who does what. The witness does nothing else."""

    administrator: OfficerId
    custodians: tuple[OfficerId, ...]
    witness: OfficerId
    scribe: OfficerId | None


@dataclass(frozen=True, slots=True)
class Ceremony:
    ceremony: CeremonyKind
    script: Digest
    token: str | None
    participants: Participants
    concerns: tuple[str, ...]
    window: Window

    def is_open(self, now: datetime) -> bool:
        """Whether its time is now. That it is in force is for `quorum.state` to say."""
        return self.window.is_open(now)


@dataclass(frozen=True, slots=True)
class Restore:
    kek: KeyId
    backup: Digest
    token: str
    host: str
    custodians: tuple[OfficerId, ...]
    window: Window

    def is_open(self, now: datetime) -> bool:
        """As of `Ceremony`."""
        return self.window.is_open(now)


def parse_ceremony(body: Fields) -> Ceremony:
    """Raises MalformedError."""
    ceremony = Ceremony(
        body.choice("ceremony", CeremonyKind),
        body.digest("script"),
        body.nullable("token", lambda name: body.text(name, limit=64)),
        _participants(body.fields("participants")),
        body.texts("concerns", limit=MAX_CONCERNS),
        _window(body),
    )
    body.done()
    kinds = {concern_of(each) for each in ceremony.concerns}
    needed = _MUST_CONCERN.get(ceremony.ceremony)
    if needed is not None and needed not in kinds:
        raise MalformedStatement(
            f"ceremony: concerns: {ceremony.ceremony.value} names what it is about",
            found=", ".join(ceremony.concerns)[:80] or "nothing",
            expected=needed.value,
        )
    return ceremony


def parse_restore(body: Fields) -> Restore:
    """Raises MalformedError."""
    restore = Restore(
        KeyId(body.hex("kek", size=32).hex()),
        body.digest("backup"),
        body.text("token", limit=64),
        body.text("host", limit=200),
        _custodians(body, least=2),
        _window(body),
    )
    body.done()
    return restore


def concern_of(text: str) -> Concern:
    """Raises MalformedStatement."""
    if _KEY_ID.match(text):
        return Concern.KEY
    if _DIGEST.match(text):
        return Concern.MODEL
    if _OFFICER.match(text):
        return Concern.OFFICER
    raise MalformedStatement(
        "ceremony: concerns: not the name of anything",
        found=repr(text[:80]),
        expected="a key id, a model's digest or an officer's id",
    )


def check_ceremony_id(subject: str) -> None:
    """Raises MalformedStatement."""
    if not _CEREMONY_ID.match(subject):
        raise MalformedStatement(
            "subject: not the id of a ceremony",
            found=repr(subject[:80]),
            expected="1 to 64 of a-z 0-9 . - that begin and end with a letter or digit",
        )


def check_authorises(body: Ceremony | Restore, roster: Roster, now: datetime) -> None:
    """Whether the people are fit for it by this roster, and its time is not over.

    Raises SubmissionRefused.
    """
    if now >= body.window.not_after:
        raise SubmissionRefused(
            SubmissionReason.WINDOW_OVER,
            "its time is over",
            found=format_time(now),
            expected=f"before {format_time(body.window.not_after)}",
            hint="propose it with a later window",
        )
    if isinstance(body, Restore):
        _check_people("custodian", body.custodians, _KEEPS, roster)
        return
    people = body.participants
    about = [OfficerId(each) for each in body.concerns if concern_of(each) is Concern.OFFICER]
    _check_people("administrator", [people.administrator], _ADMINISTERS, roster)
    _check_people("custodian", people.custodians, _KEEPS, roster)
    _check_people("witness", [people.witness], _WITNESSES, roster)
    _check_people("scribe", [people.scribe] if people.scribe else [], None, roster)
    _check_people("officer concerned", about, None, roster)


def _check_people(
    part: str,
    officers: Iterable[OfficerId],
    fitting: frozenset[Role] | None,
    roster: Roster,
) -> None:
    """Each has one of the `fitting` roles; None: whatever their roles are."""
    for each in officers:
        officer = roster.officers.get(each)
        if officer is None:
            raise SubmissionRefused(
                SubmissionReason.UNFIT_PARTICIPANT,
                f"the {part} is not in the roster",
                found=each,
                expected="an officer of the roster in force",
            )
        if fitting is not None and not officer.roles & fitting:
            raise SubmissionRefused(
                SubmissionReason.UNFIT_PARTICIPANT,
                f"{each} cannot take part as {part}",
                found=", ".join(sorted(role.value for role in officer.roles)) or "no role",
                expected="the role " + " or ".join(sorted(role.value for role in fitting)),
            )


def _participants(fields: Fields) -> Participants:
    people = Participants(
        OfficerId(fields.text("administrator", limit=64)),
        _custodians(fields, least=1),
        OfficerId(fields.text("witness", limit=64)),
        fields.nullable("scribe", lambda name: OfficerId(fields.text(name, limit=64))),
    )
    fields.done()
    others = {
        "administrator": [people.administrator],
        "custodian": people.custodians,
        "scribe": [people.scribe],
    }
    for part, officers in others.items():
        if people.witness in officers:
            raise MalformedStatement(
                f"ceremony: the witness is also {part}",
                found=people.witness,
                expected="a witness who has no other part",
            )
    return people


def _custodians(fields: Fields, *, least: int) -> tuple[OfficerId, ...]:
    found = fields.texts("custodians", limit=MAX_OFFICERS)
    if len(found) < least or any(len(each) > 64 for each in found):
        raise MalformedStatement(
            f"{fields.what}: custodians",
            found=f"{len(found)}",
            expected=f"the ids of {least} to {MAX_OFFICERS} officers",
        )
    return tuple(map(OfficerId, found))


def _window(body: Fields) -> Window:
    window = Window(body.time("not_before"), body.time("not_after"))
    length = window.not_after - window.not_before
    if not timedelta(0) < length <= LONGEST_WINDOW:
        raise MalformedStatement(
            f"{body.what}: not_after",
            found=format_time(window.not_after),
            expected=f"after not_before, within {LONGEST_WINDOW.days} days",
        )
    return window

"""Sessions: an officer's signature over a nonce and this server's TLS key (our protocol §7.3)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from keyturn.base.dsse import verified_signers
from keyturn.base.encoding import sha256
from keyturn.base.errors import KeyturnError
from keyturn.control.context import Context
from keyturn.control.errors import NoLongerOfficer, NotSignedIn
from keyturn.quorum.reports import SignInFailure
from keyturn.quorum.roster import Officer
from keyturn.store import sessions
from keyturn.wire.signin import SignIn, parse_sign_in

NONCE_LIFE = timedelta(seconds=60)
SESSION_LIFE = timedelta(minutes=15)
SKEW = timedelta(seconds=120)
_TIME, _RANDOM, _TAG = 8, 8, 16  # bytes of a nonce: Unix ms, randomness, truncated HMAC
TOKEN_SIZE = 32
NONCE_WRONG = "the nonce is unknown, spent or over 60 seconds old"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SignInFailed(NotSignedIn):
    """A sign-in that proves nothing. `claimed` is who it said it was, by whoever sent it."""

    def __init__(
        self,
        reason: SignInFailure,
        message: str,
        *,
        claimed: str | None = None,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason
        self.claimed = claimed


class NotInRoster(SignInFailed, NoLongerOfficer):
    """The newest roster does not name who signs in."""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session of an officer of the newest roster."""

    officer: Officer
    expires: datetime


def issue_nonce(context: Context) -> tuple[str, datetime]:
    """A fresh nonce and its end. Nothing is kept: the server knows its own nonces by their tag."""
    now = context.clock()
    body = _milliseconds(now).to_bytes(_TIME, "big") + context.randomness(_RANDOM)
    return (body + _tag(context, body)).hex(), now + NONCE_LIFE


def _nonce_end(context: Context, nonce: str, now: datetime) -> datetime:
    """When a nonce of ours ends. Raises NotSignedIn unless it is one and lives."""
    raw = bytes.fromhex(nonce)
    body, tag = raw[: _TIME + _RANDOM], raw[_TIME + _RANDOM :]
    ours = hmac.compare_digest(_tag(context, body), tag)
    age = _milliseconds(now) - int.from_bytes(body[:_TIME], "big")
    life = NONCE_LIFE // timedelta(milliseconds=1)
    if not ours or not 0 <= age < life:
        raise NotSignedIn(NONCE_WRONG)
    return now + timedelta(milliseconds=life - age)


def _tag(context: Context, body: bytes) -> bytes:
    return hmac.digest(context.nonce_key, body, "sha256")[:_TAG]


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


async def sign_in(context: Context, raw: bytes) -> tuple[str, Session]:
    """A bearer token (64 hex digits) and its session.

    Raises MalformedError, and SignInFailed (NotInRoster among them) whatever is wrong with the
    proof.
    """
    request = parse_sign_in(raw)
    now = context.clock()
    officer = _verified_officer(context, request, now)
    try:
        spent_until = _nonce_end(context, request.nonce, now)
    except NotSignedIn as error:
        raise _bad_nonce(officer) from error
    token = context.randomness(TOKEN_SIZE).hex()
    expires = now + SESSION_LIFE

    def work(connection: Connection) -> None:
        if not sessions.spend_nonce(connection, request.nonce, spent_until):
            raise _bad_nonce(officer)
        sessions.open_session(connection, _hash(token), officer.id, expires)

    await context.write(work)
    return token, Session(officer, expires)


async def find_session(context: Context, authorization: str | None) -> Session:
    """The session of an `Authorization` header. Raises NotSignedIn, NoLongerOfficer."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or len(token) != 2 * TOKEN_SIZE:
        raise NotSignedIn("no session", expected="Authorization: Bearer TOKEN")
    now = context.clock()
    found = await context.read(lambda c: sessions.find_session(c, _hash(token), now))
    if found is None:
        raise NotSignedIn("the session is over or unknown", hint="Sign in again.")
    return Session(_named_officer(context, found[0]), found[1])


def _named_officer(context: Context, officer_id: str) -> Officer:
    """By the newest roster. Raises NoLongerOfficer, and NotSignedIn before a roster is known."""
    newest = context.mirror.newest_roster
    if newest is None:
        raise NotSignedIn("the authority is not read from the keyholder's log yet")
    officer = context.mirror.officer(officer_id)
    if officer is None:
        raise NoLongerOfficer(
            "the roster does not name this officer",
            found=repr(officer_id[:64]),
            expected=f"an officer of roster version {newest.statement.version}, "
            f"in force since log index {newest.index}",
            hint="Whoever left the roster has no session; other officers can propose to take one "
            "in again.",
        )
    return officer


def _signing_officer(context: Context, officer_id: str) -> Officer:
    """As `_named_officer`, of a sign-in. Raises NotInRoster."""
    try:
        return _named_officer(context, officer_id)
    except NoLongerOfficer as error:
        raise NotInRoster(
            SignInFailure.UNKNOWN_OFFICER,
            error.message,
            found=error.found,
            expected=error.expected,
            hint=error.hint,
        ) from error


def _bad_nonce(officer: Officer) -> SignInFailed:
    return SignInFailed(SignInFailure.BAD_NONCE, NONCE_WRONG, claimed=officer.id)


def _verified_officer(context: Context, request: SignIn, now: datetime) -> Officer:
    if request.server != context.pin:
        raise SignInFailed(
            SignInFailure.WRONG_SERVER,
            "the sign-in was made for another server",
            claimed=request.officer,
            found=request.server,
            expected=context.pin,
            hint="Somebody may sit between you and the server: compare the pin.",
        )
    if abs(now - request.time) > SKEW:
        raise SignInFailed(
            SignInFailure.WRONG_TIME,
            "the sign-in's time is too far from the server's",
            claimed=request.officer,
            found=request.time.isoformat(),
            expected=f"within {SKEW.seconds} s of {now.isoformat(timespec='seconds')}",
            hint="Set this machine's clock; if it is right, the server's is not.",
        )
    officer = _signing_officer(context, request.officer)
    try:
        verified_signers(request.envelope, {each.key_id: each for each in officer.keys})
    except KeyturnError as error:
        raise SignInFailed(
            SignInFailure.BAD_SIGNATURE,
            "the sign-in is not signed by that officer",
            claimed=officer.id,
        ) from error
    return officer


def _hash(token: str) -> str:
    return sha256(token.encode()).hex()

"""The *software log key*: of a token that cannot sign with Ed25519 (our protocol §10.17).

Its private half is made in the process that makes the token's keys, lies on the token wrapped
under a key of its own there, and is open in the memory of the workers that are logged in, and
nowhere else. What is wrapped is worth nothing without a login: an HMAC by the token opens it.
The key that it lies under can compute that HMAC and do nothing else, so that nobody who is
logged in brings a DEK out under it. Whoever reads a worker's memory has the log key for good.
"""

import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyturn.base.encoding import b64, lp
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import key_id_of
from keyturn.base.strictjson import dump, parse_object
from keyturn.ceremony.keyfacts import HELD, SOFTWARE_LOG_KEY
from keyturn.hsm.attributes import check_attributes, find_key, find_one, report_attributes
from keyturn.hsm.cryptoki import Attr, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.kekwork import AttributeReport, KeyReport
from keyturn.hsm.pkcs11 import Handle, Session, wipe
from keyturn.hsm.profiles import (
    LOG,
    LOG_WRAP,
    LOG_WRAP_GENERATOR,
    TAG_MAC,
    Label,
    data_object,
    data_query,
    expected,
    for_a_session,
    label_query,
    named,
)
from keyturn.hsm.publickeys import ed25519_key, spki_of
from keyturn.hsm.selftest import prove_signing
from keyturn.hsm.trials import destroyed_after, trial_pair

HELD_IN_SOFTWARE = AttributeReport(HELD, SOFTWARE_LOG_KEY, True)
"""Comes first among its attributes; the others are those of the key that it lies under."""
WRAPPED = "wrapped"
"""What stands for a software log key's halves in a report."""
_TYPE = "software-log-key"
_CONTEXT = b"keyturn-software-log-key-v1"
_PRESENT = b"keyturn-log-wrap-present-v1"
_SEED, _SALT, _NONCE, _TAG = 32, 32, 12, 16
_MAX_SPKI, _MAX = 128, 1024
_NOT_OFFERED = frozenset(
    {
        Rv.MECHANISM_INVALID,
        Rv.MECHANISM_PARAM_INVALID,
        Rv.FUNCTION_NOT_SUPPORTED,
        Rv.KEY_TYPE_INCONSISTENT,
        Rv.KEY_FUNCTION_NOT_PERMITTED,
        Rv.KEY_SIZE_RANGE,
        Rv.ATTRIBUTE_TYPE_INVALID,
        Rv.ATTRIBUTE_VALUE_INVALID,
        Rv.TEMPLATE_INCOMPLETE,
        Rv.TEMPLATE_INCONSISTENT,
        Rv.DOMAIN_PARAMS_INVALID,
        Rv.CURVE_NOT_SUPPORTED,
    }
)
"""How a token says that it has no Ed25519. Any other error is a fault, and no reason for less."""


@dataclass(frozen=True, slots=True)
class WrappedLogKey:
    """The data object on the token."""

    spki: bytes
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": _TYPE,
                "format": 1,
                "spki": b64(self.spki),
                "salt": b64(self.salt),
                "nonce": b64(self.nonce),
                "ciphertext": b64(self.ciphertext),
            }
        )


def parse_wrapped_log_key(raw: bytes) -> WrappedLogKey:
    """Raises TokenError on anything but the one form."""
    try:
        fields = parse_object(raw, limit=_MAX, what="software log key")
        fields.literal("type", _TYPE)
        fields.literal("format", 1)
        wrapped = WrappedLogKey(
            fields.b64("spki", limit=_MAX_SPKI),
            fields.b64("salt", size=_SALT),
            fields.b64("nonce", size=_NONCE),
            fields.b64("ciphertext", size=_SEED + _TAG),
        )
        fields.done()
    except MalformedError as error:
        raise TokenError(
            "the token's software log key is damaged", found=str(error)[:200]
        ) from error
    if wrapped.to_bytes() != raw:
        raise TokenError("the token's software log key is not in the one form that it has")
    return wrapped


class SoftwareLogKey:
    """Open. For one thread at a time, as its session is."""

    def __init__(self, session: Session, wrap: Handle, private: Ed25519PrivateKey) -> None:
        self._session = session
        self._wrap = wrap
        self._private: Ed25519PrivateKey | None = private
        self.spki = spki_of(private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Raises HsmError when the token is gone: nothing is signed for it then; TokenError."""
        if self._private is None:
            raise TokenError("the software log key is wiped")
        self._session.sign(TAG_MAC, self._wrap, _PRESENT)
        return self._private.sign(message)

    def wipe(self) -> None:
        """The library overwrites a private key that nobody refers to."""
        self._private = None


def why_no_ed25519(session: Session) -> str:
    """Empty where the token is proved to sign with Ed25519, by use; else what it answered.

    Raises HsmError when it fails in a way that says nothing about Ed25519.
    """
    try:
        public, private = trial_pair(session, LOG)
        with destroyed_after(session, public, private):
            wanted = for_a_session(expected(LOG.private))
            check_attributes(session, private, LOG.label, wanted)
            prove_signing(session, private, ed25519_key(session.read(public, Attr.EC_POINT)))
    except HsmError as error:
        if error.rv not in _NOT_OFFERED:
            raise
        return f"{error.function}: {error.found}"
    except TokenError as error:
        return str(error)
    return ""


def make_software_log_key(session: Session) -> None:
    """A log key on the token, wrapped. Raises HsmError, TokenError."""
    wrap = session.generate(LOG_WRAP_GENERATOR, named(LOG_WRAP, Label.LOG_WRAP))
    wrapped = wrap_log_key(session, wrap, Ed25519PrivateKey.generate())
    session.create(data_object(Label.LOG_WRAPPED, wrapped.to_bytes()))


def wrap_log_key(session: Session, wrap: Handle, private: Ed25519PrivateKey) -> WrappedLogKey:
    spki, salt = spki_of(private.public_key()), secrets.token_bytes(_SALT)
    seed, nonce = bytearray(private.private_bytes_raw()), secrets.token_bytes(_NONCE)
    try:
        ciphertext = _aead(session, wrap, salt, spki).encrypt(nonce, seed, _CONTEXT + lp(spki))
    finally:
        wipe(seed)
    return WrappedLogKey(spki, salt, nonce, ciphertext)


def unwrap_log_key(session: Session, wrap: Handle, wrapped: WrappedLogKey) -> Ed25519PrivateKey:
    """Raises TokenError when it is not what this token wrapped, whole; HsmError."""
    seed, data = bytearray(_SEED), _CONTEXT + lp(wrapped.spki)
    aead = _aead(session, wrap, wrapped.salt, wrapped.spki)
    try:
        aead.decrypt_into(wrapped.nonce, wrapped.ciphertext, data, seed)
        private = Ed25519PrivateKey.from_private_bytes(seed)
    except InvalidTag as error:
        raise TokenError(
            "the token does not open its software log key",
            expected="the key that was wrapped on this token, whole",
        ) from error
    finally:
        wipe(seed)
    if not hmac.compare_digest(spki_of(private.public_key()), wrapped.spki):
        raise TokenError("the software log key's halves do not belong together")
    return private


def is_in_software(session: Session) -> bool:
    """Whether the token's log key is one. Raises TokenError where it has one in the token too."""
    labels = Label.LOG_WRAP, Label.LOG_WRAPPED
    found = any(session.find(label_query(each)) for each in labels)
    if found and session.find(label_query(Label.LOG)):
        raise TokenError("the token has two log keys", expected="one, in the token or wrapped")
    return found


def open_software_log_key(session: Session) -> SoftwareLogKey:
    """Raises TokenError, HsmError."""
    wrap = find_key(session, Label.LOG_WRAP, ObjectClass.SECRET_KEY)
    check_attributes(session, wrap, Label.LOG_WRAP, expected(LOG_WRAP))
    return SoftwareLogKey(session, wrap, unwrap_log_key(session, wrap, _read(session)))


def report_software_log_key(session: Session) -> KeyReport:
    """What is to be told of it, in place of a pair's halves. Raises TokenError, HsmError."""
    wrap = find_key(session, Label.LOG_WRAP, ObjectClass.SECRET_KEY)
    said = report_attributes(session, wrap, Label.LOG_WRAP, expected(LOG_WRAP))
    under = (AttributeReport(f"WRAPPING_{each.name}", each.value, each.checked) for each in said)
    key_id = key_id_of(_read(session).spki)
    return KeyReport(Label.LOG.value, WRAPPED, key_id, (HELD_IN_SOFTWARE, *under))


def _read(session: Session) -> WrappedLogKey:
    handle = find_one(session, Label.LOG_WRAPPED, data_query(Label.LOG_WRAPPED))
    return parse_wrapped_log_key(session.read(handle, Attr.VALUE))


def _aead(session: Session, wrap: Handle, salt: bytes, spki: bytes) -> AESGCM:
    return AESGCM(session.sign(TAG_MAC, wrap, _CONTEXT + lp(salt) + lp(spki)))

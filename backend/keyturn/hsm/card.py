"""One person's signing key on a PKCS#11 card: found, looked at, used; P-256 and Ed25519.

Knows tokens and keys, no officers and no files: `keyturn.client.card` does. Unlike `token`,
which opens tokens that Keyturn made, this reads what other people's tools put on a card, so
public keys are taken in every form that cards are known to give them.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.encoding import sha256
from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.base.signatures import Algorithm, VerifyKey, load_verify_key
from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import (
    Attr,
    KeyType,
    Mech,
    ObjectClass,
    Rv,
)
from keyturn.hsm.errors import HsmError, HsmRequestError, TokenError
from keyturn.hsm.pkcs11 import Handle, Library, Session
from keyturn.hsm.protocol import der_signature
from keyturn.hsm.publickeys import spki_of
from keyturn.hsm.tokeninfo import TokenInfo

_P256_CURVE = bytes.fromhex("06082a8648ce3d030107")  # OID 1.2.840.10045.3.1.7 (RFC 5480)
_ED25519_CURVE = bytes.fromhex("06032b6570")  # OID 1.3.101.112 (RFC 8410)
_ED25519_CURVES = (
    _ED25519_CURVE,
    bytes.fromhex("130c656477617264733235353139"),  # "edwards25519" (PKCS#11 v3.0 §2.3.10)
    bytes.fromhex("06092b06010401da470f01"),  # OID 1.3.6.1.4.1.11591.15.1, of GnuPG
)
_KINDS = {Algorithm.P256: KeyType.EC, Algorithm.ED25519: KeyType.EC_EDWARDS}
_CURVES = {Algorithm.P256: _P256_CURVE, Algorithm.ED25519: _ED25519_CURVE}
_GENERATORS = {
    Algorithm.P256: Mechanism(Mech.EC_KEY_PAIR_GEN),
    Algorithm.ED25519: Mechanism(Mech.EC_EDWARDS_KEY_PAIR_GEN),
}
_ID_SIZE = 8
_TRIAL = b"keyturn-card-trial-v1\0"  # no envelope's signed bytes start so (they start "DSSEv1")


@dataclass(frozen=True, slots=True)
class CardPair:
    """The public half of a pair that could sign here."""

    label: str
    id: bytes
    key: VerifyKey


def cards(library: Library) -> tuple[TokenInfo, ...]:
    """Initialised tokens that answer. One pulled out while we look is not there."""
    found = []
    for slot in library.slots():
        try:
            info = library.token(slot)
        except HsmError:
            continue
        if info.initialised:
            found.append(info)
    return tuple(found)


def pairs(session: Session) -> tuple[CardPair, ...]:
    """Every key that could sign, of those that can be seen; others are passed over."""
    return _readable(session, session.find(_public()))


def pairs_named(session: Session, name: str) -> tuple[CardPair, ...]:
    """Those whose label is `name`, or whose id is `name` in hex."""
    handles = list(session.find(_public((Attr.LABEL, name.encode()))))
    try:
        wanted = bytes.fromhex(name)
    except ValueError:
        wanted = b""
    if wanted:
        by_id = session.find(_public((Attr.ID, wanted)))
        handles += [each for each in by_id if each not in handles]
    return _readable(session, tuple(handles))


def private_half(session: Session, pair: CardPair) -> Handle:
    """Logged in: the one private key of a pair, by the same id, which all tools keep equal.

    Raises TokenError unless there is exactly one and it says that it never leaves the card.
    """
    same = (Attr.ID, pair.id) if pair.id else (Attr.LABEL, pair.label.encode())
    kind = (Attr.KEY_TYPE, _KINDS[pair.key.algorithm])
    found = session.find(Template(((Attr.CLASS, ObjectClass.PRIVATE_KEY), kind, same)))
    if len(found) != 1:
        raise TokenError(
            f"the card does not have exactly one private key '{pair.label}'",
            found=str(len(found)),
            expected="1",
        )
    _check_kept(session, found[0], pair.label)
    return found[0]


def asks_each_time(session: Session, private: Handle) -> bool:
    """Whether this key wants the PIN again for each signature."""
    try:
        return session.read_like(private, Attr.ALWAYS_AUTHENTICATE, False) is True
    except HsmError:  # v2.01 cards do not know the attribute
        return False


def sign(
    session: Session,
    private: Handle,
    key: VerifyKey,
    message: bytes,
    begun: Callable[[], None] | None = None,
) -> bytes:
    """A signature that `key` verifies: it is tried here before anybody gets it.

    Raises TokenError when the card gave something else, HsmError when it did not sign.
    """
    if key.algorithm is Algorithm.ED25519:
        value = session.sign(Mechanism(Mech.EDDSA), private, message, begun)
    else:
        value = _der(session.sign(Mechanism(Mech.ECDSA), private, sha256(message), begun))
    try:
        key.verify(value, message)
    except UntrustedError as error:
        raise TokenError(
            "what the card gave is not a signature by its key", found=error.message
        ) from error
    return value


def make_pair(session: Session, label: str, algorithm: Algorithm) -> CardPair:
    """Logged in: a new pair that signs, and never leaves the card, as far as the card is honest.

    It is looked at and tried; one that is not as asked for is removed again (TokenError).
    """
    name = (Attr.LABEL, label.encode()), (Attr.ID, secrets.token_bytes(_ID_SIZE))
    public, private = session.generate_pair(
        _GENERATORS[algorithm], _new_public(algorithm).plus(*name), _NEW_PRIVATE.plus(*name)
    )
    try:
        (pair,) = _readable(session, (public,)) or (None,)
        if pair is None:
            raise TokenError("the card's new public key cannot be read")
        sign(session, private_half(session, pair), pair.key, _TRIAL + secrets.token_bytes(16))
    except KeyturnError:
        session.destroy(private)
        session.destroy(public)
        raise
    return pair


def public_key(curve: bytes, point: bytes) -> VerifyKey | None:
    """From CKA_EC_PARAMS and CKA_EC_POINT; None when it is no key that signs here.

    The point comes as DER OCTET STRING (v2.40), as BIT STRING, or bare, by the card's maker.
    """
    try:
        if curve in _ED25519_CURVES:
            raw = _bare(point, 32)
            return load_verify_key(spki_of(ed25519.Ed25519PublicKey.from_public_bytes(raw)))
        if curve == _P256_CURVE:
            raw = _bare(point, 65)
            on_curve = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
            return load_verify_key(spki_of(on_curve))
    except (ValueError, KeyturnError):
        return None
    return None


def _bare(point: bytes, size: int) -> bytes:
    for head in (bytes((0x04, size)), bytes((0x03, size + 1, 0x00)), b""):
        if len(point) == len(head) + size and point.startswith(head):
            return point[len(head) :]
    raise ValueError("not a point of that size")


def _readable(session: Session, handles: tuple[Handle, ...]) -> tuple[CardPair, ...]:
    found = []
    for handle in handles:
        try:
            curve = session.read(handle, Attr.EC_PARAMS)
            key = public_key(curve, session.read(handle, Attr.EC_POINT))
            label = session.read(handle, Attr.LABEL).decode("utf-8", "replace")
            identity = session.read(handle, Attr.ID)
        except HsmError as error:
            if not _is_no_such_attribute(error):
                raise
            continue
        if key is not None:
            found.append(CardPair(label, identity, key))
    return tuple(found)


def _is_no_such_attribute(error: HsmError) -> bool:
    """RSA keys have no curve: they are passed over, and a card that is gone is not."""
    return error.rv in (Rv.ATTRIBUTE_TYPE_INVALID, Rv.ATTRIBUTE_SENSITIVE)


def _check_kept(session: Session, private: Handle, label: str) -> None:
    for attribute, wanted in ((Attr.SENSITIVE, True), (Attr.EXTRACTABLE, False)):
        found = session.read_like(private, attribute, wanted)
        if found is not wanted:
            raise TokenError(
                f"the private key '{label}' may leave the card",
                found=f"{attribute.name} {found!r}",
                expected=str(wanted),
            )


def _public(*more: tuple[Attr, bytes]) -> Template:
    return Template(((Attr.CLASS, ObjectClass.PUBLIC_KEY), *more))


def _der(raw: bytes) -> bytes:
    try:
        return der_signature(raw)
    except HsmRequestError as error:
        raise TokenError(
            "the card's signature has another size", found=error.found, expected=error.expected
        ) from error


def _new_public(algorithm: Algorithm) -> Template:
    return Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, _KINDS[algorithm]),
            (Attr.TOKEN, True),
            (Attr.PRIVATE, False),
            (Attr.VERIFY, True),
            (Attr.EC_PARAMS, _CURVES[algorithm]),
        )
    )


_NEW_PRIVATE = Template(
    (
        (Attr.CLASS, ObjectClass.PRIVATE_KEY),
        (Attr.TOKEN, True),
        (Attr.PRIVATE, True),
        (Attr.SENSITIVE, True),
        (Attr.EXTRACTABLE, False),
        (Attr.SIGN, True),
        *((each, False) for each in (Attr.DECRYPT, Attr.UNWRAP, Attr.DERIVE)),
    )
)

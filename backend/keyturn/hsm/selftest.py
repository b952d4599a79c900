"""What a token must do before it is believed: by use, never by CKR_OK alone.

Some modules accept a mechanism's parameter and silently use another, so every OAEP hash is
proved against another implementation. The canary is a key without a secret: it protects
nothing, so its value may be known here.
"""

import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from keyturn.base.encoding import sha256
from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import DEK_FORM, KEY_WRAP, TAG_MAC
from keyturn.hsm.protocol import WRAPPED_BY_KEK, OaepHash, der_signature
from keyturn.hsm.publickeys import NodeKey, PublicHalf

CANARY_MESSAGE = b"keyturn-canary-v1"
_SIGNING_MESSAGE = b"keyturn-hsm-self-test-v1\0"  # no checkpoint and no result starts so
_THROW_AWAY_BITS = 2048  # proves the hash of OAEP; no DEK is ever wrapped to it

_DIGESTS = {OaepHash.SHA256: Mech.SHA256, OaepHash.SHA1: Mech.SHA_1}


@dataclass(frozen=True, slots=True)
class Canary:
    """A known key under the KEK, stored at genesis: 72 bytes."""

    kek_wrapped: bytes
    tag: bytes
    """HMAC-SHA256(canary, "keyturn-canary-v1"), 32 bytes."""

    def to_bytes(self) -> bytes:
        return self.kek_wrapped + self.tag


def parse_canary(raw: bytes) -> Canary:
    """Raises TokenError on another size."""
    if len(raw) != WRAPPED_BY_KEK + 32:
        raise TokenError("the token's canary has the wrong size", found=f"{len(raw)} bytes")
    return Canary(raw[:WRAPPED_BY_KEK], raw[WRAPPED_BY_KEK:])


def oaep(hash_: OaepHash) -> Mechanism:
    return Mechanism(Mech.RSA_PKCS_OAEP, _DIGESTS[hash_])


def oaep_padding(hash_: OaepHash) -> padding.OAEP:
    """The same, for `cryptography`: one hash for OAEP and MGF1, no label."""
    chosen = hashes.SHA256() if hash_ is OaepHash.SHA256 else hashes.SHA1()  # noqa: S303
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def make_canary(session: Session, kek: Handle, value: bytes) -> Canary:
    """Wrap `value`, 32 random bytes, under a new KEK."""
    key = session.create(DEK_FORM.plus((Attr.VALUE, value)))
    try:
        wrapped = session.wrap(KEY_WRAP, kek, key)
    finally:
        session.destroy(key)
    return Canary(wrapped, hmac.digest(value, CANARY_MESSAGE, "sha256"))


def check_canary(session: Session, kek: Handle, canary: Canary) -> None:
    """The KEK opens its canary. Raises TokenError."""
    try:
        key = session.unwrap(KEY_WRAP, kek, canary.kek_wrapped, DEK_FORM)
        try:
            session.verify(TAG_MAC, key, CANARY_MESSAGE, canary.tag)
        finally:
            session.destroy(key)
    except HsmError as error:
        raise TokenError(
            "the KEK does not open its canary", found=str(error), expected="the key of the genesis"
        ) from error


def prove_release_hash(session: Session, kek: Handle, canary: Canary) -> OaepHash:
    """The best hash with which what the token wraps opens elsewhere. Raises TokenError."""
    private = rsa.generate_private_key(65537, _THROW_AWAY_BITS)
    numbers = private.public_key().public_numbers()
    node = NodeKey(numbers.n.to_bytes(_THROW_AWAY_BITS // 8, "big"), b"\x01\x00\x01")
    public = session.create(node_key_object(node))
    try:
        key = session.unwrap(KEY_WRAP, kek, canary.kek_wrapped, DEK_FORM)
        try:
            for hash_ in OaepHash:
                if _opens_elsewhere(session, (public, key), hash_, private, canary.tag):
                    return hash_
        finally:
            session.destroy(key)
    finally:
        session.destroy(public)
    raise TokenError("the token wraps to RSA with no hash that opens elsewhere")


def prove_ingest_hash(session: Session, ingest: Handle, public: PublicHalf) -> OaepHash:
    """The best hash with which the token opens what another wrapped. Raises TokenError.

    It also proves that `public` is the public half of `ingest`.
    """
    if not isinstance(public, rsa.RSAPublicKey):
        raise TokenError("the ingest key is not RSA", found=type(public).__name__)
    value = secrets.token_bytes(32)
    tag = hmac.digest(value, CANARY_MESSAGE, "sha256")
    for hash_ in OaepHash:
        wrapped = public.encrypt(value, oaep_padding(hash_))
        try:
            key = session.unwrap(oaep(hash_), ingest, wrapped, DEK_FORM)
        except HsmError:
            continue
        try:
            session.verify(TAG_MAC, key, CANARY_MESSAGE, tag)
        except HsmError:
            continue
        finally:
            session.destroy(key)
        return hash_
    raise TokenError("the ingest key opens nothing that was wrapped to it elsewhere")


def prove_signing(session: Session, private: Handle, public: PublicHalf) -> None:
    """The private key signs what the public key verifies. Raises TokenError."""
    message = _SIGNING_MESSAGE + secrets.token_bytes(16)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(session.sign(Mechanism(Mech.EDDSA), private, message), message)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            raw = session.sign(Mechanism(Mech.ECDSA), private, sha256(message))
            public.verify(der_signature(raw), message, ec.ECDSA(hashes.SHA256()))
        else:
            raise TokenError("not a signing key", found=type(public).__name__)
    except InvalidSignature as error:
        raise TokenError("a signing key's halves do not belong together") from error


def node_key_object(node: NodeKey) -> Template:
    """A session object to wrap to."""
    return Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, KeyType.RSA),
            (Attr.TOKEN, False),
            (Attr.PRIVATE, False),
            (Attr.WRAP, True),
            (Attr.ENCRYPT, False),
            (Attr.VERIFY, False),
            (Attr.MODULUS, node.modulus),
            (Attr.PUBLIC_EXPONENT, node.exponent),
        )
    )


def _opens_elsewhere(
    session: Session,
    handles: tuple[Handle, Handle],
    hash_: OaepHash,
    private: rsa.RSAPrivateKey,
    tag: bytes,
) -> bool:
    try:
        value = private.decrypt(session.wrap(oaep(hash_), *handles), oaep_padding(hash_))
    except (HsmError, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(value, CANARY_MESSAGE, "sha256"), tag)

"""The key pairs themselves: public half as a value, private half as bytes that can be wiped.

`OfficerSecret` keeps raw private keys in one `bytearray` and builds a library key object only
for the moment of use. Measured limit: that object's memory, and the `bytes` that the library
asks for, are freed but not overwritten by us.
Sources: Ed25519 RFC 8032 (32-byte seed), P-256 FIPS 186-5 (32-byte scalar, big endian),
X25519 RFC 7748, HPKE RFC 9180 (DHKEM(X25519), HKDF-SHA256, AES-256-GCM, base mode).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.base.encoding import b64
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import Algorithm, KeyId, key_id_of
from keyturn.officerkeys.errors import KeyMismatch

SIGN_SIZE = 32
HPKE_SIZE = 32
SECRET_SIZE = SIGN_SIZE + HPKE_SIZE
DERIVED_SIZE = 32

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, 2.4.2


@dataclass(frozen=True, slots=True)
class OfficerPublic:
    """What everybody may know of an officer's keys."""

    officer: str
    name: str
    algorithm: Algorithm
    spki: bytes
    hpke: bytes  # raw X25519, 32 bytes

    @property
    def key_id(self) -> KeyId:
        return key_id_of(self.spki)

    def roster_entry(self, roles: Iterable[str]) -> dict[str, object]:
        """This officer as an item of `officers` in a roster (our protocol §2.6)."""
        return {
            "id": self.officer,
            "name": self.name,
            "roles": sorted(set(roles)),
            "keys": [{"algorithm": self.algorithm.value, "spki": b64(self.spki)}],
            "hpke": b64(self.hpke),
        }


class OfficerSecret:
    """Both private keys, in memory that `wipe` overwrites. Use as a context manager."""

    def __init__(self, public: OfficerPublic, private: bytearray) -> None:
        """Takes ownership of `private`: signing key ‖ X25519 key, 64 bytes.

        Raises KeyMismatch, with `private` wiped, when it does not belong to `public`.
        """
        self.public = public
        self._private = private
        try:
            found = _public_halves(public.algorithm, private)
        except ValueError as error:
            self.wipe()
            raise KeyMismatch("the private keys are not keys of their kind") from error
        if found != (public.spki, public.hpke):
            self.wipe()
            raise KeyMismatch(
                "the private keys are not those of the public keys beside them",
                found=key_id_of(found[0])[:16],
                expected=public.key_id[:16],
            )

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032), or ECDSA P-256 over SHA-256 in DER. Raises ValueError once wiped."""
        key = _signing_key(self.public.algorithm, self._alive()[:SIGN_SIZE])
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        """Open what was sealed to this officer's HPKE key (`enc` ‖ ciphertext, empty aad).

        Raises UntrustedError when it was not sealed to this key with this `info`.
        """
        key = x25519.X25519PrivateKey.from_private_bytes(self._alive()[SIGN_SIZE:])
        try:
            return bytearray(_SUITE.decrypt(sealed, key, info))
        except (InvalidTag, ValueError) as error:
            raise UntrustedError("not sealed to this officer's key, or changed") from error

    def derived(self, info: bytes) -> bytes:
        """32 bytes that only the X25519 private key leads to, always the same ones for an `info`:
        HKDF-SHA256 (RFC 5869) without salt. Raises ValueError once wiped."""
        hkdf = HKDF(hashes.SHA256(), DERIVED_SIZE, None, info)
        return hkdf.derive(self._alive()[SIGN_SIZE:])

    def private_copy(self) -> bytearray:
        """The 64 private bytes, for a store to encrypt. The caller wipes them."""
        return bytearray(self._alive())

    def wipe(self) -> None:
        """Overwrite the private keys. Every later use raises ValueError."""
        self._private[:] = bytes(len(self._private))
        del self._private[:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"OfficerSecret({self.public.officer!r}, {self.public.key_id[:16]})"

    def _alive(self) -> bytearray:
        if not self._private:
            raise ValueError("the key has been wiped")
        return self._private


def generate(officer: str, name: str, algorithm: Algorithm) -> OfficerSecret:
    """Fresh key pairs from the operating system's randomness."""
    private = bytearray(secrets.token_bytes(SECRET_SIZE))
    if algorithm is Algorithm.P256:
        scalar = secrets.randbelow(_P256_ORDER - 1) + 1
        private[:SIGN_SIZE] = scalar.to_bytes(SIGN_SIZE, "big")
    spki, public_hpke = _public_halves(algorithm, private)
    return OfficerSecret(OfficerPublic(officer, name, algorithm, spki, public_hpke), private)


def _signing_key(
    algorithm: Algorithm, raw: bytearray
) -> ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey:
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(raw)
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def _public_halves(algorithm: Algorithm, private: bytearray) -> tuple[bytes, bytes]:
    """SPKI and raw X25519 key. Raises ValueError on a wrong size or an impossible scalar."""
    if len(private) != SECRET_SIZE:
        raise ValueError(f"{len(private)} bytes of private keys, expected {SECRET_SIZE}")
    signing = _signing_key(algorithm, private[:SIGN_SIZE]).public_key()
    sealing = x25519.X25519PrivateKey.from_private_bytes(private[SIGN_SIZE:]).public_key()
    spki = signing.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return spki, sealing.public_bytes_raw()

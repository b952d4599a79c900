"""The keyholder's identity key: it signs the key that shares are sealed to (our protocol §10.7).

Ed25519, PKCS#8 in PEM with mode 0600, beside the settings. It signs nothing else, and opens
nothing: whoever has a copy can pretend to be this keyholder to a custodian's program, no more.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.quorum.bodies import Keys, PublicKeyEntry, Purpose

FILE = "keyholder.key"
_MAX = 4096


class BrokenIdentityKey(MalformedError):
    """The keyholder's own key cannot be read, or others can read it."""


class WrongIdentityKey(UntrustedError):
    """The keyholder's own key is not the one that the `keys` statement names."""


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """Signs as the keyholder."""

    spki: bytes
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @property
    def key_id(self) -> KeyId:
        return key_id_of(self.spki)

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        value = self._private.sign(pae(payload_type, payload))
        return Envelope(payload_type, payload, (Signature(self.key_id, value),))


def make_identity(path: Path) -> IdentityKey:
    """A new key in a new file, durable when this returns. Raises FileExistsError, OSError."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return _identity(private)


def load_identity(path: Path) -> IdentityKey | None:
    """The key in a file; None where there is no file. Raises BrokenIdentityKey."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            pem = file.read(_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenIdentityKey(
            "the keyholder's key cannot be read", found=f"{path}: {error.strerror}"
        ) from error
    if mode & 0o077:
        raise BrokenIdentityKey(
            "the keyholder's key can be read by others",
            found=oct(mode),
            expected="0o600",
            hint="Take the rights away, and think about who had them.",
        )
    try:
        private = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise BrokenIdentityKey("the keyholder's key is no key", found=str(path)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise BrokenIdentityKey(
            "the keyholder's key is of another kind", found=str(path), expected="Ed25519"
        )
    return _identity(private)


def identity_at(path: Path) -> IdentityKey:
    """The key in a file, made where there is none. Raises BrokenIdentityKey, OSError."""
    return load_identity(path) or make_identity(path)


def keyholder_key(keys: Keys | None) -> PublicKeyEntry | None:
    """The keyholder's public key that a `keys` statement names, if it names one."""
    return None if keys is None else keys.keys.get(Purpose.KEYHOLDER)


def check_identity(identity: IdentityKey | None, keys: Keys | None) -> IdentityKey | None:
    """The key to sign with: None where `keys` names none, since nobody could check it then.

    Raises WrongIdentityKey where another one is named than is here: custodians' programs would
    refuse whatever this keyholder shows.
    """
    named = keyholder_key(keys)
    if named is None:
        return None
    if identity is None or identity.spki != named.spki:
        raise WrongIdentityKey(
            f"{FILE} is not the key that the keys statement names",
            found=identity.key_id[:16] if identity else "no such file",
            expected=named.key_id[:16],
            hint="Put the right file back. If it is lost, a new keys statement has to name a new "
            "key; until then start with --pin-fd.",
        )
    return identity


def _identity(private: Ed25519PrivateKey) -> IdentityKey:
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return IdentityKey(spki, private)

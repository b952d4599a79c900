"""The witness's Ed25519 key: a PKCS#8 file of its own, mode 0600, encrypted where it can be asked.

The key cosigns and does nothing else; a roster names it.
"""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.signatures import load_verify_key
from keyturn.tlog.checkpoints import Witness
from keyturn.tlog.notes import Sign
from keyturn.witness.errors import WitnessKeyRefused

MAX_FILE = 16 << 10


def new_key_file(path: Path, passphrase: bytes | None) -> ed25519.Ed25519PrivateKey:
    """Make a key and write it, never over another. Raises WitnessKeyRefused."""
    key = ed25519.Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WitnessKeyRefused(
            f"the key file cannot be made: {error.strerror or error}", found=str(path)
        ) from error
    return key


def open_key_file(path: Path, passphrase: bytes | None) -> ed25519.Ed25519PrivateKey:
    """Raises WitnessKeyRefused: not there, open to others, encrypted otherwise, another key."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(MAX_FILE)
    except OSError as error:
        raise WitnessKeyRefused(
            f"the key file cannot be read: {error.strerror or error}", found=str(path)
        ) from error
    if mode & 0o077:
        raise WitnessKeyRefused(
            "others on this machine may read the witness's key",
            found=oct(mode),
            expected="0o600",
            hint="make a new key, and have the roster changed, if others had access",
        )
    try:
        key = serialization.load_pem_private_key(raw, passphrase)
    except (ValueError, TypeError) as error:
        raise WitnessKeyRefused(
            "the key file cannot be opened",
            expected="an Ed25519 key, with its passphrase exactly if it is encrypted",
            hint="give --passphrase-fd for an encrypted file, and only for one",
        ) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise WitnessKeyRefused("the key file holds another kind of key", expected="Ed25519")
    return key


def witness_of(name: str, key: ed25519.Ed25519PrivateKey) -> tuple[Witness, Sign]:
    """Its public half under a name, and what signs. Raises MalformedNote for an impossible name."""
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    witness = Witness(name, load_verify_key(spki))
    _ = witness.note_key  # refuses an impossible name before anything is signed
    return witness, key.sign

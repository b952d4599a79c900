"""The encrypted key file: format `officer-key-file` 1, where no OS keyring is to be had.

    {type, format, officer, name, algorithm, spki, hpke,
     kdf: {name: "argon2id", iterations, lanes, memory_kib}, salt, nonce, ciphertext}

`ciphertext` is AES-256-GCM over signing key ‖ X25519 key (64 bytes, tag appended), under
Argon2id (RFC 9106) of the passphrase; every other value is associated data, each with its
length before it, so none can be changed and no two files share one. The public half can be
read without the passphrase and is trusted only as far as that: opening proves it.
"""

import os
import secrets
import shlex
import stat
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keyturn.base.encoding import b64, lp, u32
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.officerkeys.errors import (
    KeyExists,
    KeyExposed,
    KeyNotFound,
    KeyNotOpened,
    KeyStoreUnavailable,
    MalformedKeyFile,
)
from keyturn.officerkeys.keypair import HPKE_SIZE, SECRET_SIZE, OfficerPublic, OfficerSecret

TYPE = "officer-key-file"
MAX_FILE = 16 << 10
SALT_SIZE = 16
NONCE_SIZE = 12
_TAG_SIZE = 16
_KEY_SIZE = 32
_ONE_AT_A_TIME = threading.Lock()
"""Two derivations in parallel lanes at once wait for each other for ever (OpenSSL 4.0.3)."""


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What one guess at the passphrase costs. The default is RFC 9106 §4, second choice."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 64 << 10


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A parsed key file. Parsed is not trusted: `open_key_file` proves it."""

    public: OfficerPublic
    cost: KdfCost
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "officer": self.public.officer,
                "name": self.public.name,
                "algorithm": self.public.algorithm.value,
                "spki": b64(self.public.spki),
                "hpke": b64(self.public.hpke),
                "kdf": {
                    "name": "argon2id",
                    "iterations": self.cost.iterations,
                    "lanes": self.cost.lanes,
                    "memory_kib": self.cost.memory_kib,
                },
                "salt": b64(self.salt),
                "nonce": b64(self.nonce),
                "ciphertext": b64(self.ciphertext),
            }
        )

    def associated_data(self) -> bytes:
        """Every value but the ciphertext, each preceded by its length."""
        public, cost = self.public, self.cost
        parts = (
            b"keyturn-officer-key-v1",
            public.officer.encode(),
            public.name.encode(),
            public.algorithm.value.encode(),
            public.spki,
            public.hpke,
            b"argon2id",
            u32(cost.iterations) + u32(cost.lanes) + u32(cost.memory_kib),
            self.salt,
            self.nonce,
        )
        return b"".join(lp(part) for part in parts)


def seal_key_file(
    secret: OfficerSecret,
    passphrase: bytearray,
    *,
    salt: bytes,
    nonce: bytes,
    cost: KdfCost,
) -> KeyFile:
    """Encrypt an officer's keys. `salt` (16 bytes) and `nonce` (12) must be fresh."""
    blank = KeyFile(secret.public, cost, salt, nonce, b"")
    key = _derive(passphrase, blank)
    private = secret.private_copy()
    try:
        ciphertext = AESGCM(key).encrypt(nonce, private, blank.associated_data())
    finally:
        _wipe(key, private)
    return KeyFile(secret.public, cost, salt, nonce, ciphertext)


def parse_key_file(raw: bytes) -> KeyFile:
    """Read a key file. Raises MalformedKeyFile. Nothing is proved yet."""
    try:
        fields = parse_object(raw, limit=MAX_FILE, what="officer key file")
        fields.literal("type", TYPE)
        fields.literal("format", 1)
        public = OfficerPublic(
            fields.text("officer", limit=64),
            fields.text("name", limit=200),
            fields.choice("algorithm", Algorithm),
            fields.b64("spki", limit=512),
            fields.b64("hpke", size=HPKE_SIZE),
        )
        if load_verify_key(public.spki).algorithm is not public.algorithm:
            raise MalformedError("officer key file: spki is not of the algorithm named")
        found = KeyFile(
            public,
            _parse_cost(fields.fields("kdf")),
            fields.b64("salt", size=SALT_SIZE),
            fields.b64("nonce", size=NONCE_SIZE),
            fields.b64("ciphertext", size=SECRET_SIZE + _TAG_SIZE),
        )
        fields.done()
    except MalformedError as error:
        raise MalformedKeyFile(error.message, found=error.found, expected=error.expected) from error
    return found


def open_key_file(file: KeyFile, passphrase: bytearray) -> OfficerSecret:
    """Decrypt the keys. Raises KeyNotOpened, or KeyMismatch (whoever wrote the file erred)."""
    key = _derive(passphrase, file)
    private = bytearray(SECRET_SIZE)
    try:
        AESGCM(key).decrypt_into(file.nonce, file.ciphertext, file.associated_data(), private)
    except InvalidTag as error:
        _wipe(private)
        raise KeyNotOpened(
            "wrong passphrase, or the key file was changed",
            hint="Type the passphrase again; if it is right, restore the file from its copy.",
        ) from error
    finally:
        _wipe(key)
    return OfficerSecret(file.public, private)


def write_key_file(
    path: Path, secret: OfficerSecret, passphrase: bytearray, *, cost: KdfCost | None = None
) -> KeyFile:
    """Encrypt and write, whole or not at all, readable by its owner only (mode 0600).

    Raises KeyExists rather than overwrite, KeyStoreUnavailable when the disk says no.
    """
    file = seal_key_file(
        secret,
        passphrase,
        salt=secrets.token_bytes(SALT_SIZE),
        nonce=secrets.token_bytes(NONCE_SIZE),
        cost=cost or KdfCost(),
    )
    try:
        _write_new(path, file.to_bytes() + b"\n")
    except OSError as error:
        raise KeyStoreUnavailable(f"cannot write {path}: {error.strerror}") from error
    return file


def read_key_file(path: Path) -> KeyFile:
    """Read without opening. Raises KeyNotFound, KeyExposed, KeyStoreUnavailable, MalformedKeyFile.

    A file that others may read is refused: they may be guessing its passphrase already.
    """
    try:
        with path.open("rb") as stream:
            _check_private(path, os.fstat(stream.fileno()).st_mode)
            raw = stream.read(MAX_FILE + 2)
    except FileNotFoundError as error:
        raise KeyNotFound(
            f"no key file at {path}",
            hint="Put it back from its copy, or correct the path in the profile.",
        ) from error
    except OSError as error:
        raise KeyStoreUnavailable(f"cannot read {path}: {error.strerror}") from error
    return parse_key_file(raw.removesuffix(b"\n"))


def _check_private(path: Path, mode: int) -> None:
    open_to = stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO)
    if open_to:
        raise KeyExposed(
            f"others on this machine may read {path}",
            found=f"mode {stat.S_IMODE(mode):04o}",
            expected="mode 0600, for its owner alone",
            hint=f"chmod 600 {shlex.quote(str(path))}; if others had access, make new keys.",
        )


def _write_new(path: Path, data: bytes) -> None:
    """A linked temporary file: atomic, and unlike a rename it never replaces."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".officer-", dir=path.parent)  # mkstemp makes mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError as error:
            raise KeyExists(f"{path} is there already and is not overwritten") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _parse_cost(fields: Fields) -> KdfCost:
    """Bounds keep a hostile file from taking the machine's memory before any check can fail."""
    fields.literal("name", "argon2id")
    iterations = fields.integer("iterations", low=1, high=64)
    lanes = fields.integer("lanes", low=1, high=16)
    memory = fields.integer("memory_kib", low=8 * lanes, high=1 << 20)  # RFC 9106 §3.1; ≤ 1 GiB
    fields.done()
    return KdfCost(iterations, lanes, memory)


def _derive(passphrase: bytearray, file: KeyFile) -> bytearray:
    key = bytearray(_KEY_SIZE)
    kdf = Argon2id(
        salt=file.salt,
        length=_KEY_SIZE,
        iterations=file.cost.iterations,
        lanes=file.cost.lanes,
        memory_cost=file.cost.memory_kib,
    )
    with _ONE_AT_A_TIME:  # the library takes `bytes` only: a copy that we cannot wipe
        kdf.derive_into(bytes(passphrase), key)
    return key


def _wipe(*buffers: bytearray) -> None:
    for buffer in buffers:
        buffer[:] = bytes(len(buffer))

"""The backup of a recoverable KEK: a document, and the private key that opens it (§10.15).

The KEK leaves its token wrapped to a backup key. That key's private half is not on any token: it
lies in the backup, encrypted under a key of the backup secret, which is split among custodians.
So the file alone opens nothing, and neither do the shares without the file.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.base.encoding import Digest, b64, digest_of, lp
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.hsm.errors import BackupRefused, HsmRequestError
from keyturn.hsm.kekwork import CANARY_SIZE, WrappedKek, check_ceremony_id, check_kek_id
from keyturn.hsm.profiles import BACKUP_BITS
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.publickeys import EXPONENT, spki_of

SECRET_SIZE = 32
MAX_BACKUP = 16 << 10
_TYPE, _KEY_TYPE, _WRAPPED_TYPE = "kek-backup", "kek-backup-key", "wrapped-kek"
_CONTEXT = b"keyturn-backup-key-v1"
_SALT, _NONCE = 32, 12
_WRAPPED = BACKUP_BITS // 8
_MAX_SPKI, _MAX_SEALED = 1024, 4096


@dataclass(frozen=True, slots=True)
class BackupKey:
    """A backup key: its public half, and its private half for whoever has the secret."""

    spki: bytes
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    @property
    def id(self) -> KeyId:
        return key_id_of(self.spki)

    def to_bytes(self) -> bytes:
        """The document that lies beside a keyholder's configuration: later backups need it."""
        return dump({"type": _KEY_TYPE, "format": 1, **_key_document(self)})


@dataclass(frozen=True, slots=True)
class KekBackup:
    """What a restore needs besides the shares of the secret."""

    wrapped: WrappedKek
    key: BackupKey
    made: datetime
    ceremony: str
    """The id of the ceremony that made it."""
    token: str
    """Label and serial number of the token that it came from, for people."""

    def __post_init__(self) -> None:
        if self.wrapped.spki != self.key.spki:
            raise HsmRequestError("a KEK is wrapped to another key than the backup's")

    @property
    def digest(self) -> Digest:
        return digest_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": _TYPE,
                "format": 1,
                "kek": self.wrapped.kek,
                "profile": "recoverable",
                "made": format_time(self.made),
                "ceremony": self.ceremony,
                "token": self.token,
                "oaep_hash": self.wrapped.oaep_hash.value,
                "wrapped": b64(self.wrapped.value),
                "canary": b64(self.wrapped.canary),
                "key": _key_document(self.key),
            }
        )


def parse_backup(raw: bytes) -> KekBackup:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_BACKUP, what="KEK backup")
    fields.literal("type", _TYPE)
    fields.literal("format", 1)
    fields.literal("profile", "recoverable")
    key = _read_key(fields.fields("key"))
    wrapped = WrappedKek(
        check_kek_id(fields.text("kek", limit=64)),
        fields.b64("wrapped", size=_WRAPPED),
        fields.choice("oaep_hash", OaepHash),
        key.spki,
        fields.b64("canary", size=CANARY_SIZE),
    )
    ceremony = fields.text("ceremony", limit=64)
    check_ceremony_id(ceremony)
    made, token = fields.time("made"), fields.text("token", limit=128)
    fields.done()
    backup = KekBackup(wrapped, key, made, ceremony, token)
    if backup.to_bytes() != raw:
        raise MalformedError("KEK backup: not in the one form that such a file has")
    return backup


def parse_backup_key(raw: bytes) -> BackupKey:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_BACKUP, what="backup key")
    fields.literal("type", _KEY_TYPE)
    fields.literal("format", 1)
    return _read_key(fields)


def wrapped_document(wrapped: WrappedKek) -> bytes:
    """A KEK on its way to another token: the file that is handed in for an import."""
    return dump(
        {
            "type": _WRAPPED_TYPE,
            "format": 1,
            "kek": wrapped.kek,
            "oaep_hash": wrapped.oaep_hash.value,
            "wrapped": b64(wrapped.value),
            "canary": b64(wrapped.canary),
            "spki": b64(wrapped.spki),
        }
    )


def parse_wrapped(raw: bytes) -> WrappedKek:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_BACKUP, what="wrapped KEK")
    fields.literal("type", _WRAPPED_TYPE)
    fields.literal("format", 1)
    wrapped = WrappedKek(
        check_kek_id(fields.text("kek", limit=64)),
        fields.b64("wrapped", size=_WRAPPED),
        fields.choice("oaep_hash", OaepHash),
        fields.b64("spki", limit=_MAX_SPKI),
        fields.b64("canary", size=CANARY_SIZE),
    )
    fields.done()
    check_backup_spki(wrapped.spki)
    return wrapped


def seal_backup_key(
    private: rsa.RSAPrivateKey, secret: bytearray, salt: bytes, nonce: bytes
) -> BackupKey:
    """Encrypt a new backup key's private half. `salt` 32 and `nonce` 12 fresh random bytes."""
    spki = spki_of(private.public_key())
    plain = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return BackupKey(spki, salt, nonce, _aead(secret, salt, spki).encrypt(nonce, plain, _ad(spki)))


def open_backup_key(key: BackupKey, secret: bytearray) -> rsa.RSAPrivateKey:
    """The private half. Raises BackupRefused for another secret or a changed file."""
    try:
        plain = _aead(secret, key.salt, key.spki).decrypt(key.nonce, key.ciphertext, _ad(key.spki))
    except InvalidTag as error:
        raise BackupRefused(
            "the backup secret does not open this backup",
            expected="the shares of the set that the backup was made under",
        ) from error
    private = serialization.load_der_private_key(plain, None)
    if not isinstance(private, rsa.RSAPrivateKey) or spki_of(private.public_key()) != key.spki:
        raise BackupRefused("the backup's private key is not the one of its public key")
    return private


def check_backup_spki(spki: bytes) -> rsa.RSAPublicKey:
    """RSA-4096, exponent 65537, canonical DER. Raises HsmRequestError."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HsmRequestError("not a public key") from error
    if not isinstance(key, rsa.RSAPublicKey) or spki_of(key) != spki:
        raise HsmRequestError("a KEK is wrapped to an RSA key in canonical DER only")
    if key.key_size != BACKUP_BITS or key.public_numbers().e != EXPONENT:
        raise HsmRequestError(
            "a KEK is wrapped to no such RSA key",
            found=f"{key.key_size} bits",
            expected=f"{BACKUP_BITS} bits, exponent {EXPONENT}",
        )
    return key


def _aead(secret: bytearray, salt: bytes, spki: bytes) -> AESGCM:
    if len(secret) != SECRET_SIZE:
        raise BackupRefused("a backup secret has 32 bytes", found=f"{len(secret)} bytes")
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, _ad(spki)).derive(bytes(secret)))


def _ad(spki: bytes) -> bytes:
    return _CONTEXT + lp(spki)


def _key_document(key: BackupKey) -> dict[str, object]:
    return {
        "spki": b64(key.spki),
        "salt": b64(key.salt),
        "nonce": b64(key.nonce),
        "ciphertext": b64(key.ciphertext),
    }


def _read_key(fields: Fields) -> BackupKey:
    key = BackupKey(
        fields.b64("spki", limit=_MAX_SPKI),
        fields.b64("salt", size=_SALT),
        fields.b64("nonce", size=_NONCE),
        fields.b64("ciphertext", limit=_MAX_SEALED),
    )
    fields.done()
    check_backup_spki(key.spki)
    return key

"""What Keyturn asks of an HSM, in Keyturn's words; no PKCS#11 here.

An `Hsm` takes orders, not key names: a release order is what a Grant says, an admission
is what an admission statement says (DESIGN §4, I2). It cannot judge either: that is the
keyholder's work, done before it asks. No method returns a DEK.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.base.signatures import KeyId
from keyturn.hsm.errors import HsmRequestError

MODEL_TAG_CONTEXT = b"keyturn-model-v1"  # our protocol §5.2 of the design
WRAPPED_BY_KEK = 40  # bytes: RFC 3394 of a 32-byte DEK
MAX_MESSAGE = 32 << 10  # bytes to sign: a checkpoint or a result is far smaller
MAX_MARK = 16 << 10  # bytes: a checkpoint with its cosignatures


class Purpose(StrEnum):
    """What a key pair of the HSM is for (statement kind `keys`)."""

    INGEST = "ingest"
    LOG = "log"
    RESULT = "result"


class KeyAlgorithm(StrEnum):
    RSA_3072 = "rsa-3072"
    ED25519 = "ed25519"
    P256 = "p256"


class OaepHash(StrEnum):
    """The hash of RSA-OAEP and of its MGF1 alike. SoftHSM has only SHA-1."""

    SHA256 = "sha256"
    SHA1 = "sha1"


class Assurance(StrEnum):
    """Whether a key's protection is a device's or a process's (caveat *software-assurance*)."""

    SOFTWARE = "software"
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public half, proved at start to belong to the private half on the token."""

    purpose: Purpose
    spki: bytes
    """DER SubjectPublicKeyInfo."""
    algorithm: KeyAlgorithm
    oaep_hash: OaepHash | None
    """For `ingest`: the hash to wrap with, proved end to end. None for signing keys."""
    software: bool = False
    """For `log`: a *software log key* (our protocol §10.17)."""


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted model's key, as it lies in `keyturn.key`, and what the statement says of it."""

    ingest_wrapped: bytes
    """RSA-OAEP to the ingest key, 384 bytes. Anyone may have made it."""
    oaep_hash: OaepHash
    model_digest: bytes
    """32 bytes."""
    tag: bytes
    """32 bytes: HMAC-SHA256(DEK, "keyturn-model-v1" ‖ model digest)."""

    def __post_init__(self) -> None:
        _sized("model digest", self.model_digest, 32)
        _sized("tag", self.tag, 32)


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """A Grant that is in the log: for which model, to which attested key, entered where (I2)."""

    model_digest: bytes
    """32 bytes."""
    tag: bytes
    """32 bytes, from the admission statement."""
    node_rsa_spki: bytes
    """The node's attested RSA key, DER SPKI, 3072 bits or more."""
    log_index: int
    entry_digest: bytes
    """32 bytes: SHA-256 of the log entry at `log_index`."""

    def __post_init__(self) -> None:
        _sized("model digest", self.model_digest, 32)
        _sized("tag", self.tag, 32)
        _sized("entry digest", self.entry_digest, 32)
        if self.log_index < 0:
            raise HsmRequestError("log index is negative", found=str(self.log_index))


@dataclass(frozen=True, slots=True)
class KekWrapped:
    """A DEK under a KEK, and under which."""

    value: bytes
    """40 bytes (RFC 3394)."""
    kek: KeyId


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A DEK that only the node can open: RSA-OAEP, without label."""

    ciphertext: bytes
    oaep_hash: OaepHash


class Hsm(Protocol):
    """The operations. Each may raise HsmUnreachable or HsmError besides what it names."""

    @property
    def assurance(self) -> Assurance: ...

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        """Every public key, by purpose."""

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        """The DEK under the active KEK, after its tag verified.

        Raises WrappedKeyError, KeyBindingError, HsmRequestError.
        """

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        """The DEK wrapped to the node, after its tag verified. One answer per log index.

        It opens under the active KEK or one before it, whichever it is.

        Raises WrappedKeyError, KeyBindingError, HsmRequestError.
        """

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519, 64 bytes (RFC 8032, pure)."""

    def sign_result(self, message: bytes) -> bytes:
        """ECDSA P-256 over SHA-256, 64 bytes r ‖ s; `der_signature` converts."""

    def store_mark(self, mark: bytes) -> None:
        """Keep the high-water mark on the token. The old one stays until the new one is there."""

    def load_mark(self) -> bytes | None:
        """The mark last stored, or None."""


def der_signature(raw: bytes) -> bytes:
    """An ECDSA signature as DER (RFC 3279 §2.2.3) from r ‖ s, 64 bytes."""
    _sized("ECDSA signature", raw, 64)
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def model_tag_message(model_digest: bytes) -> bytes:
    """What a model's tag authenticates under its DEK (§5.2)."""
    _sized("model digest", model_digest, 32)
    return MODEL_TAG_CONTEXT + model_digest


def _sized(what: str, data: bytes, size: int) -> None:
    if len(data) != size:
        raise HsmRequestError(
            f"{what} has the wrong size", found=f"{len(data)} bytes", expected=f"{size} bytes"
        )

"""What ties evidence to keys: core, device nonces, report data (our protocol §4.2, §4.3; I2)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import lp, sha256, u32

SUITE = "MLKEM768_X25519/HKDF-SHA256/AES-256-GCM+RSA-OAEP"
CHALLENGE_SIZE = 56
MODEL_SIZE = 32
HPKE_PUBLIC_SIZE = 1184 + 32  # ML-KEM-768 encapsulation key, X25519


class Purpose(Enum):
    RELEASE = "release"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Public keys that the evidence is bound to; an absent one is empty.

    `hpke` 1216 bytes (ML-KEM-768 ‖ X25519), `rsa` and `tls` SPKI in DER, the others raw.
    """

    hpke: bytes
    rsa: bytes
    tls: bytes
    prompt: bytes = b""
    ak_name: bytes = b""


def compute_core(
    purpose: Purpose, challenge: bytes, model: bytes, keys: NodeKeys, claims: bytes
) -> bytes:
    """32 bytes that everything else is derived from. `challenge` 56 bytes, `model` 32 raw bytes.

    `claims` are the exact bytes that the node sends. Raises ValueError on wrong sizes.
    """
    if len(challenge) != CHALLENGE_SIZE or len(model) != MODEL_SIZE:
        raise ValueError("challenge is 56 bytes, model digest 32")
    parts = (
        purpose.value.encode(),
        SUITE.encode(),
        challenge,
        model,
        keys.hpke,
        keys.rsa,
        keys.tls,
        keys.prompt,
        keys.ak_name,
        claims,
    )
    return sha256(b"keyturn-core-v1" + b"".join(lp(part) for part in parts))


def device_nonce(core: bytes, index: int) -> bytes:
    """32 bytes: the nonce that device `index` (from 0) signs."""
    return sha256(b"keyturn-device-v1" + core + u32(index))


def tpm_nonce(core: bytes) -> bytes:
    """32 bytes: the qualifying data of the TPM's quote."""
    return sha256(b"keyturn-tpm-v1" + core)


def paravisor_nonce(binding: bytes) -> bytes:
    """32 bytes: the qualifying data of a paravisor's TPM, which then binds devices and core."""
    return sha256(b"keyturn-paravisor-v1" + binding)


def device_evidence(report: bytes, chain: Sequence[bytes]) -> bytes:
    """One device's part of the devices' digest: lp(report ‖ lp(certificate)…), chain leaf first."""
    return lp(report + b"".join(lp(certificate) for certificate in chain))


def compute_binding(core: bytes, devices: Sequence[bytes]) -> bytes:
    """64 bytes: the report data that the CPU signs last. `devices`: `device_evidence` in order."""
    digest = hashlib.sha384(b"".join(devices)).digest()
    return hashlib.sha512(b"keyturn-binding-v1" + core + lp(digest)).digest()

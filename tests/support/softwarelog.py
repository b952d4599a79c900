"""A SoftHSM 2 slot that cannot sign with Ed25519: what a software log key is for."""

from pathlib import Path

_MECHANISMS = (
    "RSA_PKCS_KEY_PAIR_GEN",
    "RSA_PKCS_OAEP",
    "SHA_1",
    "SHA256",
    "SHA384",
    "SHA256_HMAC",
    "GENERIC_SECRET_KEY_GEN",
    "EC_KEY_PAIR_GEN",
    "ECDSA",
    "AES_KEY_GEN",
    "AES_ECB",
    "AES_KEY_WRAP",
)


def without_ed25519(configuration: Path) -> Path:
    """Switch EdDSA off in a softhsm2.conf, by naming all that stays: 2.6.1 takes no `-` list."""
    names = ",".join(f"CKM_{each}" for each in _MECHANISMS)
    text = configuration.read_text()
    configuration.write_text(f"{text}slots.mechanisms = {names}\n")
    return configuration

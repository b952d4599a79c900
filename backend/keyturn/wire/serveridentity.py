"""The server's TLS identity: a P-256 key and a certificate that only carries it.

Clients pin the SHA-256 of the key's SPKI; the certificate is self-signed and proves nothing else.
Made at the first start, kept with mode 0600 in a directory with mode 0700.
"""

import hmac
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyturn.base.signatures import key_id_of
from keyturn.wire.errors import BrokenIdentity
from keyturn.wire.tls import Pin

LIFE = timedelta(days=3650)
_NAME = "server.pem"


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The file with key and certificate, and the pin that clients compare."""

    pem: Path
    pin: Pin


def server_identity(directory: Path, names: Sequence[str], now: datetime) -> ServerIdentity:
    """Load the identity, or make it at the first start.

    Raises BrokenIdentity when the file is readable by others or holds something else.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = directory / _NAME
    if not pem.exists():
        _write_private(pem, _make(names, now))
    if pem.stat().st_mode & 0o077:
        raise BrokenIdentity(
            "the server's TLS key can be read by others",
            found=oct(pem.stat().st_mode & 0o777),
            expected="0o600",
        )
    return ServerIdentity(pem, _pin(pem))


def nonce_key(identity: ServerIdentity) -> bytes:
    """32 bytes for sign-in nonces, the same in every server that has this TLS key."""
    return hmac.digest(identity.pem.read_bytes(), b"keyturn sign-in nonces v1", "sha256")


def server_context(identity: ServerIdentity) -> ssl.SSLContext:
    """TLS 1.3 only; no client certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(identity.pem)
    return context


def _make(names: Sequence[str], now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Keyturn")])
    alternatives = [_name(each) for each in ("localhost", "127.0.0.1", "::1", *names)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pin(pem: Path) -> Pin:
    data = pem.read_bytes()
    try:
        key = serialization.load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificate(data)
    except (ValueError, TypeError) as error:
        raise BrokenIdentity("the server's TLS identity cannot be read") from error
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if certificate.public_key() != key.public_key():
        raise BrokenIdentity("the server's TLS certificate belongs to another key")
    return Pin(key_id_of(spki))


def _write_private(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)

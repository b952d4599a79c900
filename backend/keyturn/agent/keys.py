"""A node's keys: RSA and TLS for the life of the process, HPKE for one release (our protocol §4.1).

Measured limit (I4): the libraries hand out private keys' encodings and the DEK as `bytes`, which
Python cannot overwrite; `memory` makes the allocator overwrite what is freed, and
tests/unit/agent/test_memory.py looks for the DEK after the wipe.
"""

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa, x25519
from cryptography.x509.oid import NameOID

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.encoding import sha256
from keyturn.base.signatures import KeyId, key_id_of

RSA_BITS = 3072
_CERTIFICATE_DAYS = 3650


class ReleaseKey:
    """One HPKE key pair, MLKEM768_X25519, for one release."""

    def __init__(self) -> None:
        mlkem_private = mlkem.MLKEM768PrivateKey.generate()
        x25519_private = x25519.X25519PrivateKey.generate()
        self.private = hpke.MLKEM768X25519PrivateKey(mlkem_private, x25519_private)
        self.public: bytes = (
            mlkem_private.public_key().public_bytes_raw()
            + x25519_private.public_key().public_bytes_raw()
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NodeKeys:
    """The private keys of this process. Make them with `make_node_keys`."""

    rsa: rsa.RSAPrivateKey
    tls: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    rsa_spki: bytes
    tls_spki: bytes

    @property
    def tls_key_id(self) -> KeyId:
        return key_id_of(self.tls_spki)

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """A DSSE envelope by the attested TLS key (our protocol §5.9)."""
        signature = self.tls.sign(pae(payload_type, payload), ec.ECDSA(hashes.SHA256()))
        return Envelope(payload_type, payload, (Signature(self.tls_key_id, signature),))

    def server_context(self) -> ssl.SSLContext:
        """A TLS 1.3 server context. The key reaches OpenSSL through anonymous memory only."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM) + self.tls.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["http/1.1"])
        descriptor = os.memfd_create("keyturn-tls", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pem)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.pwrite(descriptor, bytes(len(pem)), 0)
            os.close(descriptor)
        return context


def make_node_keys(node: str, now: datetime) -> NodeKeys:
    """Fresh keys and a self-signed certificate; what makes it trusted is the evidence."""
    rsa_private = rsa.generate_private_key(65537, RSA_BITS)
    tls_private = ec.generate_private_key(ec.SECP256R1())
    return NodeKeys(
        rsa_private,
        tls_private,
        _certificate(tls_private, node, now),
        _spki(rsa_private.public_key()),
        _spki(tls_private.public_key()),
    )


def _certificate(key: ec.EllipticCurvePrivateKey, node: str, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node[:64])])
    start = now.astimezone(UTC) - timedelta(minutes=5)
    names: list[x509.GeneralName] = []
    with suppress(ValueError):  # a node's name need not be a DNS name
        names.append(x509.DNSName(node))
    names.append(x509.DNSName("localhost"))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def tls_digest(keys: NodeKeys) -> str:
    """SHA-256 of the TLS key's SPKI in hex: what a client pins."""
    return sha256(keys.tls_spki).hex()

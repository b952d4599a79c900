"""Certificates of the simulated vendors, in the form of the real ones. Every subject says so."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from keyturn.base.encoding import sha256

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
_PSS = padding.PSS(padding.MGF1(hashes.SHA384()), 48)


def new_rsa_key() -> rsa.RSAPrivateKey:
    """RSA-4096, as AMD's ARK and ASK; takes a second or a few."""
    return rsa.generate_private_key(public_exponent=65537, key_size=4096)


def new_p384_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def new_p256_key() -> ec.EllipticCurvePrivateKey:
    """As all of Intel's keys are."""
    return ec.generate_private_key(ec.SECP256R1())


def make_certificate(
    common_name: str,
    key: PrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: PrivateKey,
    *,
    is_ca: bool,
    path_length: int | None = None,
    extensions: tuple[tuple[str, bytes], ...] = (),
    device: str = "",
) -> x509.Certificate:
    """Sign one certificate; `issuer` None: self-signed. SIMULATED is put before the name.

    `device`: the subject's serialNumber, where one is written.
    """
    return make_certificate_of(
        common_name,
        key.public_key(),
        issuer,
        issuer_key,
        is_ca=is_ca,
        path_length=path_length,
        extensions=extensions,
        device=device,
    )


def make_certificate_of(
    common_name: str,
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: x509.Certificate | None,
    issuer_key: PrivateKey,
    *,
    is_ca: bool,
    path_length: int | None = None,
    extensions: tuple[tuple[str, bytes], ...] = (),
    device: str = "",
) -> x509.Certificate:
    """The same for a key of which only the public half is known."""
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SIMULATED, no hardware vendor"),
        x509.NameAttribute(NameOID.COMMON_NAME, f"SIMULATED {common_name}"),
    ]
    if device:
        names.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, device))
    subject = x509.Name(names)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(_key_usage(is_ca), critical=True)
    )
    if is_ca:
        builder = builder.add_extension(x509.BasicConstraints(True, path_length), critical=True)
    for oid, value in extensions:
        unrecognized = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(unrecognized, critical=False)
    if isinstance(issuer_key, rsa.RSAPrivateKey):
        return builder.sign(issuer_key, hashes.SHA384(), rsa_padding=_PSS)
    short = isinstance(issuer_key.curve, ec.SECP256R1)
    return builder.sign(issuer_key, hashes.SHA256() if short else hashes.SHA384())


def make_crl(
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    *,
    this_update: datetime,
    next_update: datetime,
    revoked: tuple[int, ...] = (),
    number: int = 1,
) -> bytes:
    """Sign one whole revocation list, DER, over serial numbers."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update)
        builder = builder.add_revoked_certificate(entry.build())
    if isinstance(issuer_key, rsa.RSAPrivateKey):
        signed = builder.sign(issuer_key, hashes.SHA384(), rsa_padding=_PSS)
    else:
        short = isinstance(issuer_key.curve, ec.SECP256R1)
        signed = builder.sign(issuer_key, hashes.SHA256() if short else hashes.SHA384())
    return signed.public_bytes(Encoding.DER)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def spki_digest(certificate: x509.Certificate) -> str:
    """Hex SHA-256 of the certificate's SPKI: how a trust-anchors statement names a root."""
    key = certificate.public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hex()


def key_to_der(key: PrivateKey) -> bytes:
    """PKCS#8, not encrypted: these keys protect nothing."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def rsa_key(raw: bytes) -> rsa.RSAPrivateKey:
    key = load_der_private_key(raw, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("simulated AMD key is not RSA")
    return key


def ec_key(raw: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_der_private_key(raw, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("simulated key is not one of an elliptic curve")
    return key


def der_tlv(tag: int, content: bytes) -> bytes:
    """One DER element of at most 65535 bytes."""
    size = len(content)
    if size < 0x80:
        head = bytes((tag, size))
    elif size < 0x100:
        head = bytes((tag, 0x81, size))
    else:
        head = bytes((tag, 0x82)) + size.to_bytes(2, "big")
    return head + content


def der_uint(value: int) -> bytes:
    return der_tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def der_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER with its header."""
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(septets))
    return der_tlv(0x06, content)


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )

"""X.509 certificates (RFC 5280) as the vendors' attestation chains use them, and no others.

These kinds of key and signature exist here: RSA-4096 with PSS, SHA-384, salt 48 (AMD ARK, ASK,
ASVK), ECDSA P-384 with SHA-384 (AMD VEK keys, all of NVIDIA), ECDSA P-256 with SHA-256 (all of
Intel), and RSA of 2048 to 4096 bits with PKCS #1 v1.5 over SHA-256 or SHA-384 (TPMs' issuers).
Parsed is not trusted: `keyturn.attest.chains` makes trust of it.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.attest import der
from keyturn.attest.anchors import SpkiDigest
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.base.encoding import sha256

MAX_CERTIFICATE = 16 << 10
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_BASIC_CONSTRAINTS = "2.5.29.19"
_KEY_USAGE = "2.5.29.15"
_COMMON_NAME = "2.5.4.3"
_CONTEXT_0, _CONTEXT_1, _CONTEXT_2, _CONTEXT_3 = 0xA0, 0xA1, 0xA2, 0xA3
_TEXT_TAGS = (der.UTF8_STRING, 0x13, der.IA5_STRING)  # UTF8String, PrintableString, IA5String

# AlgorithmIdentifier, DER. PSS with its default trailer field left out (DER) or written (AMD).
_PSS_PARAMETERS = (
    "06092a864886f70d01010a30{}a00f300d06096086480165030402020500"
    "a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130{}"
)
RSA_PSS_SHA384 = frozenset(
    {
        bytes.fromhex("3041" + _PSS_PARAMETERS.format("34", "")),
        bytes.fromhex("3046" + _PSS_PARAMETERS.format("39", "a303020101")),
    }
)
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")

# RSA with PKCS #1 v1.5 (RFC 8017 §8.2), parameters NULL.
_RSA_PKCS1: dict[bytes, hashes.HashAlgorithm] = {
    bytes.fromhex("300d06092a864886f70d01010b0500"): hashes.SHA256(),
    bytes.fromhex("300d06092a864886f70d01010c0500"): hashes.SHA384(),
}
_RSA_BITS = (2048, 3072, 4096)

# Which algorithm a key of each curve signs with; no other pair is accepted.
_ECDSA = {
    "secp256r1": (ECDSA_SHA256, ec.ECDSA(hashes.SHA256())),
    "secp384r1": (ECDSA_SHA384, ec.ECDSA(hashes.SHA384())),
}


@dataclass(frozen=True, slots=True)
class Extension:
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """What a certificate and a CRL have in common: bytes, an algorithm, a signature.

    `digest` is of all three, SHA-256.
    """

    tbs: bytes
    algorithm: bytes
    signature: bytes
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.tbs, self.algorithm, self.signature)
        object.__setattr__(self, "digest", sha256(b"".join(map(sha256, parts))))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A parsed certificate. `issuer` and `subject` are the names' exact DER."""

    der: bytes = field(repr=False)
    digest: bytes
    signed: Signed = field(repr=False)
    serial: int
    issuer: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    common_name: str
    not_before: datetime
    not_after: datetime
    spki: SpkiDigest
    public_key: PublicKey = field(repr=False, compare=False)
    extensions: Mapping[str, Extension] = field(repr=False, hash=False)
    is_ca: bool
    path_length: int | None
    may_sign_certificates: bool
    may_sign_crls: bool


def parse_certificate(raw: bytes) -> Certificate:
    """Read one DER certificate of at most 16 KiB. Raises MalformedEvidence."""
    what = "certificate"
    if len(raw) > MAX_CERTIFICATE:
        raise MalformedEvidence(
            "certificate is too large",
            found=f"{len(raw)} bytes",
            expected=f"at most {MAX_CERTIFICATE} bytes",
        )
    signed = parse_signed(raw, what)
    body = DerReader(signed.tbs, what).inside(der.SEQUENCE)
    version = body.inside(_CONTEXT_0)
    if version.integer() != 2:
        raise MalformedEvidence("certificate is not X.509 version 3")
    version.done()
    serial = body.integer()
    if body.whole(der.SEQUENCE) != signed.algorithm:
        raise MalformedEvidence("certificate names two signature algorithms")
    issuer = body.whole(der.SEQUENCE)
    validity = body.inside(der.SEQUENCE)
    not_before, not_after = validity.time(), validity.time()
    validity.done()
    subject = body.whole(der.SEQUENCE)
    spki = body.whole(der.SEQUENCE)
    extensions = parse_extensions(body, _CONTEXT_3, what) if body.tag else {}
    body.done()
    is_ca, path_length = _basic_constraints(extensions)
    usage = _key_usage(extensions)
    return Certificate(
        der=raw,
        digest=sha256(raw),
        signed=signed,
        serial=serial,
        issuer=issuer,
        subject=subject,
        common_name=_common_name(subject),
        not_before=not_before,
        not_after=not_after,
        spki=SpkiDigest(sha256(spki).hex()),
        public_key=_public_key(spki),
        extensions=MappingProxyType(extensions),
        is_ca=is_ca,
        path_length=path_length,
        may_sign_certificates=usage is None or bool(usage & 0x04),
        may_sign_crls=usage is None or bool(usage & 0x02),
    )


def parse_signed(raw: bytes, what: str) -> Signed:
    """Split SIGNED{} (X.509): the signed bytes, the algorithm, the signature."""
    outer = DerReader(raw, what)
    parts = outer.inside(der.SEQUENCE)
    outer.done()
    tbs, algorithm, signature = parts.whole(der.SEQUENCE), parts.whole(der.SEQUENCE), parts.bits()
    parts.done()
    return Signed(tbs, algorithm, signature)


def parse_extensions(body: DerReader, tag: int, what: str) -> dict[str, Extension]:
    """Read the explicit extensions field; each extension may stand once."""
    holder = body.inside(tag)
    listed = holder.inside(der.SEQUENCE)
    holder.done()
    found: dict[str, Extension] = {}
    while listed.tag is not None:
        each = listed.inside(der.SEQUENCE)
        oid = each.oid()
        critical = each.boolean() if each.tag == der.BOOLEAN else False
        value = each.element(der.OCTET_STRING)
        each.done()
        if oid in found:
            raise MalformedEvidence(f"{what}: extension {oid} stands twice")
        found[oid] = Extension(critical, value)
    return found


def verify_signed(signed: Signed, issuer: Certificate, what: str) -> None:
    """Raises UntrustedEvidence (chain-invalid) unless `issuer`'s key made the signature."""
    key = issuer.public_key
    try:
        if isinstance(key, rsa.RSAPublicKey) and signed.algorithm in RSA_PSS_SHA384:
            pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
            key.verify(signed.signature, signed.tbs, pss, hashes.SHA384())
        elif isinstance(key, rsa.RSAPublicKey) and signed.algorithm in _RSA_PKCS1:
            hashing = _RSA_PKCS1[signed.algorithm]
            key.verify(signed.signature, signed.tbs, padding.PKCS1v15(), hashing)
        elif (
            isinstance(key, ec.EllipticCurvePublicKey)
            and signed.algorithm == _ECDSA[key.curve.name][0]
        ):
            key.verify(signed.signature, signed.tbs, _ECDSA[key.curve.name][1])
        else:
            raise UntrustedEvidence(
                f"{what}: signature algorithm does not fit the issuer's key",
                reason=Reason.CHAIN_INVALID,
                found=signed.algorithm.hex()[:32],
                expected="RSA-PSS SHA-384, RSA PKCS #1, ECDSA P-384 SHA-384 or P-256 SHA-256",
            )
    except InvalidSignature as error:
        raise UntrustedEvidence(
            f"{what}: not signed by '{issuer.common_name}'", reason=Reason.CHAIN_INVALID
        ) from error


def pem_certificates(text: bytes) -> tuple[bytes, ...]:
    """The DER certificates of a PEM file, in order. Raises MalformedEvidence on anything else."""
    return _pem_blocks(text, b"CERTIFICATE")


def pem_crls(text: bytes) -> tuple[bytes, ...]:
    """The DER CRLs of a PEM file, in order. Raises MalformedEvidence on anything else."""
    return _pem_blocks(text, b"X509 CRL")


def _pem_blocks(text: bytes, label: bytes) -> tuple[bytes, ...]:
    # The vendors' recordings end with NUL or blank lines, which say nothing.
    pattern = rb"-----BEGIN %b-----([A-Za-z0-9+/=\s]+)-----END %b-----" % (label, label)
    rest = re.sub(pattern, b"", text)
    if rest.strip(b"\r\n \t\0"):
        raise MalformedEvidence(f"PEM file holds something besides {label.decode()} blocks")
    try:
        return tuple(
            binascii.a2b_base64(re.sub(rb"\s", b"", block), strict_mode=True)
            for block in re.findall(pattern, text)
        )
    except binascii.Error as error:
        raise MalformedEvidence(f"PEM block is not base64: {error}") from error


def _basic_constraints(extensions: Mapping[str, Extension]) -> tuple[bool, int | None]:
    extension = extensions.get(_BASIC_CONSTRAINTS)
    if extension is None:
        return False, None
    reader = DerReader(extension.value, "basicConstraints")
    body = reader.inside(der.SEQUENCE)
    reader.done()
    is_ca = body.boolean() if body.tag == der.BOOLEAN else False
    path_length = body.integer() if body.tag == der.INTEGER else None
    body.done()
    return is_ca, path_length


def _key_usage(extensions: Mapping[str, Extension]) -> int | None:
    """First octet of KeyUsage: 0x04 keyCertSign, 0x02 cRLSign (RFC 5280 §4.2.1.3)."""
    extension = extensions.get(_KEY_USAGE)
    if extension is None:
        return None
    reader = DerReader(extension.value, "keyUsage")
    content = reader.element(der.BIT_STRING)
    reader.done()
    if not 2 <= len(content) <= 3 or content[0] > 7:
        raise MalformedEvidence("keyUsage is not a bit string of 1 to 9 bits")
    return content[1]


def _common_name(name: bytes) -> str:
    """The one commonName of a Name; empty where there is none."""
    reader = DerReader(name, "name")
    sets = reader.inside(der.SEQUENCE)
    reader.done()
    found: list[str] = []
    while sets.tag is not None:
        attributes = sets.inside(der.SET)
        while attributes.tag is not None:
            pair = attributes.inside(der.SEQUENCE)
            if pair.oid() == _COMMON_NAME:
                found.append(_text(pair))
    if len(found) > 1:
        raise MalformedEvidence("name has several common names")
    return found[0] if found else ""


def _text(reader: DerReader) -> str:
    tag = reader.tag
    if tag not in _TEXT_TAGS:
        raise MalformedEvidence("common name is not text of a known kind")
    try:
        return reader.element(tag).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvidence("common name is not UTF-8") from error


def _public_key(spki: bytes) -> PublicKey:
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedEvidence(f"certificate's key cannot be read: {error}") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _ECDSA:
        return key
    raise MalformedEvidence(
        "certificate's key is of another kind",
        found=type(key).__name__,
        expected="RSA of 2048, 3072 or 4096 bits, ECDSA P-384 or P-256",
    )

"""Certificates field by field (RFC 5280), with the extensions that vendors define.

Sources: AMD 57230 (VEK extensions), Intel SGX PCK Certificate Profile (SGX extensions), TCG EK
credential profile, TCG DICE (1.3.6.1.4.1.4128, 2.23.133.5).
"""

from collections.abc import Iterator, Sequence

from keyturn.attest.certificates import Certificate, parse_certificate
from keyturn.attest.fields import Field, Section, section
from keyturn.base.times import format_time

SPECIFICATION = "RFC 5280"

_NAMES = {
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.31": "cRLDistributionPoints",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.37": "extKeyUsage",
    "1.3.6.1.4.1.3704.1.1": "AMD structVersion",
    "1.3.6.1.4.1.3704.1.2": "AMD productName",
    "1.3.6.1.4.1.3704.1.3.1": "AMD blSPL",
    "1.3.6.1.4.1.3704.1.3.2": "AMD teeSPL",
    "1.3.6.1.4.1.3704.1.3.3": "AMD snpSPL",
    "1.3.6.1.4.1.3704.1.3.4": "AMD spl4",
    "1.3.6.1.4.1.3704.1.3.5": "AMD spl5",
    "1.3.6.1.4.1.3704.1.3.6": "AMD spl6",
    "1.3.6.1.4.1.3704.1.3.7": "AMD spl7",
    "1.3.6.1.4.1.3704.1.3.8": "AMD ucodeSPL",
    "1.3.6.1.4.1.3704.1.3.9": "AMD fmcSPL",
    "1.3.6.1.4.1.3704.1.4": "AMD hwID",
    "1.3.6.1.4.1.3704.1.5": "AMD cspID",
    "1.2.840.113741.1.13.1": "Intel SGX Extensions",
    "2.23.133.5.4.1": "TCG DICE TcbInfo",
    "2.23.133.5.4.1.1": "TCG DICE MultiTcbInfo",
}


def chain_sections(chain: Sequence[bytes], title: str) -> tuple[Section, ...]:
    """One of each certificate, leaf first as they came."""
    return tuple(
        section(f"{title}: certificate {place}", SPECIFICATION, raw, _fields)
        for place, raw in enumerate(chain)
    )


def _fields(raw: bytes) -> Iterator[Field]:
    found = parse_certificate(raw)
    yield Field("subject", None, found.subject, found.common_name)
    yield Field("issuer", None, found.issuer, _last_text(found.issuer))
    yield Field("serialNumber", None, _number(found.serial), f"{found.serial:#x}")
    yield Field("notBefore", None, b"", format_time(found.not_before))
    yield Field("notAfter", None, b"", format_time(found.not_after))
    yield Field(
        "subjectPublicKeyInfo (SHA-256)", None, bytes.fromhex(found.spki), found.spki, _key(found)
    )
    yield Field("signatureAlgorithm", None, found.signed.algorithm, found.signed.algorithm.hex())
    yield Field("signatureValue", None, found.signed.signature, found.signed.signature.hex()[:200])
    for identifier, extension in found.extensions.items():
        name = _NAMES.get(identifier, "")
        yield Field(
            f"extension {name or identifier}",
            None,
            extension.value,
            extension.value.hex()[:200],
            f"{identifier}{', critical' if extension.critical else ''}",
        )
    yield Field("certificate (SHA-256)", None, found.der, found.digest.hex())


def _key(found: Certificate) -> str:
    size = found.public_key.key_size
    kind = "RSA" if hasattr(found.public_key.public_numbers(), "n") else "EC"
    return f"{kind}, {size} bits"


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")


def _last_text(name: bytes) -> str:
    """The last text of a name, which vendors' names end with; hex where none is there."""
    for start in range(len(name) - 2, -1, -1):
        kind, size = name[start], name[start + 1]
        if kind in (0x0C, 0x13, 0x16) and start + 2 + size == len(name) and size:
            return name[start + 2 :].decode("utf-8", "replace")
    return name.hex()[:200]

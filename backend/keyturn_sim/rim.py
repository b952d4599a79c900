"""SIMULATED reference integrity manifests: SWID tags that the simulated NVIDIA signs.

Formats: ISO/IEC 19770-2:2015 with NVIDIA's measurements; XML Signature (ECDSA P-384, SHA-384,
Canonical XML 1.1), enveloped. The text is written in canonical form, so that it is what is hashed.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn_sim.pki import der_of, make_certificate, new_p384_key, spki_digest

_SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
_HASH = "http://www.w3.org/2001/04/xmlenc#sha384"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/2006/12/xml-c14n11"
_ECDSA = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"


@dataclass(frozen=True, slots=True)
class SimRimSigner:
    """Signs manifests; its root is of its own, as NVIDIA's is."""

    root: x509.Certificate
    ca: x509.Certificate
    signer: x509.Certificate
    signer_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls) -> "SimRimSigner":
        root_key, ca_key, key = (new_p384_key() for _ in range(3))
        root = make_certificate(
            "NVIDIA CoRIM signing Root CA", root_key, None, root_key, is_ca=True
        )
        ca = make_certificate("NVIDIA Reference Value GH100 CA", ca_key, root, root_key, is_ca=True)
        signer = make_certificate("HCC RIM L4 Signer", key, ca, ca_key, is_ca=False)
        return cls(root, ca, signer, key)

    @property
    def root_spki(self) -> str:
        return spki_digest(self.root)

    def manifest(
        self,
        version: str,
        measurements: Mapping[int, bytes],
        *,
        product: str = "GH100",
        edition: str = "GPU",
    ) -> bytes:
        """The signed manifest of a driver or a VBIOS, by its version; `measurements` from 0."""
        listed = "".join(
            f'<ns0:Resource active="True" alternatives="1" index="{index}" '
            f'name="Measurement_{index}" size="{len(value)}" type="Measurement" '
            f'ns2:Hash0="{value.hex()}"></ns0:Resource>'
            for index, value in sorted(measurements.items())
        )
        head = (
            f'<SoftwareIdentity xmlns="{_SWID}" xmlns:ns0="{_SWID}" xmlns:ns2="{_HASH}" '
            f'name="SIMULATED {product}" tagId="{secrets.token_hex(24)}" tagVersion="0" '
            'version="1.0">'
            '<ns0:Entity name="SIMULATED, no hardware vendor" '
            'role="softwareCreator tagCreator"></ns0:Entity>'
            f'<ns0:Meta colloquialVersion="{version}" edition="{edition}" product="{product}">'
            f"</ns0:Meta><ns0:Payload>{listed}</ns0:Payload>"
        )
        tail = "</SoftwareIdentity>"
        return f"{head}{self._signature((head + tail).encode())}{tail}".encode()

    def _signature(self, content: bytes) -> str:
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        inside = (
            f'<ds:CanonicalizationMethod Algorithm="{_C14N}"></ds:CanonicalizationMethod>'
            f'<ds:SignatureMethod Algorithm="{_ECDSA}"></ds:SignatureMethod>'
            '<ds:Reference URI=""><ds:Transforms>'
            f'<ds:Transform Algorithm="{_DS}enveloped-signature"></ds:Transform>'
            f'<ds:Transform Algorithm="{_C14N}"></ds:Transform></ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{_SHA384}"></ds:DigestMethod>'
            f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        )
        spaces = f'xmlns="{_SWID}" xmlns:ds="{_DS}" xmlns:ns0="{_SWID}" xmlns:ns2="{_HASH}"'
        signed = f"<ds:SignedInfo {spaces}>{inside}".encode()
        r, s = decode_dss_signature(self.signer_key.sign(signed, ec.ECDSA(hashes.SHA384())))
        value = base64.b64encode(r.to_bytes(48, "big") + s.to_bytes(48, "big")).decode()
        shown = "".join(
            f"<ds:X509Certificate>{base64.b64encode(der_of(each)).decode()}</ds:X509Certificate>"
            for each in (self.signer, self.ca, self.root)
        )
        return (
            f'<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo>{inside}'
            f"<ds:SignatureValue>{value}</ds:SignatureValue>"
            f"<ds:KeyInfo><ds:X509Data>{shown}</ds:X509Data></ds:KeyInfo></ds:Signature>"
        )

"""Manifests of a made-up vendor in NVIDIA's form, and changes to them."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from keyturn_sim.pki import spki_digest
from support.nvdevices import Signer, certify

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2006/12/xml-c14n11"
ENVELOPED = f"{DS}enveloped-signature"
ECDSA = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
TWO_YEARS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))


def resource(index: int, *values: str, active: str = "True", extra: str = "") -> str:
    """One measurement; `values` are hex."""
    listed = "".join(f' ns2:Hash{n}="{value}"' for n, value in enumerate(values))
    return (
        f'<ns0:Resource type="Measurement" index="{index}" active="{active}" '
        f'alternatives="{len(values)}"{listed} name="Measurement_{index}" '
        f'size="{len(values[0]) // 2}"{extra}/>'
    )


def body(
    *resources: str,
    version: str = "590.12",
    product: str = "GH100",
    edition: str = "GPU",
    root: str = "SoftwareIdentity",
    extra: str = "",
) -> str:
    """A manifest without its signature, which belongs where `{signature}` stands."""
    return (
        f'<{root} xmlns="{SWID}" xmlns:ns0="{SWID}" '
        f'xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" name="{product}" '
        f'tagId="{"ab" * 24}" version="1.0" tagVersion="0">\n'
        '    <ns0:Entity name="NVIDIA Corporation" role="softwareCreator tagCreator"/>\n'
        f'    <ns0:Meta colloquialVersion="{version}" edition="{edition}" product="{product}"/>\n'
        f'    <ns0:Payload xmlns:SHA384="http://www.w3.org/2001/04/xmlenc#sha384">\n'
        + "".join(f"        {each}\n" for each in resources)
        + f"    </ns0:Payload>{extra}\n{{signature}}</{root}>"
    )


@dataclass(frozen=True, slots=True)
class RimVendor:
    """A root, its CA, and the signer of manifests."""

    root: Signer
    ca: Signer
    signer: Signer = field(repr=False)

    @classmethod
    def create(cls) -> "RimVendor":
        root = certify("NVIDIA CoRIM signing Root CA", None)
        ca = certify("NVIDIA Reference Value GH100 CA", root)
        return cls(root, ca, certify("HCC RIM L4 Signer", ca, is_ca=False, dates=TWO_YEARS))

    @property
    def spki(self) -> str:
        return spki_digest(self.root.certificate)

    @property
    def chain(self) -> tuple[bytes, ...]:
        return self.signer.der, self.ca.der, self.root.der

    def sign(
        self,
        text: str,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        chain: tuple[bytes, ...] | None = None,
        uri: str = ' URI=""',
        transforms: tuple[str, ...] = (ENVELOPED, C14N),
        method: str = C14N,
        algorithm: str = ECDSA,
        digest_method: str = SHA384,
        inside: str = "",
        after_reference: str = "",
    ) -> bytes:
        """Sign as NVIDIA does, unless told otherwise: the digest is of the canonical text.

        `inside` stands in every Transform.
        """
        unsigned = text.replace("{signature}", "")
        content = etree.tostring(etree.fromstring(unsigned.encode()), method="c14n")
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        listed = "".join(
            f'<ds:Transform Algorithm="{each}">{inside}</ds:Transform>' for each in transforms
        )
        info = (
            f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{method}"/>'
            f'<ds:SignatureMethod Algorithm="{algorithm}"/><ds:Reference{uri}>'
            f"<ds:Transforms>{listed}</ds:Transforms>"
            f'<ds:DigestMethod Algorithm="{digest_method}"/>'
            f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{after_reference}"
            "</ds:SignedInfo>"
        )
        shell = f'<ds:Signature xmlns:ds="{DS}">{info}{{rest}}</ds:Signature>'
        placed = etree.fromstring(text.replace("{signature}", shell.replace("{rest}", "")).encode())
        found = placed.find(f".//{{{DS}}}SignedInfo")
        signed_info = etree.tostring(found, method="c14n")
        r, s = decode_dss_signature(
            (key or self.signer.key).sign(signed_info, ec.ECDSA(hashes.SHA384()))
        )
        value = base64.b64encode(r.to_bytes(48, "big") + s.to_bytes(48, "big")).decode()
        certificates = "".join(
            f"<ds:X509Certificate>{base64.b64encode(each).decode()}</ds:X509Certificate>"
            for each in (self.chain if chain is None else chain)
        )
        rest = (
            f"<ds:SignatureValue>{value}</ds:SignatureValue>"
            f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>"
        )
        return text.replace("{signature}", shell.replace("{rest}", rest)).encode()

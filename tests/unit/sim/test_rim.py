"""A simulated manifest is canonical as it is written, and its signature holds."""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from keyturn_sim import SimVendors

_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def test_the_signature_is_over_the_canonical_text(vendors: SimVendors) -> None:
    raw = vendors.rim.manifest("590.12", {1: b"\x01" * 48, 2: b"\x02" * 48})
    root = etree.fromstring(raw)
    signature = root.find(f"{_DS}Signature")
    info = etree.tostring(signature.find(f"{_DS}SignedInfo"), method="c14n")
    value = base64.b64decode(signature.findtext(f"{_DS}SignatureValue"))
    r, s = (int.from_bytes(part, "big") for part in (value[:48], value[48:]))
    key = vendors.rim.signer_key.public_key()
    key.verify(encode_dss_signature(r, s), info, ec.ECDSA(hashes.SHA384()))

    digest = signature.findtext(f"{_DS}SignedInfo/{_DS}Reference/{_DS}DigestValue")
    root.remove(signature)
    content = etree.tostring(root, method="c14n")
    assert base64.b64decode(digest) == hashlib.sha384(content).digest()
    assert b"SIMULATED" in content
    assert content.count(b"Hash0") == 2

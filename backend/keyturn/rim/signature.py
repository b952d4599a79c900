"""The enveloped XML signature of a manifest: one, over the whole document, of one form.

Source: W3C XML Signature 1.1; RFC 6931 (SHA-384, ECDSA); the form is the one in which NVIDIA
signs (nvtrust rim/__init__.py). What the digest covers is handed on as bytes and read anew from
these bytes, so that nothing else can be taken for it (signature wrapping).
"""

import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from keyturn.attest.certificates import PublicKey
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.p384 import verify_p384
from keyturn.rim.xmltree import Element, XmlDocument

MAX_CERTIFICATES = 8
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_C14N_1_1 = "http://www.w3.org/2006/12/xml-c14n11"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"


@dataclass(frozen=True, slots=True)
class SignedXml:
    """`content`: the canonical bytes that the digest covers. Nothing says yet who signed."""

    content: bytes = field(repr=False)
    signed_info: bytes = field(repr=False)
    r: int
    s: int
    certificates: tuple[bytes, ...] = field(repr=False)


def read_signed(raw: bytes) -> SignedXml:
    """Read a signed document and compare its digest.

    Raises MalformedEvidence on XML that is refused, UntrustedEvidence (rim-signature-invalid) on
    any signature of another form and on content that the digest does not cover.
    """
    document = XmlDocument(raw)
    root = document.root
    number = _place(root)
    signature = root.children[number]
    signed_info, value, key_info = _parts(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    digest = _reference(signed_info)
    content = document.canonical_without(number)
    if not hmac.compare_digest(hashlib.sha384(content).digest(), digest):
        raise UntrustedEvidence(
            "manifest is not what was signed",
            reason=Reason.RIM_SIGNATURE_INVALID,
            found=hashlib.sha384(content).hexdigest(),
            expected=digest.hex(),
        )
    raw_signature = _base64(value, 96)
    return SignedXml(
        content=content,
        signed_info=document.canonical(number, 0),
        r=int.from_bytes(raw_signature[:48], "big"),
        s=int.from_bytes(raw_signature[48:], "big"),
        certificates=_certificates(key_info),
    )


def verify_signature(signed: SignedXml, key: PublicKey) -> None:
    """Raises UntrustedEvidence (rim-signature-invalid) unless this key signed."""
    try:
        verify_p384(key, signed.r, signed.s, signed.signed_info, "manifest")
    except UntrustedEvidence as error:
        raise UntrustedEvidence(error.message, reason=Reason.RIM_SIGNATURE_INVALID) from error


def _place(root: Element) -> int:
    """The number of the root's child that is the one signature of the document."""
    places = [i for i, child in enumerate(root.children) if child.tag == f"{_DS}Signature"]
    if len(places) != 1 or root.count(f"{_DS}Signature") != 1:
        raise _invalid(f"{root.count(f'{_DS}Signature')} signatures", "one, in the root")
    return places[0]


def _reference(signed_info: Element) -> bytes:
    """The digest of the one reference, which must be to the whole document."""
    method, algorithm, reference = _parts(
        signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference"
    )
    _algorithm(method, _C14N_1_1)
    _algorithm(algorithm, _ECDSA_SHA384)
    transforms, digest_method, digest = _parts(
        reference, "Transforms", "DigestMethod", "DigestValue", attributes={"URI": ""}
    )
    enveloped, canonical = _parts(transforms, "Transform", "Transform")
    _algorithm(enveloped, _ENVELOPED)
    _algorithm(canonical, _C14N_1_1)
    _algorithm(digest_method, _SHA384)
    return _base64(digest, 48)


def _parts(
    element: Element, *names: str, attributes: dict[str, str] | None = None
) -> tuple[Element, ...]:
    """The children, which must be exactly these, with nothing but white space between them."""
    found = [child.tag.removeprefix(_DS) for child in element.children]
    if found != list(names) or element.text.strip():
        raise _invalid(f"{_short(element)} of {', '.join(found)[:200]}", ", ".join(names))
    if dict(element.attributes) != (attributes or {}):
        raise _invalid(f"{_short(element)} with {dict(element.attributes)}", str(attributes or {}))
    return element.children


def _algorithm(element: Element, expected: str) -> None:
    if (
        dict(element.attributes) != {"Algorithm": expected}
        or element.children
        or element.text.strip()
    ):
        found = element.attributes.get("Algorithm", "no algorithm")
        raise _invalid(f"{_short(element)} {found}", expected)


def _certificates(key_info: Element) -> tuple[bytes, ...]:
    (data,) = _parts(key_info, "X509Data")
    count = len(data.children)
    if not 1 <= count <= MAX_CERTIFICATES:
        raise _invalid(f"{count} certificates", f"1 to {MAX_CERTIFICATES}")
    return tuple(map(_base64, _parts(data, *["X509Certificate"] * count)))


def _base64(element: Element, size: int | None = None) -> bytes:
    if element.children or element.attributes:
        raise _invalid(f"{_short(element)} with parts", "base64 text alone")
    try:
        text = "".join(element.text.split()).encode("ascii")
        value = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _invalid(f"{_short(element)} that is not base64", "base64") from error
    if size is not None and len(value) != size:
        raise _invalid(f"{_short(element)} of {len(value)} bytes", f"{size} bytes")
    return value


def _short(element: Element) -> str:
    return element.tag.removeprefix(_DS)[:80]


def _invalid(found: str, expected: str) -> UntrustedEvidence:
    return UntrustedEvidence(
        "manifest's signature has another form than NVIDIA's",
        reason=Reason.RIM_SIGNATURE_INVALID,
        found=found[:400],
        expected=expected,
    )

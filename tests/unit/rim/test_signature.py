"""The signature of a manifest: one form, and nothing that could be taken for what was signed."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.attest.certificates import parse_certificate
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.rim.signature import SignedXml, read_signed, verify_signature
from keyturn.rim.xmltree import XmlDocument
from support.rimmaker import C14N, DS, ENVELOPED, RimVendor, body, resource

VALUE, OTHER = "02" * 48, "03" * 48
EVIL = resource(1, OTHER)


def checked(raw: bytes, vendor: RimVendor) -> SignedXml:
    signed = read_signed(raw)
    verify_signature(signed, parse_certificate(vendor.signer.der).public_key)
    return signed


def refused(raw: bytes, vendor: RimVendor) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        checked(raw, vendor)
    return caught.value.reason


def test_what_was_signed_is_handed_on(rim_vendor: RimVendor, manifest: str) -> None:
    raw = rim_vendor.sign(manifest)
    signed = checked(raw, rim_vendor)
    assert signed.content == XmlDocument(manifest.replace("{signature}", "").encode()).canonical()
    assert signed.certificates == rim_vendor.chain
    assert DS.encode() not in signed.content


def test_white_space_of_another_kind_is_the_same_document(
    rim_vendor: RimVendor, manifest: str
) -> None:
    # Attribute order and the form of empty elements are not signed; text is.
    raw = rim_vendor.sign(manifest)
    other = raw.replace(
        b'edition="GPU" product="GH100"/>', b'product="GH100"\nedition="GPU"></ns0:Meta>'
    )
    assert other != raw
    assert checked(other, rim_vendor).content == checked(raw, rim_vendor).content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0202", b"0203"),
        (b"590.12", b"590.13"),
        (b'active="True"', b'active="False"'),
        (b'active="False"', b'active="True"'),
        (b"    <ns0:Payload", b"     <ns0:Payload"),
        (b'name="GH100"', b'name="GH101"'),
    ],
)
def test_changed_content_is_refused(rim_vendor, manifest, old, new) -> None:  # type: ignore[no-untyped-def]
    raw = rim_vendor.sign(manifest)
    assert old in raw
    assert refused(raw.replace(old, new, 1), rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_another_key_is_refused(rim_vendor: RimVendor, manifest: str) -> None:
    raw = rim_vendor.sign(manifest, key=ec.generate_private_key(ec.SECP384R1()))
    assert refused(raw, rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def resigned_digest(raw: bytes, text: str) -> bytes:
    """The digest of other content put in: the signature over it then fails."""
    import hashlib

    content = XmlDocument(text.replace("{signature}", "").encode()).canonical()
    digest = base64.b64encode(hashlib.sha384(content).digest())
    return re.sub(rb"(<ds:DigestValue>)[^<]+", rb"\1" + digest, raw)


def test_a_digest_that_was_put_in_is_refused(rim_vendor: RimVendor, manifest: str) -> None:
    changed = manifest.replace("590.12", "590.13")
    raw = rim_vendor.sign(manifest).replace(b"590.12", b"590.13")
    raw = resigned_digest(raw, changed)
    read_signed(raw)  # the digest fits ...
    assert refused(raw, rim_vendor) is Reason.RIM_SIGNATURE_INVALID  # ... the signature does not


# Signature wrapping: signed content stays in, something else is what gets read.


def test_the_signed_document_inside_another_is_refused(
    rim_vendor: RimVendor, manifest: str
) -> None:
    signed = rim_vendor.sign(manifest).decode()
    evil = body(EVIL, extra=signed).replace("{signature}", "")
    assert refused(evil.encode(), rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_the_signed_document_as_an_object_of_its_signature_is_refused(
    rim_vendor: RimVendor, manifest: str
) -> None:
    signed = rim_vendor.sign(manifest).decode()
    (signature,) = re.findall(r"<ds:Signature .*</ds:Signature>", signed)
    inner = signed.replace(signature, "")
    wrapped = signature.replace("</ds:Signature>", f"<ds:Object>{inner}</ds:Object></ds:Signature>")
    for uri in ('URI=""', 'URI="#x"'):
        evil = body(EVIL).replace("{signature}", wrapped.replace('URI=""', uri))
        assert refused(evil.encode(), rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_a_second_signature_is_refused(rim_vendor: RimVendor, manifest: str) -> None:
    signed = rim_vendor.sign(manifest).decode()
    (signature,) = re.findall(r"<ds:Signature .*</ds:Signature>", signed)
    doubled = signed.replace(signature, signature * 2)
    assert refused(doubled.encode(), rim_vendor) is Reason.RIM_SIGNATURE_INVALID
    deeper = signed.replace("</ns0:Payload>", f"{signature}</ns0:Payload>")
    assert refused(deeper.encode(), rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_a_signature_inside_what_was_signed_is_refused(
    rim_vendor: RimVendor, manifest: str
) -> None:
    inner = f'<ds:Signature xmlns:ds="{DS}"/></ns0:Payload>'
    raw = rim_vendor.sign(manifest.replace("</ns0:Payload>", inner))
    assert refused(raw, rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_a_signature_that_is_not_in_the_root_is_refused(
    rim_vendor: RimVendor, manifest: str
) -> None:
    moved = manifest.replace("{signature}", "").replace(
        "</ns0:Payload>", "{signature}</ns0:Payload>"
    )
    assert refused(rim_vendor.sign(moved), rim_vendor) is Reason.RIM_SIGNATURE_INVALID
    none = manifest.replace("{signature}", "").encode()
    assert refused(none, rim_vendor) is Reason.RIM_SIGNATURE_INVALID


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"


@pytest.mark.parametrize(
    "changed",
    [
        {"uri": ' URI="#other"'},
        {"uri": ""},
        {"uri": ' URI="http://example.org/"'},
        {"uri": ' URI="" Type="x"'},
        {"uri": ' URI="" Id="x"'},
        {"transforms": (ENVELOPED,)},
        {"transforms": (C14N,)},
        {"transforms": (C14N, ENVELOPED)},
        {"transforms": (C14N, C14N)},
        {"transforms": (ENVELOPED, ENVELOPED)},
        {"transforms": ()},
        {"transforms": (ENVELOPED, C14N, C14N)},
        {"transforms": (ENVELOPED, XPATH)},
        {"transforms": (ENVELOPED, f"{C14N}#WithComments")},
        {"transforms": (ENVELOPED, "http://www.w3.org/2001/10/xml-exc-c14n#")},
        {"method": f"{C14N}#WithComments"},
        {"method": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
        {"algorithm": "http://www.w3.org/2000/09/xmldsig#hmac-sha1"},
        {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
        {"digest_method": "http://www.w3.org/2000/09/xmldsig#sha1"},
        {"inside": "text"},
        {"inside": "<ds:XPath>self::text()</ds:XPath>"},
        {"after_reference": '<ds:Reference URI=""/>'},
        {"after_reference": "text"},
        {"chain": ()},
    ],
)
def test_another_form_is_refused_even_when_it_is_signed(rim_vendor, manifest, changed) -> None:  # type: ignore[no-untyped-def]
    raw = rim_vendor.sign(manifest, **changed)
    assert refused(raw, rim_vendor) is Reason.RIM_SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        (rb"<ds:SignedInfo>", b"<ds:SignedInfo>text"),
        (rb"<ds:SignedInfo>", b'<ds:SignedInfo Id="x">'),
        (rb"<ds:KeyInfo>", b"<ds:KeyInfo><ds:KeyName>x</ds:KeyName>"),
        (rb"<ds:KeyInfo>", b"<ds:KeyInfo>text"),
        (rb"<ds:KeyInfo>", b"<ds:KeyInfo Id='x'>"),
        (rb"<ds:X509Data>.*</ds:X509Data>", b""),
        (rb"<ds:X509Data>", b"<ds:X509Data><ds:X509CRL>AA==</ds:X509CRL>"),
        (rb"(<ds:SignatureValue>)[^<]+", rb"\1AAAA"),
        (rb"(<ds:SignatureValue>)[^<]+", rb"\1????"),
        (rb"(<ds:SignatureValue>)", rb"\1<ds:x/>"),
        (rb"(<ds:DigestValue>)[^<]+", rb"\1AAAA"),
        (rb"(<ds:DigestValue>)[^<]+", rb"\1"),
        (rb"<ds:KeyInfo>.*</ds:KeyInfo>", b""),
        (rb"<ds:SignatureValue>.*</ds:SignatureValue>", b""),
        (rb"<ds:X509Certificate>", b"<ds:X509Certificate Id='x'>"),
        (rb"<ds:SignatureValue>", b"<ds:SignatureValue Id='x'>"),
        (rb"(<ds:X509Certificate>)", b"\\1\xc3\xa9"),
    ],
)
def test_missing_additional_and_odd_parts_are_refused(rim_vendor, manifest, pattern, new) -> None:  # type: ignore[no-untyped-def]
    raw = rim_vendor.sign(manifest)
    changed = re.sub(pattern, new, raw, count=1)
    assert changed != raw
    assert refused(changed, rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_a_signature_of_another_length_is_refused(rim_vendor: RimVendor, manifest: str) -> None:
    raw = rim_vendor.sign(manifest)
    (value,) = re.findall(rb"<ds:SignatureValue>([^<]+)", raw)
    pair = base64.b64decode(value)
    longer = base64.b64encode(pair[:48] + b"\0" + pair[48:])  # the same numbers
    assert refused(raw.replace(value, longer), rim_vendor) is Reason.RIM_SIGNATURE_INVALID


def test_a_comment_in_a_value_is_refused_before_it_can_split_it(
    rim_vendor: RimVendor, manifest: str
) -> None:
    # CVE-2017-11427 and its kin: a parser that stops at the comment reads another value.
    raw = rim_vendor.sign(manifest)
    for place in (b"<ds:DigestValue>", b"<ds:SignatureValue>", b"<ds:X509Certificate>"):
        assert refused(raw.replace(place, place + b"<!---->"), rim_vendor) is Reason.MALFORMED


def test_too_many_certificates_are_refused(rim_vendor: RimVendor, manifest: str) -> None:
    raw = rim_vendor.sign(manifest, chain=rim_vendor.chain * 3)
    assert refused(raw, rim_vendor) is Reason.RIM_SIGNATURE_INVALID

"""The versioned endorsement key's certificate: VCEK (one chip) or VLEK (one cloud provider).

Source: AMD publication 57230 (KDS), extensions below 1.3.6.1.4.1.3704.1. Integers and IA5
strings are DER; HWID is raw bytes without a tag in certificates as issued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest import der
from keyturn.attest.certificates import Certificate, Extension
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_tcb import SnpProduct, Tcb

_ARC = "1.3.6.1.4.1.3704.1."
_STRUCT_VERSION = _ARC + "1"
_PRODUCT_NAME = _ARC + "2"
_BOOTLOADER = _ARC + "3.1"
_TEE = _ARC + "3.2"
_SNP = _ARC + "3.3"
_MICROCODE = _ARC + "3.8"
_FMC = _ARC + "3.9"
_HWID = _ARC + "4"
_CSP_ID = _ARC + "5"


class VekKind(Enum):
    VCEK = "VCEK"
    VLEK = "VLEK"


@dataclass(frozen=True, slots=True)
class Vek:
    """What a verified VEK certificate says about the key that signs reports."""

    kind: VekKind
    product: SnpProduct
    product_name: str
    tcb: Tcb
    hwid: bytes | None
    csp_id: str | None
    not_before: datetime
    not_after: datetime
    digest: bytes


def read_vek(certificate: Certificate, kind: VekKind, product: SnpProduct) -> Vek:
    """Read the extensions of a VEK certificate whose chain was verified.

    Raises MalformedEvidence where one is missing or wrong, UntrustedEvidence
    (product-mismatch) where it belongs to another product than its chain.
    """
    extensions = certificate.extensions
    name = _text(extensions, _PRODUCT_NAME)
    version = _integer(extensions, _STRUCT_VERSION)
    if name.split("-")[0] != product.value or version != product.struct_version:
        raise UntrustedEvidence(
            "VEK certificate is for another product than its chain",
            reason=Reason.PRODUCT_MISMATCH,
            found=f"{name}, structure {version}",
            expected=f"{product.value}, structure {product.struct_version}",
        )
    hwid, csp_id = _identity(extensions, kind, product)
    return Vek(
        kind=kind,
        product=product,
        product_name=name,
        tcb=_tcb(extensions, product),
        hwid=hwid,
        csp_id=csp_id,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        digest=certificate.digest,
    )


def _identity(
    extensions: Mapping[str, Extension], kind: VekKind, product: SnpProduct
) -> tuple[bytes | None, str | None]:
    if kind is VekKind.VLEK:
        if _HWID in extensions:
            raise MalformedEvidence("VLEK certificate names a chip")
        return None, _text(extensions, _CSP_ID)
    if _CSP_ID in extensions:
        raise MalformedEvidence("VCEK certificate names a cloud provider")
    hwid = _value(extensions, _HWID)
    if len(hwid) != product.hwid_size:
        raise MalformedEvidence(
            "VCEK certificate's HWID has the wrong size",
            found=f"{len(hwid)} bytes",
            expected=f"{product.hwid_size} bytes",
        )
    return hwid, None


def _tcb(extensions: Mapping[str, Extension], product: SnpProduct) -> Tcb:
    bootloader, tee = _svn(extensions, _BOOTLOADER), _svn(extensions, _TEE)
    snp, microcode = _svn(extensions, _SNP), _svn(extensions, _MICROCODE)
    if product is SnpProduct.TURIN:
        fmc = _svn(extensions, _FMC)
        raw = bytes((fmc, bootloader, tee, snp, 0, 0, 0, microcode))
        return Tcb(fmc, bootloader, tee, snp, microcode, raw)
    if _FMC in extensions:
        raise MalformedEvidence("VEK certificate names an FMC, which its product has not")
    raw = bytes((bootloader, tee, 0, 0, 0, 0, snp, microcode))
    return Tcb(None, bootloader, tee, snp, microcode, raw)


def _svn(extensions: Mapping[str, Extension], oid: str) -> int:
    value = _integer(extensions, oid)
    if not 0 <= value <= 255:
        raise MalformedEvidence(f"VEK extension {oid} is no version number", found=str(value))
    return value


def _integer(extensions: Mapping[str, Extension], oid: str) -> int:
    reader = DerReader(_value(extensions, oid), f"VEK extension {oid}")
    value = reader.integer()
    reader.done()
    return value


def _text(extensions: Mapping[str, Extension], oid: str) -> str:
    reader = DerReader(_value(extensions, oid), f"VEK extension {oid}")
    content = reader.element(der.IA5_STRING)
    reader.done()
    if not content or not content.isascii():
        raise MalformedEvidence(f"VEK extension {oid} is not ASCII text")
    return content.decode("ascii")


def _value(extensions: Mapping[str, Extension], oid: str) -> bytes:
    extension = extensions.get(oid)
    if extension is None:
        raise MalformedEvidence(f"VEK certificate lacks extension {oid}")
    return extension.value

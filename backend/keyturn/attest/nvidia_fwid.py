"""The firmware id (FWID) that a device's leaf certificate was issued for.

Sources: TCG DICE Attestation Architecture 1.1 (CompositeDeviceID §6.1.5, DiceTcbInfo §6.1.1);
NVIDIA nvtrust cc_admin_utils.py and attestation-sdk nv_x509.cpp, which say which chip has which:
Hopper GPUs and LS10 switches 2.23.133.5.4.1, Blackwell GPUs 2.23.133.5.4.1.1.
"""

import hmac
from enum import Enum
from functools import lru_cache

from keyturn.attest import der
from keyturn.attest.certificates import Certificate
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.spdm import GpuReport, Opaque

_SHA384 = "2.16.840.1.101.3.4.2.2"
_FWIDS = 0xA6


class FwidExtension(Enum):
    """Where a chip's leaf certificate has it."""

    COMPOSITE_DEVICE_ID = "2.23.133.5.4.1"
    DICE_TCB_INFO = "2.23.133.5.4.1.1"


def check_fwid(report: GpuReport, leaf: Certificate, extension: FwidExtension) -> bytes:
    """The reported id, which must be there and be the certified one.

    Raises UntrustedEvidence (fwid-mismatch), MalformedEvidence.
    """
    reported = report.field(Opaque.FWID) or b""
    certified = certified_fwid(leaf, extension)
    if certified is None or not hmac.compare_digest(reported, certified):
        raise UntrustedEvidence(
            "report's firmware id is not the certified one",
            reason=Reason.FWID_MISMATCH,
            found=reported.hex(),
            expected=certified.hex() if certified else "a firmware id in the leaf certificate",
        )
    return reported


def certified_fwid(leaf: Certificate, extension: FwidExtension) -> bytes | None:
    """48 bytes, SHA-384 of the firmware that the leaf's key belongs to; None: not certified."""
    found = leaf.extensions.get(extension.value)
    return None if found is None else _read(found.value, extension)


@lru_cache(maxsize=1024)
def _read(value: bytes, extension: FwidExtension) -> bytes:
    reader = DerReader(value, "firmware id extension")
    body = reader.inside(der.SEQUENCE)
    reader.done()
    if extension is FwidExtension.COMPOSITE_DEVICE_ID:
        return _of_composite_device_id(body)
    return _of_tcb_info(body)


def _of_composite_device_id(body: DerReader) -> bytes:
    body.integer()
    body.whole(der.SEQUENCE)
    fwid = _fwid(body)
    body.done()
    return fwid


def _of_tcb_info(body: DerReader) -> bytes:
    """The first of its list. Blackwell lists a second one, of zeros, for firmware not loaded."""
    while body.tag not in (_FWIDS, None):
        body.element(body.tag or 0)
    listed = body.inside(_FWIDS)
    first = _fwid(listed)
    while listed.tag is not None:
        _fwid(listed)
    return first


def _fwid(reader: DerReader) -> bytes:
    fwid = reader.inside(der.SEQUENCE)
    algorithm, digest = fwid.oid(), fwid.element(der.OCTET_STRING)
    fwid.done()
    if algorithm != _SHA384 or len(digest) != 48:
        raise MalformedEvidence("firmware id in the leaf certificate is not a SHA-384 digest")
    return digest

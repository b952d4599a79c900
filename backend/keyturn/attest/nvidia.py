"""NVIDIA GPU evidence: an SPDM report, proved by the device's certificates, becomes claims.

The order of the checks is that of the attestation vectors (vectors/nvidia/README): form, chain
and root, dates, signature, FWID, nonce. No revocation is asked here (NVIDIA's OCSP comes with
the collateral's work), and the check says so. A GPU report names no CPU: the caller binds both.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest import der
from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate
from keyturn.attest.chains import (
    ChainCache,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
)
from keyturn.attest.checks import Check, not_measured, proved
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.p384 import verify_p384
from keyturn.attest.spdm import GpuReport, Opaque, parse_gpu_report

CHAIN_LENGTH = 5
_SPDM = "DMTF DSP0274 1.1"
_NVTRUST = "NVIDIA nvtrust"
_SIMULATED = "SIMULATED "
# A GPU's security processor is the GSP; NVSwitches (FSP) chain to the same root.
_LEAF_NAME = re.compile(r"(G[A-Z][0-9]{3}) [A-Z][0-9]{2} GSP FMC LF\Z")
_BROM_NAME = re.compile(r"(G[A-Z][0-9]{3}) [A-Z][0-9]{2} GSP BROM\Z")
_HOPPER_FWID = "2.23.133.5.4.1"  # CompositeDeviceID: version, key, FWID
_DICE_TCB_INFO = "2.23.133.5.4.1.1"  # TCG DICE Attestation Architecture, DiceTcbInfo
_SHA384 = "2.16.840.1.101.3.4.2.2"
_FWIDS = 0xA6
_FEATURES = {0: "SPT", 1: "MPT", 2: "PPCIE"}
_PDI_SIZE = 8


@dataclass(frozen=True, slots=True)
class GpuClaims:
    """What NVIDIA's signatures prove about a GPU. Made by `verify_gpu` only.

    `measurements` are numbered from 0, as reference values are. `device_id` outlives firmware
    updates (it is of the boot ROM's key); `leaf_digest` does not.
    """

    report: GpuReport = field(repr=False)
    arch: str
    driver: str
    vbios: str
    device_id: str
    leaf_digest: bytes
    leaf_serial: int
    chain_names: tuple[str, ...]
    fwid: bytes | None
    feature: str | None
    switch_pdis: tuple[bytes, ...]
    simulated: bool

    @property
    def nonce(self) -> bytes:
        """32 bytes, from the request."""
        return self.report.nonce

    @property
    def measurements(self) -> Mapping[int, bytes]:
        return self.report.measurements

    @property
    def nvdec0_enabled(self) -> bool:
        """0x55 on, 0xAA off; anything else counts as on, which asks for more."""
        return self.report.field(Opaque.NVDEC0_STATUS) != b"\xaa"


@dataclass(frozen=True, slots=True)
class VerifiedGpu:
    """Proved claims, and what was checked to prove them."""

    claims: GpuClaims
    checks: tuple[Check, ...]


def verify_gpu(
    report: bytes,
    chain: Sequence[bytes],
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None = None,
) -> VerifiedGpu:
    """Prove one report by its chain: five DER certificates, leaf first, root last.

    `expected_nonce` is 32 bytes; None, for looking at evidence only, proves no freshness and
    the result says so. Raises MalformedEvidence or UntrustedEvidence, with their `reason`.
    """
    parsed = parse_gpu_report(report)
    cache = cache if cache is not None else ChainCache(8)
    path, anchor = _verify_chain(chain, anchors, cache)
    arch = _check_kind(path, anchor)
    check_dates(path, now)
    verify_p384(path[0].public_key, parsed.r, parsed.s, parsed.signed, "GPU report")
    _check_fwid(parsed, path[0])
    if expected_nonce is not None and not hmac.compare_digest(parsed.nonce, expected_nonce):
        raise UntrustedEvidence(
            "GPU report answers another nonce",
            reason=Reason.NONCE_MISMATCH,
            found=parsed.nonce.hex(),
            expected=expected_nonce.hex(),
        )
    claims = _claims(parsed, path, anchor, arch)
    return VerifiedGpu(claims, _checks(claims, path, anchor, expected_nonce is not None))


def _verify_chain(
    chain: Sequence[bytes], anchors: TrustAnchors, cache: ChainCache
) -> tuple[tuple[Certificate, ...], Anchor]:
    if len(chain) != CHAIN_LENGTH:
        raise UntrustedEvidence(
            "GPU certificate chain has the wrong length",
            reason=Reason.CHAIN_INVALID,
            found=f"{len(chain)} certificates",
            expected=f"{CHAIN_LENGTH} certificates",
        )
    root = read_root(chain[-1], cache)
    anchor = anchors.find(Vendor.NVIDIA_DEVICE, root.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"GPU chain ends at '{root.common_name}', which is not a trusted NVIDIA root",
            reason=Reason.CHAIN_INVALID,
            found=root.spki[:16],
            expected=anchors.expected(Vendor.NVIDIA_DEVICE),
        )
    path = [verified_root(chain[-1], cache)]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], cache))
    path.reverse()
    check_path_lengths(path)
    return tuple(path), anchor


def _check_kind(path: Sequence[Certificate], anchor: Anchor) -> str:
    leaf, brom = (_plain_name(certificate, anchor) for certificate in path[:2])
    match, above = _LEAF_NAME.match(leaf), _BROM_NAME.match(brom)
    if match is None or above is None or match[1] != above[1]:
        raise UntrustedEvidence(
            "certificate chain is not one of a GPU",
            reason=Reason.WRONG_DEVICE_KIND,
            found=f"'{leaf}' under '{brom}'",
            expected="'<chip> GSP FMC LF' under '<chip> GSP BROM'",
        )
    return match[1]


def _plain_name(certificate: Certificate, anchor: Anchor) -> str:
    """The common name as NVIDIA writes it; the simulator's has SIMULATED before it."""
    name = certificate.common_name
    return name.removeprefix(_SIMULATED) if anchor.simulated else name


def _check_fwid(report: GpuReport, leaf: Certificate) -> None:
    reported = report.field(Opaque.FWID)
    if reported is None:  # firmware before 550 did not report it
        return
    certified = _certified_fwid(leaf)
    if certified is None or not hmac.compare_digest(reported, certified):
        raise UntrustedEvidence(
            "GPU report's firmware id is not the certified one",
            reason=Reason.FWID_MISMATCH,
            found=reported.hex(),
            expected=certified.hex() if certified else "a firmware id in the leaf certificate",
        )


def _certified_fwid(leaf: Certificate) -> bytes | None:
    """48 bytes, SHA-384 of the firmware that the leaf's key belongs to."""
    hopper = leaf.extensions.get(_HOPPER_FWID)
    if hopper is not None:
        body = _body(hopper.value)
        body.integer()
        body.whole(der.SEQUENCE)
        fwid = _fwid(body)
        body.done()
        return fwid
    tcb_info = leaf.extensions.get(_DICE_TCB_INFO)
    if tcb_info is None:
        return None
    body = _body(tcb_info.value)
    while body.tag not in (_FWIDS, None):
        body.element(body.tag or 0)
    fwids = body.inside(_FWIDS)
    fwid = _fwid(fwids)
    fwids.done()
    return fwid


def _body(value: bytes) -> DerReader:
    reader = DerReader(value, "firmware id extension")
    body = reader.inside(der.SEQUENCE)
    reader.done()
    return body


def _fwid(reader: DerReader) -> bytes:
    fwid = reader.inside(der.SEQUENCE)
    algorithm, digest = fwid.oid(), fwid.element(der.OCTET_STRING)
    fwid.done()
    if algorithm != _SHA384 or len(digest) != 48:
        raise MalformedEvidence("firmware id in the leaf certificate is not a SHA-384 digest")
    return digest


def _claims(report: GpuReport, path: Sequence[Certificate], anchor: Anchor, arch: str) -> GpuClaims:
    brom = path[1]
    return GpuClaims(
        report=report,
        arch=arch,
        driver=_text(report, Opaque.DRIVER_VERSION),
        vbios=_vbios(report),
        device_id=f"nvidia-{arch.lower()}-{brom.spki}",
        leaf_digest=path[0].digest,
        leaf_serial=path[0].serial,
        chain_names=tuple(certificate.common_name for certificate in path),
        fwid=report.field(Opaque.FWID),
        feature=_feature(report),
        switch_pdis=_switch_pdis(report),
        simulated=anchor.simulated,
    )


def _text(report: GpuReport, kind: Opaque) -> str:
    """An ASCII field that ends with one NUL."""
    value = report.field(kind)
    if value is None or not value.endswith(b"\0"):
        raise MalformedEvidence(f"GPU report has no text in field {kind.name}")
    text = value[:-1]
    if not text or not text.isascii() or not text.decode("ascii").isprintable():
        raise MalformedEvidence(f"GPU report: field {kind.name} is not printable text")
    return text.decode("ascii")


def _vbios(report: GpuReport) -> str:
    """8 bytes, little endian; nvtrust prints the low half, then the next byte up."""
    value = report.field(Opaque.VBIOS_VERSION)
    if value is None or len(value) != 8 or any(value[5:]):
        raise MalformedEvidence(
            "GPU report: VBIOS version is not 8 bytes of known form",
            found=value.hex() if value else "nothing",
        )
    return ".".join(f"{octet:02X}" for octet in (*value[3::-1], value[4]))


def _feature(report: GpuReport) -> str | None:
    value = report.field(Opaque.FEATURE_FLAG)
    if value is None:
        return None
    number = int.from_bytes(value, "little")
    return _FEATURES.get(number, f"unknown ({number})")


def _switch_pdis(report: GpuReport) -> tuple[bytes, ...]:
    value = report.field(Opaque.SWITCH_PDI) or b""
    if len(value) % _PDI_SIZE:
        raise MalformedEvidence("GPU report: switch PDIs are not 8 bytes each")
    return tuple(value[at : at + _PDI_SIZE] for at in range(0, len(value), _PDI_SIZE))


def _checks(
    claims: GpuClaims, path: Sequence[Certificate], anchor: Anchor, bound: bool
) -> tuple[Check, ...]:
    until = min(certificate.not_after for certificate in path)
    nonce = claims.nonce.hex()
    return (
        proved("root", found=path[-1].common_name, expected=path[-1].spki, source=anchor.source),
        proved(
            "chain",
            found=" < ".join(claims.chain_names),
            expected="each signed by the next",
            source=_NVTRUST,
        ),
        proved("dates", found="valid", expected=f"until {until.isoformat()}", source=_NVTRUST),
        not_measured("revocation", found="no OCSP answer is asked for", source=_NVTRUST),
        proved("signature", found="verified", expected="ECDSA P-384, SHA-384", source=_SPDM),
        proved("fwid", found=claims.fwid.hex(), expected=claims.fwid.hex(), source=_NVTRUST)
        if claims.fwid is not None
        else not_measured("fwid", found="the report does not name it", source=_NVTRUST),
        proved("nonce", found=nonce, expected=nonce, source="the verifier's challenge")
        if bound
        else not_measured("nonce", found=nonce, source="no nonce was asked for"),
    )

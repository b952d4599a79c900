"""NVIDIA evidence: an SPDM report, proved by the device's certificates, becomes claims.

The order of the checks is that of the attestation vectors (vectors/nvidia/README): form, chain
and root, kind of device, dates, revocation where OCSP answers are given, signature, FWID, nonce.
A report names no CPU: the caller binds both.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from keyturn.attest.anchors import SIMULATED, Anchor, TrustAnchors
from keyturn.attest.certificates import Certificate
from keyturn.attest.chains import ChainCache, check_dates
from keyturn.attest.checks import Check
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.nvidia_chain import (
    Device,
    DeviceKind,
    certified_pdi,
    check_device,
    device_named,
    find_anchor,
    read_path,
    shown_path,
    verify_path,
)
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.nvidia_fields import (
    GpuFields,
    SwitchFields,
    read_gpu_fields,
    read_switch_fields,
)
from keyturn.attest.nvidia_fwid import check_fwid
from keyturn.attest.ocsp import OcspFacts, Revocation, check_ocsp
from keyturn.attest.p384 import verify_p384
from keyturn.attest.spdm import GpuReport, Opaque, parse_gpu_report
from keyturn.attest.steps import Refusal, Steps

_SPDM = "DMTF DSP0274 1.1"
_NVTRUST = "NVIDIA nvtrust"
_OCSP = "RFC 6960"
C = TypeVar("C", bound=DeviceClaims)


@dataclass(frozen=True, slots=True)
class Examination(Generic[C]):
    """One device's evidence with every check that was made.

    `claims` are there only where nothing was refused; `report` and `path` are what was shown, as
    far as it could be read, and prove nothing.
    """

    report: GpuReport | None = field(repr=False)
    path: tuple[Certificate, ...] = field(repr=False)
    checks: tuple[Check, ...]
    refusal: Refusal | None
    claims: C | None

    def proved(self) -> C:
        """The claims. Raises the refusal where there is one."""
        if self.refusal is not None:
            raise self.refusal
        if self.claims is None:  # every step was met: then there are claims
            raise UntrustedEvidence("nothing was proved", reason=Reason.CHAIN_INVALID)
        return self.claims


@dataclass(frozen=True, slots=True)
class VerifiedGpu:
    """Proved claims, and what was checked to prove them."""

    claims: GpuClaims
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class VerifiedSwitch:
    """Proved claims, and what was checked to prove them."""

    claims: SwitchClaims
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a verifier brings to every device of a request.

    `expected_nonce` is 32 bytes; None, for looking at evidence only, proves no freshness and
    the result says so. `revocation` None: no OCSP answer is asked for, and the result says so.
    """

    anchors: TrustAnchors
    now: datetime
    expected_nonce: bytes | None
    cache: ChainCache
    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True)
class _Proved:
    """All that the claims of a device are made of."""

    report: GpuReport
    path: tuple[Certificate, ...]
    anchor: Anchor
    device: Device
    fwid: bytes | None
    ocsp: tuple[OcspFacts, ...]

    @property
    def device_id(self) -> str:
        return f"nvidia-{self.device.chip.lower()}-{self.path[1].spki}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(certificate.common_name for certificate in self.path)


def verify_gpu(
    report: bytes,
    chain: Sequence[bytes],
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None = None,
    revocation: Revocation | None = None,
) -> VerifiedGpu:
    """Prove one GPU's report by its chain: five DER certificates, leaf first, root last.

    Raises MalformedEvidence or UntrustedEvidence, with their `reason`.
    """
    asked = _asked(anchors, now, expected_nonce, cache, revocation)
    examined = examine_gpu(report, chain, asked)
    return VerifiedGpu(examined.proved(), examined.checks)


def verify_switch(
    report: bytes,
    chain: Sequence[bytes],
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None = None,
    revocation: Revocation | None = None,
) -> VerifiedSwitch:
    """Prove one NVSwitch's report, as `verify_gpu`."""
    asked = _asked(anchors, now, expected_nonce, cache, revocation)
    examined = examine_switch(report, chain, asked)
    return VerifiedSwitch(examined.proved(), examined.checks)


def examine_gpu(report: bytes, chain: Sequence[bytes], asked: Asked) -> Examination[GpuClaims]:
    """Every check of one GPU's evidence; never raises a refusal."""
    return _examine(report, chain, asked, DeviceKind.GPU, read_gpu_fields, _gpu_claims)


def examine_switch(
    report: bytes, chain: Sequence[bytes], asked: Asked
) -> Examination[SwitchClaims]:
    """Every check of one switch's evidence; never raises a refusal."""
    return _examine(report, chain, asked, DeviceKind.SWITCH, read_switch_fields, _switch_claims)


def examine_device(
    report: bytes, chain: Sequence[bytes], asked: Asked
) -> Examination[GpuClaims] | Examination[SwitchClaims]:
    """As a GPU or a switch, by what the chain names; the examination proves the name."""
    names = [certificate.common_name for certificate in shown_path(chain, asked.cache)[:2]]
    plain = [name.removeprefix(SIMULATED) for name in names]
    device = device_named(*plain) if len(plain) == 2 else None
    if device is not None and device.kind is DeviceKind.SWITCH:
        return examine_switch(report, chain, asked)
    return examine_gpu(report, chain, asked)


F = TypeVar("F", GpuFields, SwitchFields)


def _examine(
    raw: bytes,
    chain: Sequence[bytes],
    asked: Asked,
    kind: DeviceKind,
    read_fields: Callable[[GpuReport], F],
    claims_of: Callable[[_Proved, F], C],
) -> Examination[C]:
    steps = Steps()
    report = steps.take("form", _SPDM, lambda: parse_gpu_report(raw), _form)
    anchor, path = _chain(steps, chain, asked)
    shown = path or read_path(chain)
    device = _device(steps, path, anchor, kind)
    fields = None
    if report is None or device is None:
        steps.unreached("fields", _NVTRUST)
    else:
        fields = steps.take("fields", _NVTRUST, lambda: read_fields(report), _read)
    _dates(steps, shown, asked.now)
    ocsp = _revocation(steps, path, asked)
    fwid = _report(steps, report, shown, device, asked)
    if steps.refusal is None and report and path and anchor and device and fields:
        claims = claims_of(_Proved(report, path, anchor, device, fwid, ocsp), fields)
        return Examination(report, shown, steps.checks, None, claims)
    return Examination(report, shown, steps.checks, steps.refusal, None)


def _chain(
    steps: Steps, chain: Sequence[bytes], asked: Asked
) -> tuple[Anchor | None, tuple[Certificate, ...]]:
    anchor = steps.take(
        "root",
        _NVTRUST,
        lambda: find_anchor(chain, asked.anchors, asked.cache),
        lambda found: (found.spki, f"pinned: {found.source}"),
    )
    if anchor is None:
        steps.unreached("chain", _NVTRUST)
        return None, ()
    path = steps.take("chain", _NVTRUST, lambda: verify_path(chain, asked.cache), _signed)
    return anchor, path or ()


def _device(
    steps: Steps, path: tuple[Certificate, ...], anchor: Anchor | None, kind: DeviceKind
) -> Device | None:
    if not path or anchor is None:
        steps.unreached("device-kind", _NVTRUST)
        return None
    return steps.take(
        "device-kind",
        _NVTRUST,
        lambda: check_device(path, anchor, kind),
        lambda found: (f"{found.kind.value} {found.chip}", kind.value),
    )


def _dates(steps: Steps, path: tuple[Certificate, ...], now: datetime) -> None:
    if not path:
        steps.unreached("dates", _NVTRUST)
        return
    until = min(certificate.not_after for certificate in path)
    steps.take(
        "dates",
        _NVTRUST,
        lambda: check_dates(path, now),
        lambda _: ("valid", f"until {until.isoformat()}"),
    )


def _revocation(steps: Steps, path: tuple[Certificate, ...], asked: Asked) -> tuple[OcspFacts, ...]:
    revocation = asked.revocation
    if revocation is None:
        steps.unasked("revocation", _OCSP, "no OCSP answer is asked for")
        return ()
    if not path:
        steps.unreached("revocation", _OCSP)
        return ()
    # NVIDIA's service knows what NVIDIA issued: all but the leaf, which the boot ROM signs, and
    # the root (nvtrust ocsp_certificate_chain_validation begins at 1 too).
    found = steps.take(
        "revocation",
        _OCSP,
        lambda: check_ocsp(path[1:], revocation, asked.now, asked.cache),
        lambda facts: ("; ".join(map(str, facts)), "good, and current"),
    )
    return found or ()


def _report(
    steps: Steps,
    report: GpuReport | None,
    path: tuple[Certificate, ...],
    device: Device | None,
    asked: Asked,
) -> bytes | None:
    """Signature, firmware id and nonce: what the leaf says, if there is one."""
    if report is None or not path:
        for name in ("signature", "fwid", "nonce"):
            steps.unreached(name, _SPDM)
        return None
    leaf = path[0]
    steps.take(
        "signature",
        _SPDM,
        lambda: verify_p384(leaf.public_key, report.r, report.s, report.signed, "device report"),
        lambda _: ("verified", "ECDSA P-384, SHA-384"),
    )
    fwid = _fwid(steps, report, leaf, device)
    _nonce(steps, report, asked.expected_nonce)
    return fwid


def _fwid(
    steps: Steps, report: GpuReport, leaf: Certificate, device: Device | None
) -> bytes | None:
    if device is None:
        steps.unreached("fwid", _NVTRUST)
        return None
    if report.field(Opaque.FWID) is None:  # firmware before 550, and switches
        steps.unasked("fwid", _NVTRUST, "the report does not name it")
        return None
    return steps.take(
        "fwid",
        _NVTRUST,
        lambda: check_fwid(report, leaf, device.fwid_extension),
        lambda found: (found.hex(), found.hex()),
    )


def _nonce(steps: Steps, report: GpuReport, expected: bytes | None) -> None:
    if expected is None:
        steps.unasked("nonce", "no nonce was asked for", report.nonce.hex())
        return
    steps.take(
        "nonce",
        "the verifier's challenge",
        lambda: _check_nonce(report, expected),
        lambda _: (report.nonce.hex(), expected.hex()),
    )


def _check_nonce(report: GpuReport, expected: bytes) -> None:
    if not hmac.compare_digest(report.nonce, expected):
        raise UntrustedEvidence(
            "device report answers another nonce",
            reason=Reason.NONCE_MISMATCH,
            found=report.nonce.hex(),
            expected=expected.hex(),
        )


def _form(report: GpuReport) -> tuple[object, object]:
    return f"{len(report.measurements)} measurements", "an SPDM 1.1 report, exact to the byte"


def _read(_: object) -> tuple[object, object]:
    return "read", "the fields of this kind of device"


def _signed(path: tuple[Certificate, ...]) -> tuple[object, object]:
    return " < ".join(each.common_name for each in path), "each signed by the next"


def _gpu_claims(proved: _Proved, fields: GpuFields) -> GpuClaims:
    leaf, brom = proved.path[:2]
    return GpuClaims(
        report=proved.report,
        architecture=proved.device.architecture,
        arch=proved.device.chip,
        driver=fields.driver,
        vbios=fields.vbios,
        device_id=proved.device_id,
        leaf_digest=leaf.digest,
        leaf_serial=leaf.serial,
        chain_names=proved.names,
        fwid=proved.fwid,
        feature=fields.feature,
        switch_pdis=fields.switch_pdis,
        pdi=certified_pdi(brom),
        ocsp=proved.ocsp,
        simulated=proved.anchor.simulated,
    )


def _switch_claims(proved: _Proved, fields: SwitchFields) -> SwitchClaims:
    leaf, brom = proved.path[:2]
    return SwitchClaims(
        report=proved.report,
        architecture=proved.device.architecture,
        arch=proved.device.chip,
        vbios=fields.bios,
        device_id=proved.device_id,
        leaf_digest=leaf.digest,
        leaf_serial=leaf.serial,
        chain_names=proved.names,
        fwid=proved.fwid,
        pdi=fields.pdi,
        certified_pdi=certified_pdi(brom),
        gpu_pdis=fields.gpu_pdis,
        ocsp=proved.ocsp,
        simulated=proved.anchor.simulated,
    )


def _asked(
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None,
    revocation: Revocation | None,
) -> Asked:
    return Asked(
        anchors=anchors,
        now=now,
        expected_nonce=expected_nonce,
        cache=cache if cache is not None else ChainCache(8),
        revocation=revocation,
    )

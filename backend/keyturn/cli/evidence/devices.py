"""GPUs, switches and their manifests from files, each judged, and all as one machine if asked."""

from collections.abc import Sequence
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Check
from keyturn.attest.nvidia import Asked, examine_device
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.nvidia_documents import set_document, shown_document
from keyturn.attest.nvidia_rims import Rim, appraise_rims, expected_kinds, missing_rims
from keyturn.attest.nvidia_set import SetRule, appraise_set
from keyturn.base.strictjson import JsonObject
from keyturn.cli.evidence.judgement import Judgement
from keyturn.cli.evidence.sorting import EvidenceFiles, GpuFile
from keyturn.rim.conformance import MachineRule
from keyturn.rim.verify import RimAsked, RimExamination, examine_rim


def judge_devices(
    files: EvidenceFiles,
    anchors: TrustAnchors,
    now: datetime,
    nonce: bytes | None,
    machine: MachineRule | None,
) -> list[Judgement]:
    """Each manifest, each device, and, where a machine is named, all devices together.

    Where manifests were given, a device must meet those of its own versions, and lack none.
    """
    cache = ChainCache()
    rims = [examine_rim(raw, RimAsked(anchors=anchors, now=now, cache=cache)) for raw in files.rims]
    proved = tuple(examined.rim for examined in rims if examined.rim is not None)
    asked = Asked(anchors=anchors, now=now, expected_nonce=nonce, cache=cache)
    judged = [_judge_device(file, asked, proved, compared=bool(rims)) for file in files.gpus]
    judgements = [*map(_judge_rim, rims), *(judgement for judgement, _ in judged)]
    if machine is not None:
        rule = SetRule(
            gpus=machine.gpus, switches=machine.switches, nonce=nonce, source="command line"
        )
        judgements.append(_judge_machine([claims for _, claims in judged if claims], rule))
    return judgements


def _judge_device(
    file: GpuFile, asked: Asked, rims: Sequence[Rim], *, compared: bool
) -> tuple[Judgement, DeviceClaims | None]:
    examined = examine_device(file.report, file.chain, asked)
    claims: DeviceClaims | None = examined.claims
    document = shown_document(examined)
    if claims is None or examined.refusal is not None:
        tee = "nvidia-switch" if "gpu_pdis" in document else "nvidia-gpu"
        reason = examined.refusal.reason.value if examined.refusal else "malformed"
        message = str(examined.refusal)
        return Judgement(tee, reason, message, False, examined.checks, document), None
    tee = "nvidia-gpu" if isinstance(claims, GpuClaims) else "nvidia-switch"
    checks = examined.checks + (_against(claims, rims) if compared else ())
    is_asked = asked.expected_nonce is not None
    return Judgement(tee, None, "", claims.simulated, checks, document, is_asked), claims


def _against(claims: DeviceClaims, rims: Sequence[Rim]) -> tuple[Check, ...]:
    """Of several machines' manifests those of this device's versions."""
    versions = {claims.vbios, claims.driver if isinstance(claims, GpuClaims) else ""}
    own = [rim for rim in rims if rim.kind in expected_kinds(claims) and rim.version in versions]
    return missing_rims(claims, own) + (appraise_rims(claims, own) if own else ())


def _judge_rim(examined: RimExamination) -> Judgement:
    said = examined.said
    document: JsonObject = {}
    if said is not None:
        document = {
            "kind": said.kind.value,
            "product": said.product,
            "version": said.version,
            "source": said.source,
            "active": {
                str(index): [value.hex() for value in sorted(values)]
                for index, values in said.active.items()
            },
        }
    refusal = examined.refusal
    reason = refusal.reason.value if refusal else None
    message = str(refusal) if refusal else ""
    # A manifest answers nobody: its dates are its freshness.
    return Judgement(
        "nvidia-rim", reason, message, examined.simulated, examined.checks, document, True
    )


def _judge_machine(devices: Sequence[DeviceClaims], rule: SetRule) -> Judgement:
    gpus = [device for device in devices if isinstance(device, GpuClaims)]
    switches = [device for device in devices if isinstance(device, SwitchClaims)]
    simulated = any(device.simulated for device in devices)
    checks = appraise_set(gpus, switches, rule)
    document = set_document(gpus, switches)
    asked = rule.nonce is not None
    return Judgement("nvidia-machine", None, "", simulated, checks, document, asked)

"""NVIDIA's cases of an attestation manifest: GPUs, switches, PPCIE machines, with their RIMs.

As `keyturn.attest.conformance`, one ring out, since manifests are XML. `evaluate_nvidia` gets
bytes, anchors, time and policy, never a case's id, origin or expectation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Check, failures
from keyturn.attest.conformance import Finding, Verdict, one_certificate
from keyturn.attest.errors import REFUSALS, MalformedEvidence
from keyturn.attest.nvidia import (
    Asked,
    Examination,
    examine_device,
    examine_gpu,
    examine_switch,
)
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.nvidia_documents import set_document, shown_document
from keyturn.attest.nvidia_rims import Rim, appraise_rims, mismatched
from keyturn.attest.nvidia_set import SetRule, appraise_set
from keyturn.attest.steps import Refusal
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.rim.verify import RimAsked, examine_rim

NVIDIA_TEES = frozenset({"nvidia-gpu", "nvidia-switch", "nvidia-ppcie"})
_RIMS = {"driver_rim": "driver RIM", "vbios_rim": "VBIOS RIM"}


@dataclass(frozen=True, slots=True)
class MachineRule:
    """How many devices a machine has, as a case's policy says."""

    gpus: int
    switches: int


@dataclass(frozen=True, slots=True)
class NvidiaCase:
    """All that a verifier is told. `files`: bytes by their role, one or, for a machine, several."""

    tee: str
    files: Mapping[str, tuple[bytes, ...]]
    now: datetime
    rule: MachineRule | None
    expected_nonce: bytes | None


@dataclass(frozen=True, slots=True)
class _Reached:
    """The checks made so far and the first refusal among them."""

    checks: tuple[Check, ...]
    refusal: Refusal | None


def read_machine_rule(policy: Fields) -> MachineRule:
    """Read a PPCIE case's policy."""
    rule = MachineRule(
        policy.integer("expected_gpus", high=64), policy.integer("expected_switches", high=64)
    )
    policy.done()
    return rule


def evaluate_nvidia(case: NvidiaCase) -> Finding:
    """Verify and appraise one case. A refusal is a finding, not an error."""
    try:
        asked = Asked(
            anchors=_anchors(_one(case, "root")),
            now=case.now,
            expected_nonce=case.expected_nonce,
            cache=ChainCache(64),
        )
        return _machine(case, asked) if case.tee == "nvidia-ppcie" else _device(case, asked)
    except REFUSALS as refusal:
        return Finding(Verdict.REJECT, refusal.reason.value, {}, str(refusal))


def _device(case: NvidiaCase, asked: Asked) -> Finding:
    report, chain = _one(case, "evidence"), pem_certificates(_one(case, "chain"))
    examined: Examination[GpuClaims] | Examination[SwitchClaims] = (
        examine_gpu(report, chain, asked)
        if case.tee == "nvidia-gpu"
        else examine_switch(report, chain, asked)
    )
    rims, reached = _rims(case, asked, _Reached(examined.checks, examined.refusal))
    comparison: tuple[Check, ...] = ()
    if examined.claims is not None and rims:
        comparison = appraise_rims(examined.claims, rims)
    compared, wrong = mismatched(comparison)
    document: JsonObject = {
        **shown_document(examined),
        "compared": compared,
        "mismatched_indices": list(wrong),
    }
    return _finding(document, reached, comparison)


def _rims(case: NvidiaCase, asked: Asked, reached: _Reached) -> tuple[tuple[Rim, ...], _Reached]:
    given = [(role, label) for role, label in _RIMS.items() if role in case.files]
    if not given:
        return (), reached
    root = one_certificate(_one(case, "rim_root"))
    rim_asked = RimAsked(
        anchors=_anchors(_one(case, "rim_root")), now=case.now, cache=asked.cache, roots=(root,)
    )
    rims = []
    for role, label in given:
        examined = examine_rim(_one(case, role), rim_asked, label)
        reached = _Reached(reached.checks + examined.checks, reached.refusal or examined.refusal)
        if examined.rim is not None:
            rims.append(examined.rim)
    return tuple(rims), reached


def _machine(case: NvidiaCase, asked: Asked) -> Finding:
    reports, chains = case.files["evidence"], case.files["chain"]
    if len(reports) != len(chains) or case.rule is None:
        raise MalformedEvidence(
            "a machine's case needs a chain for each report, and how many devices there must be",
            found=f"{len(reports)} reports, {len(chains)} chains",
        )
    gpus: list[GpuClaims] = []
    switches: list[SwitchClaims] = []
    reached = _Reached((), None)
    for report, pem in zip(reports, chains, strict=True):
        chain = pem_certificates(pem)
        examined = examine_device(report, chain, asked)
        reached = _Reached(reached.checks + examined.checks, reached.refusal or examined.refusal)
        if isinstance(examined.claims, GpuClaims):
            gpus.append(examined.claims)
        elif isinstance(examined.claims, SwitchClaims):
            switches.append(examined.claims)
    rule = SetRule(
        gpus=case.rule.gpus,
        switches=case.rule.switches,
        nonce=case.expected_nonce,
        source="the case's policy",
    )
    return _finding(set_document(gpus, switches), reached, appraise_set(gpus, switches, rule))


def _finding(document: JsonObject, reached: _Reached, comparison: tuple[Check, ...]) -> Finding:
    checks = reached.checks + comparison
    if reached.refusal is not None:
        reason, detail = reached.refusal.reason.value, str(reached.refusal)
        return Finding(Verdict.REJECT, reason, document, detail, checks)
    failed = failures(comparison)
    if not failed:
        return Finding(Verdict.ACCEPT, "ok", document, "", checks)
    first = failed[0]
    detail = f"{first.name}: found {first.found}; expected {first.expected}"
    reason = first.reason.value if first.reason else first.name
    return Finding(Verdict.REJECT, reason, document, detail, checks)


def _anchors(root: bytes) -> TrustAnchors:
    """The case's root narrows the pinned ones; one that is not pinned leaves nothing."""
    return HARDWARE_ANCHORS.narrowed_to([parse_certificate(one_certificate(root)).spki])


def _one(case: NvidiaCase, role: str) -> bytes:
    found = case.files.get(role, ())
    if len(found) != 1:
        raise MalformedEvidence(f"case has {len(found)} files for {role}", expected="1")
    return found[0]

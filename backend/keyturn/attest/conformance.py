"""Verify one case of an attestation manifest (form of `vectors/manifest.json`), without files.

`evaluate` gets bytes, anchors, time and policy, never the case's id, origin or expectation, and
says what it found; `compare` holds that against what the case expects. Reading files is the
command's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors, Vendor
from keyturn.attest.certificates import parse_certificate, pem_certificates, pem_crls
from keyturn.attest.checks import Check, failures
from keyturn.attest.documents import snp_document
from keyturn.attest.errors import REFUSALS, MalformedEvidence
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.snp_appraisal import SnpRule, TcbFloor, appraise_snp
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.base.strictjson import Fields, Json, JsonObject

_FLOOR_PARTS = ("bootloader", "tee", "snp", "microcode", "fmc")


class Verdict(Enum):
    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class CaseInput:
    """All that a verifier is told. `files` are the bytes of the case's files by their role."""

    tee: str
    files: Mapping[str, bytes]
    anchor_override: bytes | None
    now: datetime
    policy: SnpRule | None
    expected_report_data: bytes | None
    expected_nonce: bytes | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a verifier says: verdict, reason (`ok` when accepted), claims, a detail, checks.

    Claims of a refusal are what was shown, as far as it could be read.
    """

    verdict: Verdict
    reason: str
    claims: JsonObject
    detail: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    verdict: Verdict
    reason: str
    claims: JsonObject


def is_supported(tee: str) -> bool:
    """Whether a verifier for this kind of case exists here (NVIDIA's cases: `keyturn.rim`)."""
    return tee == "snp"


def evaluate(case: CaseInput) -> Finding:
    """Verify and appraise one case. A refusal is a finding, not an error."""
    try:
        return _snp(case)
    except REFUSALS as refusal:
        return Finding(Verdict.REJECT, refusal.reason.value, {}, str(refusal))


def compare(found: Finding, expected: Expectation, *, strict: bool) -> tuple[str, ...]:
    """Every difference that counts; empty when the case agrees. `strict` counts the reason."""
    differences = []
    if found.verdict is not expected.verdict:
        differences.append(f"verdict {found.verdict.value}, expected {expected.verdict.value}")
    if strict and found.reason != expected.reason:
        differences.append(f"reason {found.reason}, expected {expected.reason}")
    for name, value in expected.claims.items():
        if name not in found.claims:
            differences.append(f"claim {name} is missing, expected {value!r}")
        elif not _same(found.claims[name], value):
            differences.append(f"claim {name} {found.claims[name]!r}, expected {value!r}")
    return tuple(differences)


def read_rule(policy: Fields) -> SnpRule:
    """Read a case's policy; what it does not name is unrestricted, as the manifest means it."""
    floor = None
    if policy.has("min_tcb"):
        parts = policy.fields("min_tcb")
        named = (name for name in _FLOOR_PARTS if parts.has(name))
        floor = TcbFloor(**{name: parts.integer(name, high=255) for name in named})
        parts.done()
    rule = SnpRule(
        allow_debug=policy.boolean("allow_debug"),
        allow_migration_agent=policy.boolean("allow_migration_agent"),
        allow_smt=policy.boolean("allow_smt") if policy.has("allow_smt") else True,
        max_vmpl=policy.integer("max_vmpl", high=3) if policy.has("max_vmpl") else None,
        floors=None if floor is None else dict.fromkeys(SnpProduct, floor),
        require_alias_check=(
            policy.boolean("require_alias_check") if policy.has("require_alias_check") else False
        ),
        source="the case's policy",
    )
    policy.done()
    return rule


def _snp(case: CaseInput) -> Finding:
    collateral = SnpCollateral(
        vek=case.files["vek"],
        intermediate=one_certificate(case.files["intermediate"]),
        root=one_certificate(case.files["ark"]),
        crls=pem_crls(case.files["crl"]) if "crl" in case.files else (),
    )
    verified = verify_snp(
        case.files["evidence"],
        collateral,
        anchors=_anchors(case),
        now=case.now,
        expected_report_data=case.expected_report_data,
    )
    return _appraised(verified.claims, case.policy)


def _appraised(claims: SnpClaims, rule: SnpRule | None) -> Finding:
    document = snp_document(claims)
    failed = failures(appraise_snp(claims, rule)) if rule else ()
    if not failed:
        return Finding(Verdict.ACCEPT, "ok", document)
    first = failed[0]
    reason = first.reason.value if first.reason else first.name
    detail = f"{first.name}: found {first.found}; expected {first.expected}"
    return Finding(Verdict.REJECT, reason, document, detail)


def _anchors(case: CaseInput) -> TrustAnchors:
    if case.anchor_override is None:
        return HARDWARE_ANCHORS
    root = parse_certificate(one_certificate(case.anchor_override))
    return HARDWARE_ANCHORS.with_simulated(
        {Vendor.AMD_SEV: [root.spki]}, source="the case's trust anchor"
    )


def one_certificate(pem: bytes) -> bytes:
    """The one certificate of a PEM file. Raises MalformedEvidence."""
    found = pem_certificates(pem)
    if len(found) != 1:
        raise MalformedEvidence("PEM file holds another number of certificates than one")
    return found[0]


def _same(found: Json, expected: Json) -> bool:
    """Equal in type too: JSON's `true` is not 1."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_same(found[k], expected[k]) for k in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return type(found) is type(expected) and found == expected

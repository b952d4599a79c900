"""Verify one case of an attestation manifest (form of `vectors/manifest.json`), without files.

`evaluate` gets bytes, anchors, time and policy, never the case's id, origin or expectation, and
says what it found; `compare` holds that against what the case expects. Reading files is the
command's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors, Vendor
from keyturn.attest.azure import runtime_report_data
from keyturn.attest.certificates import parse_certificate, pem_certificates, pem_crls
from keyturn.attest.checks import Check, failures, judge
from keyturn.attest.documents import snp_document
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason
from keyturn.attest.snp import SnpCollateral, verify_snp
from keyturn.attest.snp_appraisal import SnpRule, TcbFloor, appraise_snp
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.tdx import examine_tdx
from keyturn.attest.tdx_appraisal import TdxRule, appraise_tdx
from keyturn.attest.tdx_collateral import TcbStatus, read_collateral
from keyturn.attest.tdx_document import reading_document, tdx_document
from keyturn.attest.tdx_quote import TdAttribute
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, Json, JsonObject

R = TypeVar("R", SnpRule, TdxRule)
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
    policy: SnpRule | TdxRule | None
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
    return tee in _VERIFIERS


def evaluate(case: CaseInput) -> Finding:
    """Verify and appraise one case. A refusal is a finding, not an error."""
    try:
        return _VERIFIERS[case.tee](case)
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


def read_rule(policy: Fields, tee: str = "snp") -> SnpRule | TdxRule:
    """Read a case's policy; what it does not name is unrestricted, as the manifest means it."""
    return _tdx_rule(policy) if tee == "tdx" else _snp_rule(policy)


def _snp_rule(policy: Fields) -> SnpRule:
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
        anchors=_anchors(case, Vendor.AMD_SEV),
        now=case.now,
        expected_report_data=case.expected_report_data,
    )
    rule = _rule(case, SnpRule)
    checks = appraise_snp(verified.claims, rule) if rule else ()
    return _judged(snp_document(verified.claims), (*verified.checks, *checks))


def _tdx_rule(policy: Fields) -> TdxRule:
    floor = "min_tcb_evaluation_data_number"
    known = {each.value: each for each in TcbStatus}
    named = policy.texts("allowed_tcb_status")
    if not known.keys() >= set(named):
        raise MalformedError("policy: a TCB status is not known", found=", ".join(named))
    rule = TdxRule(
        allow_debug=policy.boolean("allow_debug"),
        allow_migratable=True,
        allow_service_td=policy.boolean("allow_service_td"),
        service_tds=frozenset(),
        require_sept_ve_disable=policy.boolean("require_sept_ve_disable"),
        forbidden_attributes=TdAttribute(0),
        allowed_xfam=None,
        allowed_tcb_status=frozenset(known[name] for name in named),
        accepted_advisories=None,
        min_evaluation_number=policy.integer(floor) if policy.has(floor) else None,
        allow_dynamic_platform=True,
        allow_cached_keys=True,
        allow_smt=True,
        source="the case's policy",
    )
    policy.done()
    return rule


def _tdx(case: CaseInput) -> Finding:
    """Claims are as far as they were read, so a refusal has them too."""
    found = examine_tdx(
        _file(case, "evidence"),
        read_collateral(_file(case, "collateral")),
        anchors=_anchors(case, Vendor.INTEL_SGX).narrowed_to(
            [parse_certificate(_file(case, "root")).spki]
        ),
        now=case.now,
        expected_report_data=case.expected_report_data,
    )
    claims, refusal = found.claims, found.refusal
    if claims is None or refusal is not None:
        reason = refusal.reason.value if refusal else "malformed"
        document = reading_document(found.reading)
        return Finding(Verdict.REJECT, reason, document, str(refusal), found.checks)
    rule = _rule(case, TdxRule)
    checks = appraise_tdx(claims, rule) if rule else ()
    bound = _runtime_data(case, claims.report_data)
    return _judged(tdx_document(claims), (*found.checks, *bound, *checks))


def _runtime_data(case: CaseInput, report_data: bytes) -> tuple[Check, ...]:
    """What an Azure TD's report data is bound to, where the case has it."""
    if "runtime_data" not in case.files:
        return ()
    expected = runtime_report_data(case.files["runtime_data"])
    check = judge(
        "runtime-data",
        report_data == expected,
        found=report_data.hex(),
        expected=expected.hex(),
        source="Azure HCL report",
        reason=Reason.RUNTIME_DATA_MISMATCH,
    )
    return (check,)


def _judged(document: JsonObject, checks: tuple[Check, ...]) -> Finding:
    failed = failures(checks)
    if not failed:
        return Finding(Verdict.ACCEPT, "ok", document, checks=checks)
    first = failed[0]
    reason = first.reason.value if first.reason else first.name
    detail = f"{first.name}: found {first.found}; expected {first.expected}"
    return Finding(Verdict.REJECT, reason, document, detail, checks)


def _rule(case: CaseInput, kind: type[R]) -> R | None:
    """The case's policy. One of another TEE is refused: it would judge nothing."""
    if case.policy is not None and not isinstance(case.policy, kind):
        raise MalformedEvidence("case has a policy of another TEE", expected=case.tee)
    return case.policy


def _file(case: CaseInput, role: str) -> bytes:
    if role not in case.files:
        raise MalformedEvidence("case lacks a file", expected=role)
    return case.files[role]


def _anchors(case: CaseInput, vendor: Vendor) -> TrustAnchors:
    if case.anchor_override is None:
        return HARDWARE_ANCHORS
    root = parse_certificate(one_certificate(case.anchor_override))
    return HARDWARE_ANCHORS.with_simulated({vendor: [root.spki]}, source="the case's trust anchor")


def one_certificate(pem: bytes) -> bytes:
    """The one certificate of a PEM file. Raises MalformedEvidence."""
    found = pem_certificates(pem)
    if len(found) != 1:
        raise MalformedEvidence("PEM file holds another number of certificates than one")
    return found[0]


_VERIFIERS = {"snp": _snp, "tdx": _tdx}


def _same(found: Json, expected: Json) -> bool:
    """Equal in type too: JSON's `true` is not 1."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_same(found[k], expected[k]) for k in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return type(found) is type(expected) and found == expected

"""Rules for Intel TDX: is what was proved good enough?

Pure comparison of proved claims with one rule, and of measurements with reference values. Which
platforms are allowed and how fresh evidence must be is judged elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from keyturn.attest.checks import Check, Outcome, judge, not_measured
from keyturn.attest.errors import Reason
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.attest.tdx_quote import UNDER_DEBUG, TdAttribute

# XFAM bits 0 and 1 (x87, SSE) are always set (TDX Module ABI, table "XFAM").
_XFAM_ALWAYS = 0b11


class Register(Enum):
    """What of a TD has reference values. The values name the fields of `TdReport`."""

    MRTD = "mr_td"
    RTMR0 = "rtmr0"
    RTMR1 = "rtmr1"
    RTMR2 = "rtmr2"
    RTMR3 = "rtmr3"
    MRSEAM = "mr_seam"
    MRCONFIGID = "mr_config_id"
    MROWNER = "mr_owner"
    MROWNERCONFIG = "mr_owner_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxRule:
    """What a policy asks of a TD and its platform. Everything is said: nothing has a default.

    `service_tds` are the hashes (48 bytes) of service TDs that may be bound when `allow_service_td`
    is false. `forbidden_attributes` are refused where set, beside those with a field of their own.
    `allowed_xfam` None: any feature; else a mask. `accepted_advisories` None: any; else Intel's ids
    that may stand against the TCB. `min_evaluation_number` None: any. `source` names the statement
    that set the rule.
    """

    allow_debug: bool
    allow_migratable: bool
    allow_service_td: bool
    service_tds: frozenset[bytes]
    require_sept_ve_disable: bool
    forbidden_attributes: TdAttribute
    allowed_xfam: int | None
    allowed_tcb_status: frozenset[TcbStatus]
    accepted_advisories: frozenset[str] | None
    min_evaluation_number: int | None
    allow_dynamic_platform: bool
    allow_cached_keys: bool
    allow_smt: bool
    source: str


def appraise_tdx(claims: TdxClaims, rule: TdxRule) -> tuple[Check, ...]:
    """Compare proved claims with a rule; every check is made, in the order of the vectors."""
    configuration = claims.pck.configuration
    return (
        _evaluation_number(claims, rule),
        _debug(claims, rule),
        _service_td(claims, rule),
        _tcb_status(claims, rule),
        _sept_ve_disable(claims, rule),
        _migratable(claims, rule),
        _attributes(claims, rule),
        _xfam(claims, rule),
        _advisories(claims, rule),
        _flag(
            "dynamic-platform", configuration.dynamic_platform, rule.allow_dynamic_platform, rule
        ),
        _flag("cached-keys", configuration.cached_keys, rule.allow_cached_keys, rule),
        _flag("smt", configuration.smt, rule.allow_smt, rule),
    )


def appraise_registers(
    claims: TdxClaims, references: Mapping[Register, frozenset[bytes]], source: str
) -> tuple[Check, ...]:
    """Compare measurements with reference values, each 48 bytes; one of a set must be met.

    A set without a value, or no set at all, is refused: nothing to compare is no agreement.
    """
    if not references:
        return (_register("measurements", b"", frozenset(), source),)
    return tuple(
        _register(each.name.lower(), getattr(claims.report, each.value), references[each], source)
        for each in Register
        if each in references
    )


def _register(name: str, found: bytes, allowed: frozenset[bytes], source: str) -> Check:
    if not allowed:
        return judge(
            name,
            False,
            found=found.hex() or "nothing to compare with",
            expected="reference values, of which there are none",
            source=source,
            reason=Reason.NO_REFERENCE_VALUES,
        )
    return judge(
        name,
        found in allowed,
        found=found.hex(),
        expected=" or ".join(sorted(each.hex() for each in allowed)),
        source=source,
        reason=Reason.MEASUREMENT_MISMATCH,
    )


def _evaluation_number(claims: TdxClaims, rule: TdxRule) -> Check:
    floor = rule.min_evaluation_number
    return judge(
        "evaluation-number",
        floor is None or claims.evaluation_number >= floor,
        found=claims.evaluation_number,
        expected="any" if floor is None else f"at least {floor}",
        source=rule.source,
        reason=Reason.COLLATERAL_BELOW_MINIMUM,
    )


def _debug(claims: TdxClaims, rule: TdxRule) -> Check:
    under_debug = claims.report.attributes & UNDER_DEBUG
    return judge(
        "debug",
        rule.allow_debug or not under_debug,
        found=f"TUD bits {under_debug:#04x}" if under_debug else "not under debug",
        expected="any" if rule.allow_debug else "not under debug",
        source=rule.source,
        reason=Reason.DEBUG_TD,
    )


def _service_td(claims: TdxClaims, rule: TdxRule) -> Check:
    found = claims.report.mr_service_td
    if found is None:
        return not_measured(
            "service-td", found="a TD report of TDX 1.0 does not show it", source=rule.source
        )
    known = sorted(each.hex() for each in rule.service_tds)
    return judge(
        "service-td",
        rule.allow_service_td or not any(found) or found in rule.service_tds,
        found=found.hex() if any(found) else "none is bound",
        expected="any" if rule.allow_service_td else " or ".join(("none", *known)),
        source=rule.source,
        reason=Reason.SERVICE_TD_NOT_ALLOWED,
    )


def _tcb_status(claims: TdxClaims, rule: TdxRule) -> Check:
    """At launch, and with the TDX module that runs now where the report shows it."""
    status, current = claims.tcb.status, claims.tcb.current
    now = f", now {current.value}" if current else ""
    return judge(
        "tcb-status",
        status in rule.allowed_tcb_status
        and (current is None or current in rule.allowed_tcb_status),
        found=f"{status.value if status else 'none'}{now}",
        expected=" or ".join(sorted(each.value for each in rule.allowed_tcb_status)) or "none",
        source=rule.source,
        reason=Reason.TCB_STATUS_NOT_ALLOWED,
    )


def _sept_ve_disable(claims: TdxClaims, rule: TdxRule) -> Check:
    """Without it the host can raise #VE in the TD on memory accesses of its choice."""
    is_set = claims.report.has(TdAttribute.SEPT_VE_DISABLE)
    return judge(
        "sept-ve-disable",
        is_set or not rule.require_sept_ve_disable,
        found="set" if is_set else "not set",
        expected="set" if rule.require_sept_ve_disable else "any",
        source=rule.source,
        reason=Reason.SEPT_VE_DISABLE_NOT_SET,
    )


def _migratable(claims: TdxClaims, rule: TdxRule) -> Check:
    is_set = claims.report.has(TdAttribute.MIGRATABLE)
    return judge(
        "migratable",
        rule.allow_migratable or not is_set,
        found="may be migrated" if is_set else "may not be migrated",
        expected="any" if rule.allow_migratable else "may not be migrated",
        source=rule.source,
        reason=Reason.MIGRATABLE_TD,
    )


def _attributes(claims: TdxClaims, rule: TdxRule) -> Check:
    """Bits that have no name here are refused: they may touch the TD's security.

    The debug group has its own check.
    """
    unknown = claims.report.unknown_attributes & ~UNDER_DEBUG
    forbidden = claims.report.attributes & rule.forbidden_attributes
    names = [each.name or "" for each in TdAttribute if each & forbidden]
    if unknown:
        names.append(f"unknown {unknown:#x}")
    forbidden_names = [each.name or "" for each in TdAttribute if each & rule.forbidden_attributes]
    return judge(
        "td-attributes",
        not names,
        found=", ".join(names) or f"{claims.report.attributes:#018x}",
        expected=", ".join(("no unknown bit", *(f"no {each}" for each in forbidden_names))),
        source=rule.source,
        reason=Reason.TD_ATTRIBUTES_NOT_ALLOWED,
    )


def _xfam(claims: TdxClaims, rule: TdxRule) -> Check:
    features, allowed = claims.report.features, rule.allowed_xfam
    met = features & _XFAM_ALWAYS == _XFAM_ALWAYS
    return judge(
        "xfam",
        met and (allowed is None or not features & ~allowed),
        found=f"{features:#x}",
        expected="x87 and SSE" if allowed is None else f"x87 and SSE, none outside {allowed:#x}",
        source=rule.source,
        reason=Reason.XFAM_NOT_ALLOWED,
    )


def _advisories(claims: TdxClaims, rule: TdxRule) -> Check:
    found, accepted = claims.tcb.advisories, rule.accepted_advisories
    return judge(
        "advisories",
        accepted is None or accepted.issuperset(found),
        found=", ".join(found) or "none",
        expected="any" if accepted is None else ", ".join(sorted(accepted)) or "none",
        source=rule.source,
        reason=Reason.ADVISORY_NOT_ACCEPTED,
    )


def _flag(name: str, found: bool | None, allowed: bool, rule: TdxRule) -> Check:
    """One flag of the platform's configuration; unknown is refused where it is not allowed."""
    if found is None and not allowed:
        return Check(
            name,
            Outcome.NOT_MEASURED,
            "the PCK certificate does not say",
            "no",
            rule.source,
            Reason.PLATFORM_CONFIGURATION_NOT_ALLOWED,
        )
    return judge(
        name,
        allowed or not found,
        found={None: "unknown", True: "yes", False: "no"}[found],
        expected="any" if allowed else "no",
        source=rule.source,
        reason=Reason.PLATFORM_CONFIGURATION_NOT_ALLOWED,
    )

"""What a lint says of a statement's body: where, how bad, what. The words are the screens'."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """`ERROR`: no evidence at all can pass, or it names nothing. `WARNING`: it accepts anything,
    is weak, or a part of it is dead. `NOTE`: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class LintCode(Enum):
    """Stable; each with the names of its values."""

    # what is named and is not there: kind, subject, why
    NOT_IN_FORCE = "not-in-force"
    ENDS_BEFORE = "ends-before"  # kind, subject, ends, policy_ends
    REVOKED = "revoked"  # target
    UNUSED = "unused"  # kind, subject: nothing names it
    # what cannot be met
    NO_VALUE_OF_TEE = "no-value-of-tee"  # tee
    VALUES_ENDED = "values-ended"  # what
    VALUE_ENDED = "value-ended"  # what, until
    VALUE_ENDS_BEFORE = "value-ends-before"  # what, until, ends
    REGISTER_WITHOUT_VALUE = "register-without-value"  # registers
    MRTD_ONLY = "mrtd-only"
    NO_GPU_REFERENCE = "no-gpu-reference"  # count
    NO_SWITCH_REFERENCE = "no-switch-reference"  # count
    NAME_WITHOUT_REFERENCE = "name-without-reference"  # what, name
    NO_RIM_VALUE = "no-rim-value"
    SWITCHES_WITHOUT_PPCIE = "switches-without-ppcie"  # modes
    PPCIE_WITHOUT_SWITCHES = "ppcie-without-switches"
    SWITCHES_NEED_PPCIE = "switches-need-ppcie"  # modes: the others that are allowed
    NO_TPM_REFERENCE = "no-tpm-reference"
    PCR_WITHOUT_VALUE = "pcr-without-value"  # bank, pcrs
    TPM_WITHOUT_VALUE = "tpm-without-value"  # what
    TOO_FEW_WITNESSES = "too-few-witnesses"  # asked, known
    CAVEAT_OWED = "caveat-owed"  # caveat
    CAVEAT_OF_RULE = "caveat-of-rule"  # caveat
    NO_PLATFORM_OF_TEE = "no-platform-of-tee"  # tee: none that is listed, allowed and not revoked
    NO_PLATFORM_AT_SITE = "no-platform-at-site"  # site
    DISPUTED_SITE = "disputed-site"  # platform, sites
    AGE_BELOW_ISSUE = "age-below-issue"  # kind, seconds, issued
    AGE_OF_OTHER_TEE = "age-of-other-tee"  # kind
    FLOOR_ABOVE_SEEN = "floor-above-seen"  # product, asked, seen
    EVALUATION_ABOVE_SEEN = "evaluation-above-seen"  # asked, seen
    EVIDENCE_TOO_FRESH = "evidence-too-fresh"  # seconds
    UNKNOWN_PRODUCT = "unknown-product"  # product
    XFAM_WITHOUT_BASE = "xfam-without-base"  # asked
    UNKNOWN_TARGET = "unknown-target"  # target
    POLICY_NEVER_MET = "policy-never-met"  # policy: no evidence could pass under it
    # what accepts anything, or is weak
    ANY_WORKLOAD = "any-workload"
    ANY_PLATFORM = "any-platform"
    ANY_ADVISORY = "any-advisory"
    WEAK_STATUS = "weak-status"  # status
    DEBUG_ALLOWED = "debug-allowed"
    MIGRATION_ALLOWED = "migration-allowed"
    ANY_VMPL = "any-vmpl"  # vmpl
    ALL_CAVEATS = "all-caveats"
    NO_FLOOR = "no-floor"  # product
    VLEK_ALLOWED = "vlek-allowed"
    HIDDEN_PLATFORM_LISTED = "hidden-platform-listed"  # list
    SEPT_VE_ALLOWED = "sept-ve-allowed"
    LONG_LEASE = "long-lease"  # seconds
    VALUE_BY_HAND = "value-by-hand"  # what
    NO_PROVENANCE = "no-provenance"  # what
    SIMULATED_ROOTS = "simulated-roots"
    # what is said twice or says nothing
    DUPLICATE_VALUE = "duplicate-value"  # what, other
    SHADOWED_VALUE = "shadowed-value"  # what, other
    GPU_IDS_ONLY = "gpu-ids-only"
    NOT_PINNED = "not-pinned"  # spki
    VENDOR_WITHOUT_ROOT = "vendor-without-root"  # vendor


@dataclass(frozen=True, slots=True)
class LintRemark:
    """`place` is a path into the body, as `snp.min_tcb.Genoa` or `gpu.0.driver`; empty: all of it.

    `values` are names and texts for the words of `code`, sorted by name.
    """

    place: str
    severity: Severity
    code: LintCode
    values: tuple[tuple[str, str], ...] = ()

    @property
    def named(self) -> dict[str, str]:
        return dict(self.values)


def remark(place: str, severity: Severity, code: LintCode, **values: object) -> LintRemark:
    named = tuple(sorted((name, str(value)) for name, value in values.items()))
    return LintRemark(place, severity, code, named)


def error(place: str, code: LintCode, **values: object) -> LintRemark:
    return remark(place, Severity.ERROR, code, **values)


def warning(place: str, code: LintCode, **values: object) -> LintRemark:
    return remark(place, Severity.WARNING, code, **values)


def note(place: str, code: LintCode, **values: object) -> LintRemark:
    return remark(place, Severity.NOTE, code, **values)

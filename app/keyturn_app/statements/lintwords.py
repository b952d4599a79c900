"""What a lint says, in words for people. No Qt."""

from collections.abc import Mapping

from keyturn.policy.remarks import LintCode, LintRemark, Severity
from keyturn_app.i18n import _
from keyturn_app.states import Look


def lint_words(remark: LintRemark) -> str:
    """One sentence without a full stop; `place` is said by where it stands."""
    return _words()[remark.code].format(**remark.named)


def severity_look(severity: Severity) -> Look:
    return {
        Severity.ERROR: Look(_("Error"), "danger", "octagon-x"),
        Severity.WARNING: Look(_("Warning"), "stale", "triangle-alert"),
        Severity.NOTE: Look(_("Note"), "pending", "info"),
    }[severity]


def _words() -> Mapping[LintCode, str]:
    return {
        LintCode.NOT_IN_FORCE: _("{kind} '{subject}' is not in force: {why}"),
        LintCode.ENDS_BEFORE: _(
            "{kind} '{subject}' ends at {ends}, before this does at {policy_ends}"
        ),
        LintCode.REVOKED: _("{target} is revoked"),
        LintCode.UNUSED: _("nothing in force names {kind} '{subject}'"),
        LintCode.NO_VALUE_OF_TEE: _("no baseline has a value of {tee}"),
        LintCode.VALUES_ENDED: _("the time of every value of {what} has run out"),
        LintCode.VALUE_ENDED: _("its time ran out at {until}"),
        LintCode.VALUE_ENDS_BEFORE: _("it counts until {until}, the statement until {ends}"),
        LintCode.REGISTER_WITHOUT_VALUE: _("no baseline has values of all of {registers}"),
        LintCode.MRTD_ONLY: _("only MRTD is compared: kernel and command line may be any"),
        LintCode.NO_GPU_REFERENCE: _("{count} GPUs are asked for, and no baseline fits any"),
        LintCode.NO_SWITCH_REFERENCE: _("{count} switches are asked for, and no baseline fits any"),
        LintCode.NAME_WITHOUT_REFERENCE: _("no baseline has {what} {name}"),
        LintCode.NO_RIM_VALUE: _("values from a RIM are asked for, and no baseline has one"),
        LintCode.SWITCHES_WITHOUT_PPCIE: _("switches need mode PPCIE, which is not among {modes}"),
        LintCode.PPCIE_WITHOUT_SWITCHES: _("mode PPCIE never passes without switches"),
        LintCode.SWITCHES_NEED_PPCIE: _("with switches only PPCIE passes, of {modes}"),
        LintCode.NO_TPM_REFERENCE: _("no baseline has values of a TPM"),
        LintCode.PCR_WITHOUT_VALUE: _("no baseline has values of PCR {pcrs} in bank {bank}"),
        LintCode.TPM_WITHOUT_VALUE: _("no baseline has {what}"),
        LintCode.TOO_FEW_WITNESSES: _(
            "cosignatures of {asked} are asked for; {known} keys are known"
        ),
        LintCode.CAVEAT_OWED: _("every verdict of this authority has the caveat {caveat}"),
        LintCode.CAVEAT_OF_RULE: _("what is asked for brings the caveat {caveat}"),
        LintCode.NO_PLATFORM_OF_TEE: _("no list has a platform of {tee} that may pass"),
        LintCode.NO_PLATFORM_AT_SITE: _("no listed platform stands at {site}"),
        LintCode.DISPUTED_SITE: _("{platform} stands at {sites}, say different lists"),
        LintCode.AGE_BELOW_ISSUE: _(
            "{kind} may be {seconds} s old, and is issued every {issued} s"
        ),
        LintCode.AGE_OF_OTHER_TEE: _("no machine that may pass uses {kind}"),
        LintCode.FLOOR_ABOVE_SEEN: _("no {product} node reaches {asked}; the best has {seen}"),
        LintCode.EVALUATION_ABOVE_SEEN: _("no node reaches {asked}; the best has {seen}"),
        LintCode.EVIDENCE_TOO_FRESH: _("nodes may need longer than {seconds} s to answer"),
        LintCode.UNKNOWN_PRODUCT: _("{product} is no product that evidence can name"),
        LintCode.XFAM_WITHOUT_BASE: _("{asked} leaves out x87 or SSE, which every TD has"),
        LintCode.UNKNOWN_TARGET: _("nothing known names {target}"),
        LintCode.POLICY_NEVER_MET: _("no evidence could pass policy '{policy}'"),
        LintCode.ANY_WORKLOAD: _("accepts any workload"),
        LintCode.ANY_PLATFORM: _("accepts any platform"),
        LintCode.ANY_ADVISORY: _("accepts any of Intel's advisories"),
        LintCode.WEAK_STATUS: _("accepts a TCB that is {status}"),
        LintCode.DEBUG_ALLOWED: _("accepts machines that the host can read"),
        LintCode.MIGRATION_ALLOWED: _("accepts machines that may be moved"),
        LintCode.ANY_VMPL: _("accepts every VMPL up to {vmpl}"),
        LintCode.ALL_CAVEATS: _("accepts every caveat"),
        LintCode.NO_FLOOR: _("accepts any TCB of {product}"),
        LintCode.VLEK_ALLOWED: _("accepts chips that are hidden by a VLEK"),
        LintCode.HIDDEN_PLATFORM_LISTED: _("list '{list}' has all hidden chips"),
        LintCode.SEPT_VE_ALLOWED: _("accepts TDs whose host may raise #VE"),
        LintCode.LONG_LEASE: _("a lease of {seconds} s outlives a revocation for long"),
        LintCode.VALUE_BY_HAND: _("set by hand"),
        LintCode.NO_PROVENANCE: _("does not say where it comes from"),
        LintCode.SIMULATED_ROOTS: _("trusts simulated roots"),
        LintCode.DUPLICATE_VALUE: _("says the same as number {other}"),
        LintCode.SHADOWED_VALUE: _("accepts nothing that number {other} does not accept"),
        LintCode.GPU_IDS_ONLY: _("only GPUs are listed; policies compare the CPU's platform"),
        LintCode.NOT_PINNED: _("{spki} is not pinned and adds nothing"),
        LintCode.VENDOR_WITHOUT_ROOT: _("no root of {vendor} is trusted"),
    }

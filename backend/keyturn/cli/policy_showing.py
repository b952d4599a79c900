"""How `keyturn policy` shows remarks and impacts: tables for people, documents for machines."""

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from keyturn.base.encoding import Digest
from keyturn.base.times import format_time
from keyturn.cli.output import stdout
from keyturn.policy.findings import Finding
from keyturn.policy.impact import FindingChange, Group, Impact, NodeImpact
from keyturn.policy.remarks import LintCode, LintRemark, Severity

SHOWN = 50
"""Nodes of a group that a table lists; the document has them all."""

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_GROUPS = {
    Group.NEWLY: ("Newly get keys", "bold red"),
    Group.LOSES: ("Lose keys", "yellow"),
    Group.UNMEASURED: ("Not measurable", "yellow"),
    Group.REFUSED: ("Still refused", "dim"),
}
_WORDS: Mapping[LintCode, str] = {
    LintCode.NOT_IN_FORCE: "{kind} '{subject}' is not in force: {why}",
    LintCode.ENDS_BEFORE: "{kind} '{subject}' ends at {ends}, before this does at {policy_ends}",
    LintCode.REVOKED: "{target} is revoked",
    LintCode.UNUSED: "nothing in force names {kind} '{subject}'",
    LintCode.NO_VALUE_OF_TEE: "no baseline has a value of {tee}",
    LintCode.VALUES_ENDED: "the time of every value of {what} has run out",
    LintCode.VALUE_ENDED: "its time ran out at {until}",
    LintCode.VALUE_ENDS_BEFORE: "it counts until {until}, the statement until {ends}",
    LintCode.REGISTER_WITHOUT_VALUE: "no baseline has values of all of {registers}",
    LintCode.MRTD_ONLY: "only MRTD is compared: kernel and command line may be any",
    LintCode.NO_GPU_REFERENCE: "{count} GPUs are asked for, and no baseline fits any",
    LintCode.NO_SWITCH_REFERENCE: "{count} switches are asked for, and no baseline fits any",
    LintCode.NAME_WITHOUT_REFERENCE: "no baseline has {what} {name}",
    LintCode.NO_RIM_VALUE: "values from a RIM are asked for, and no baseline has one",
    LintCode.SWITCHES_WITHOUT_PPCIE: "switches need mode PPCIE, which is not among {modes}",
    LintCode.PPCIE_WITHOUT_SWITCHES: "mode PPCIE never passes without switches",
    LintCode.SWITCHES_NEED_PPCIE: "with switches only PPCIE passes, of {modes}",
    LintCode.NO_TPM_REFERENCE: "no baseline has values of a TPM",
    LintCode.PCR_WITHOUT_VALUE: "no baseline has values of PCR {pcrs} in bank {bank}",
    LintCode.TPM_WITHOUT_VALUE: "no baseline has {what}",
    LintCode.TOO_FEW_WITNESSES: "cosignatures of {asked} are asked for; {known} keys are known",
    LintCode.CAVEAT_OWED: "every verdict of this authority has the caveat {caveat}",
    LintCode.CAVEAT_OF_RULE: "what is asked for brings the caveat {caveat}",
    LintCode.NO_PLATFORM_OF_TEE: "no list has a platform of {tee} that may pass",
    LintCode.NO_PLATFORM_AT_SITE: "no listed platform stands at {site}",
    LintCode.DISPUTED_SITE: "{platform} stands at {sites}, say different lists",
    LintCode.AGE_BELOW_ISSUE: "{kind} may be {seconds} s old, and is issued every {issued} s",
    LintCode.AGE_OF_OTHER_TEE: "no machine that may pass uses {kind}",
    LintCode.FLOOR_ABOVE_SEEN: "no {product} node reaches {asked}; the best has {seen}",
    LintCode.EVALUATION_ABOVE_SEEN: "no node reaches {asked}; the best has {seen}",
    LintCode.EVIDENCE_TOO_FRESH: "nodes may need longer than {seconds} s to answer",
    LintCode.UNKNOWN_PRODUCT: "{product} is no product that evidence can name",
    LintCode.XFAM_WITHOUT_BASE: "{asked} leaves out x87 or SSE, which every TD has",
    LintCode.UNKNOWN_TARGET: "nothing known names {target}",
    LintCode.POLICY_NEVER_MET: "no evidence could pass policy '{policy}'",
    LintCode.ANY_WORKLOAD: "accepts any workload",
    LintCode.ANY_PLATFORM: "accepts any platform",
    LintCode.ANY_ADVISORY: "accepts any of Intel's advisories",
    LintCode.WEAK_STATUS: "accepts a TCB that is {status}",
    LintCode.DEBUG_ALLOWED: "accepts machines that the host can read",
    LintCode.MIGRATION_ALLOWED: "accepts machines that may be moved",
    LintCode.ANY_VMPL: "accepts every VMPL up to {vmpl}",
    LintCode.ALL_CAVEATS: "accepts every caveat",
    LintCode.NO_FLOOR: "accepts any TCB of {product}",
    LintCode.VLEK_ALLOWED: "accepts chips that are hidden by a VLEK",
    LintCode.HIDDEN_PLATFORM_LISTED: "list '{list}' has all hidden chips",
    LintCode.SEPT_VE_ALLOWED: "accepts TDs whose host may raise #VE",
    LintCode.LONG_LEASE: "a lease of {seconds} s outlives a revocation for long",
    LintCode.VALUE_BY_HAND: "set by hand",
    LintCode.NO_PROVENANCE: "does not say where it comes from",
    LintCode.SIMULATED_ROOTS: "trusts simulated roots",
    LintCode.DUPLICATE_VALUE: "says the same as number {other}",
    LintCode.SHADOWED_VALUE: "accepts nothing that number {other} does not accept",
    LintCode.GPU_IDS_ONLY: "only GPUs are listed; policies compare the CPU's platform",
    LintCode.NOT_PINNED: "{spki} is not pinned and adds nothing",
    LintCode.VENDOR_WITHOUT_ROOT: "no root of {vendor} is trusted",
}


def words_of(remark: LintRemark) -> str:
    return _WORDS[remark.code].format(**remark.named)


def remark_document(remark: LintRemark) -> dict[str, object]:
    return {
        "severity": remark.severity.value,
        "place": remark.place,
        "code": remark.code.value,
        "values": remark.named,
        "text": words_of(remark),
    }


def print_remarks(remarks: Sequence[LintRemark]) -> None:
    if not remarks:
        stdout.print("Nothing to remark.")
        return
    table = Table("", "place", "what")
    for each in remarks:
        style = _STYLE[each.severity]
        table.add_row(
            f"[{style}]{each.severity.value}[/{style}]", escape(each.place), escape(words_of(each))
        )
    stdout.print(table)


def impact_document(impact: Impact, digest: Digest) -> dict[str, object]:
    """All of it, for machines; `digest` is what an approval names."""
    return {
        "digest": digest,
        "kind": impact.draft.kind.value,
        "subject": impact.draft.subject,
        "statement": impact.draft.proposed,
        "size": impact.position.size,
        "time": format_time(impact.time),
        "counts": {group.value: count for group, count in impact.counts.items()},
        "by_site": {site or "": _named(each) for site, each in impact.by_site.items()},
        "by_tee": {
            "" if tee is None else tee.value: _named(each) for tee, each in impact.by_tee.items()
        },
        "models": [
            {
                "model": each.model,
                "name": each.name,
                "before": each.before,
                "after": each.after,
                "not_measurable": each.unmeasured,
                "goes_dark": each.goes_dark,
                "newly_served": each.newly_served,
            }
            for each in impact.models
        ],
        "nodes": [_node(each) for each in impact.nodes],
    }


def print_impact(impact: Impact, digest: Digest) -> None:
    """The dangerous direction first."""
    for group, (title, style) in _GROUPS.items():
        _print_nodes(f"[{style}]{title}: {len(impact.of(group))}[/{style}]", impact.of(group))
    for each in impact.models:
        if each.goes_dark or each.newly_served:
            what = "GOES DARK" if each.goes_dark else "is newly served"
            stdout.print(
                f"Model {each.name or each.model} {what}: {each.before} nodes before, "
                f"{each.after} after, {each.unmeasured} not measurable",
                markup=False,
            )
    counts = ", ".join(f"{count} {group.value}" for group, count in impact.counts.items())
    stdout.print(f"{len(impact.nodes)} judged at log size {impact.position.size}: {counts}")
    stdout.print(f"Impact preview {digest}", markup=False)


def _print_nodes(heading: str, nodes: Sequence[NodeImpact]) -> None:
    if not nodes:
        return
    table = Table("node", "model", "site", "why", title=heading, title_justify="left")
    for each in nodes[:SHOWN]:
        why = "; ".join(_why(finding) for finding in each.decisive)
        model = each.model.removeprefix("sha256:")[:12]
        table.add_row(escape(each.node), model, escape(each.site or ""), escape(why))
    stdout.print(table)
    if len(nodes) > SHOWN:
        stdout.print(f"… and {len(nodes) - SHOWN} more: --json has them all")


def _named(counts: Mapping[Group, int]) -> dict[str, int]:
    return {group.value: count for group, count in counts.items() if count}


def _why(finding: Finding) -> str:
    return f"{finding.check}: {finding.found or 'nothing'}, not {finding.expected}"


def _node(impact: NodeImpact) -> dict[str, object]:
    return {
        "node": impact.node,
        "model": impact.model,
        "platform": impact.platform,
        "site": impact.site,
        "tee": impact.tee and impact.tee.value,
        "evidence": impact.evidence,
        "time": impact.time and format_time(impact.time),
        "outcome": impact.group.value,
        "decisive": [_finding(each) for each in impact.decisive],
        "changes": [_change(each) for each in impact.changes],
    }


def _change(change: FindingChange) -> dict[str, object]:
    return {
        "check": change.check,
        "before": change.before and _finding(change.before),
        "after": change.after and _finding(change.after),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "reason": finding.reason,
        "found": finding.found,
        "expected": finding.expected,
        "statement": finding.statement,
        "hint": finding.hint,
    }

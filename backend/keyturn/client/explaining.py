"""One node's newest entry examined and explained, as a document and as lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.strictjson import Json, JsonObject
from keyturn.base.times import format_time
from keyturn.client.evidence import Collateral, FleetEvidence
from keyturn.client.examination import Examination
from keyturn.client.seen import Seen
from keyturn.keyrelease.entries import RefusalEntry
from keyturn.keyrelease.observing import Logged, observe, unseen
from keyturn.policy.explaining import Explanation, Fault, Sharing, Source, explain
from keyturn.policy.findings import Finding
from keyturn.policy.observed import Observed
from keyturn.policy.repairing import Draft, Repair
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.state import AuthorityState


@dataclass(frozen=True, slots=True)
class Explained:
    """`request`: the exact bytes, None where nobody gives them."""

    logged: Logged
    examination: Examination
    observed: Observed
    explanation: Explanation
    request: bytes | None


def explain_examined(
    examination: Examination,
    logged: Logged,
    request: bytes | None,
    state: AuthorityState,
    now: datetime,
    collateral: Collateral,
    fleet: Sequence[Observed] = (),
    said: Mapping[str, Sharing] | None = None,
) -> Explained:
    """`state` is in force now; the examination was under what was in force at the entry.

    `said`: in place of a fleet, somebody's word on it.
    """
    trusted = anchors_in_force(state, now)[0]
    observed = (
        unseen(logged, state)
        if request is None
        else observe(
            request,
            logged,
            anchors=trusted,
            state=state,
            collateral=collateral.documents,
            as_of=collateral.as_of,
        )
    )
    entry = logged.entry
    reasons = entry.reasons if isinstance(entry, RefusalEntry) else ()
    explanation = explain(
        examination.checks, reasons, observed, state, now=now, fleet=fleet, said=said
    )
    return Explained(logged, examination, observed, explanation, request)


def explain_node(
    examination: Examination,
    seen: Seen,
    evidence: FleetEvidence,
    now: datetime,
    collateral: Collateral,
    fleet: Sequence[Observed] = (),
) -> Explained:
    """Of the node's newest entry, which was examined just now."""
    logged = seen.index.logged(examination.node)
    assert logged is not None  # else there was nothing to examine
    request = evidence.raw(logged.entry.evidence)
    return explain_examined(examination, logged, request, seen.state, now, collateral, fleet)


# ---- as a document ----


def explanation_document(found: Explanation) -> JsonObject:
    """Everything, for machines; names are stable."""
    return {
        "node": found.node,
        "model": found.model,
        "platform": found.platform,
        "evidence": found.evidence,
        "time": None if found.time is None else format_time(found.time),
        "measurable": found.measurable,
        "faults": [_fault(each) for each in found.faults],
        "said_only": list(found.said_only),
        "found_only": list(found.found_only),
        "repairs": [_repair(each) for each in found.repairs],
    }


def finding_document(finding: Finding) -> JsonObject:
    return {
        "check": finding.check,
        "outcome": finding.outcome.value,
        "found": finding.found,
        "expected": finding.expected,
        "statement": finding.statement,
        "reason": finding.reason,
        "hint": finding.hint,
    }


def draft_document(draft: Draft) -> JsonObject:
    """What `keyturn proposal new` takes: kind, subject, body."""
    return {"kind": draft.kind.value, "subject": draft.subject, "body": draft.body}


def _fault(fault: Fault) -> JsonObject:
    return {
        **finding_document(fault.finding),
        "difference": [
            {"found": each.found, "expected": each.expected, "same": each.same}
            for each in fault.difference.parts
        ],
        "set_by": None if fault.source is None else _source(fault.source),
        "shared_by": list(fault.shared_by),
        "passed_by": list(fault.passed_by),
        "repairs": [_repair(each) for each in fault.repairs],
    }


def _source(source: Source) -> JsonObject:
    return {
        "kind": source.kind.value,
        "subject": source.subject,
        "version": source.version,
        "digest": source.digest,
        "index": source.index,
        "since": format_time(source.since),
        "reason": source.reason,
        "proposer": source.proposer,
        "approvers": [
            {"officer": each.officer, "time": format_time(each.time)} for each in source.approvers
        ],
    }


def _repair(repair: Repair) -> JsonObject:
    draft = repair.draft
    return {
        "action": action_name(repair),
        "detail": _detail(repair),
        "risk": repair.risk.name.lower().replace("_", "-"),
        "why": repair.why.value,
        "draft": None if draft is None else draft_document(draft),
    }


def action_name(repair: Repair) -> str:
    """Stable: `ProposeBaseline` is `propose-baseline`."""
    name = type(repair.action).__name__
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


def _detail(repair: Repair) -> JsonObject:
    action = repair.action
    assert is_dataclass(action)
    found = asdict(action)
    found.pop("draft", None)
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> Json:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | None) else str(value)


# ---- for people ----

ACTIONS = {
    "restart-node": "ask again: the node's next release or renewal",
    "cosign-log": "have the witnesses cosign the log, then ask again",
    "fetch-collateral": "fetch newer collateral, or import a bundle that has it",
    "update-firmware": "update the machine's firmware",
    "remove-debug": "start the guest without its debug policy",
    "change-node": "change how the node is started",
    "renew-statement": "propose the statement anew",
    "propose-baseline": "propose this node's firmware as a new version of the baseline",
    "import-rim": "import the maker's RIM as a baseline, and propose it",
    "propose-platform": "propose the machine for the platform list",
    "propose-policy-caveat": "propose a policy that accepts the caveat by name",
    "move-on": "nothing to mend here: it was revoked",
    "investigate": "investigate: nothing that this evidence says can be relied on",
}
WHYS = {
    "allowed-now": "what is in force by now lets the same evidence pass",
    "nothing-changes": "nobody is trusted anew",
    "fresh-documents": "only the maker's newer word is taken",
    "known-gap": "the maker closed a weakness that this machine still has",
    "readable": "as it is, its host can read the model",
    "stricter": "the machine becomes what the rule asks; the rule stays",
    "met-elsewhere": "other nodes of this model run what is approved",
    "same-again": "nothing counts that was not approved before",
    "genuine": "it is proved, not debugged and no weaker than the rule asks; people judge it",
    "makers-word": "the maker signs what is good",
    "yours": "only people know whether it is theirs",
    "inherent": "no machine can be without this limit",
    "taken-away": "people took it away, and only a statement made since gives it back",
    "not-proved": "no statement mends what is not proved",
}


def explanation_lines(found: Explanation) -> Iterator[str]:
    """Plain text, a line at a time."""
    yield f"node {found.node}, platform {found.platform}, model {found.model}"
    if not found.measurable:
        yield "its evidence is not measurable: nothing that it says is relied on"
    for fault in found.faults:
        yield ""
        yield f"{fault.finding.check}: {fault.code}"
        yield f"  found     {fault.finding.found}"
        yield f"  expected  {fault.finding.expected}"
        yield f"  set by    {_set_by(fault.source)}"
        yield from _named("  the same fault: ", fault.shared_by)
        yield from _named("  passes: ", fault.passed_by)
    for code in found.said_only:
        yield f"said by the keyholder alone, found by no check here: {code}"
    for code in found.found_only:
        yield f"found here, not named by the log's entry: {code}"
    if found.repairs:
        yield ""
        yield "what would mend it, the safest first:"
    for place, each in enumerate(found.repairs, 1):
        name = action_name(each)
        detail = ", ".join(f"{key} {value}" for key, value in _detail(each).items() if value)
        yield f"  {place}. {ACTIONS[name]}{f' ({detail})' if detail else ''}"
        yield f"     because {WHYS[each.why.value]}; changes {each.risk.value}"


def _set_by(source: Source | None) -> str:
    if source is None:
        return "the protocol"
    approvers = ", ".join(each.officer for each in source.approvers)
    return (
        f"{source.kind.value} '{source.subject}' version {source.version}, log index "
        f"{source.index}, proposed by {source.proposer}, approved by {approvers}"
    )


def _named(head: str, nodes: Sequence[str]) -> Iterator[str]:
    if nodes:
        more = f" and {len(nodes) - 10} more" if len(nodes) > 10 else ""
        yield head + ", ".join(nodes[:10]) + more

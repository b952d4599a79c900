"""Why a node was refused: each failed check with its expectation's origin, who shares the fault,
and the safest way out of it.

Pure, over what was verified before. A repair is a proposal to people, never done by itself: what
an operator can mend is proposed before what would change a rule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest
from keyturn.policy.choosing import choose
from keyturn.policy.findings import Finding, failing
from keyturn.policy.judging import Judging
from keyturn.policy.mending import Case, in_order, repairs_of
from keyturn.policy.observed import Observed
from keyturn.policy.repairing import Repair
from keyturn.policy.sidebyside import Difference, compare
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce

SAID = "keyholder: "
"""What checks are called that only the keyholder's word is known of."""


@dataclass(frozen=True, slots=True)
class Approver:
    """An officer who approved, by the roster's name at the time of asking."""

    officer: OfficerId
    name: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """The statement that set an expectation, who proposed and approved it, and since when."""

    kind: Kind
    subject: str
    version: int
    digest: Digest
    index: int
    since: datetime
    reason: str
    proposer: OfficerId
    proposer_name: str
    approvers: tuple[Approver, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed check. `source` None: the protocol itself, or a statement nobody has.

    `shared_by`: other nodes with the same check failed over the same value; `passed_by`: nodes of
    the same model that meet it. By name, each at most once. `repairs`: the safest first.
    """

    finding: Finding
    difference: Difference
    source: Source | None
    shared_by: tuple[str, ...]
    passed_by: tuple[str, ...]
    repairs: tuple[Repair, ...]

    @property
    def code(self) -> str:
        """Stable: screens have words for it."""
        return self.finding.reason or ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one node. `said_only`: reasons that the log's entry names and no check made here finds;
    `found_only`: faults that it does not name. Both are told, not hidden.

    `repairs`: those of all faults, the safest first, each once.
    """

    node: str
    model: Digest
    platform: str
    evidence: Digest | None
    time: datetime | None
    measurable: bool
    faults: tuple[Fault, ...]
    said_only: tuple[str, ...]
    found_only: tuple[str, ...]
    repairs: tuple[Repair, ...]


Sharing = tuple[tuple[str, ...], tuple[str, ...]]
"""The nodes that share a fault, and those that pass."""


def explain(
    findings: Sequence[Finding],
    reasons: Sequence[str],
    observed: Observed,
    state: AuthorityState,
    *,
    now: datetime,
    fleet: Sequence[Observed] = (),
    others: Judging | None = None,
    said: Mapping[str, Sharing] | None = None,
) -> Explanation:
    """`findings`: every check made again of `observed`, under what was in force then; `reasons`:
    those that its refusal's entry names. `state` is in force at `now`, when it is to be mended.

    `others` judges the rest of the fleet under `state` at `now`; given when a fleet is explained
    node by node, so that nodes alike are judged once. `said`: who shares each check's fault and
    who passes it, by somebody's word, where there is no fleet to ask.
    """
    judging = others or Judging(state, now)
    faults = [each for each in failing(findings) if not each.check.startswith(SAID)]
    if said is None:
        sharing = _sharing(faults, observed, fleet, judging)
    else:
        sharing = [said.get(each.check, ((), ())) for each in faults]
    case = Case(observed, tuple(findings), state, choose(observed.model, state, now).rules, now)
    passing = _passing_now(observed, judging)
    explained = tuple(
        _fault(each, case, *shared, allowed=(each.check in passing), state=state)
        for each, shared in zip(faults, sharing, strict=True)
    )
    found = {each.reason for each in faults if each.reason}
    return Explanation(
        node=observed.node,
        model=observed.model,
        platform=observed.platform,
        evidence=observed.evidence,
        time=observed.time,
        measurable=observed.measurable,
        faults=explained,
        said_only=tuple(each for each in reasons if each not in found),
        found_only=tuple(sorted(found - set(reasons))) if reasons else (),
        repairs=in_order(repair for fault in explained for repair in fault.repairs),
    )


def source_of(digest: Digest | None, state: AuthorityState) -> Source | None:
    """None for an expectation of the protocol itself, and for a statement that the log lacks."""
    found = state.by_digest.get(digest) if digest is not None else None
    return None if found is None else _source(found, state.roster)


def _source(found: InForce, roster: Roster | None) -> Source:
    statement = found.statement
    counted = [
        each
        for each in found.approvals
        if each.officer in found.approved_by and each.decision is Decision.APPROVE
    ]
    return Source(
        kind=statement.kind,
        subject=statement.subject,
        version=statement.version,
        digest=statement.digest,
        index=found.index,
        since=found.since,
        reason=statement.reason,
        proposer=statement.proposer,
        proposer_name=_name(statement.proposer, roster),
        approvers=tuple(
            Approver(each.officer, _name(each.officer, roster), each.time)
            for each in sorted(counted, key=lambda each: (each.time, each.officer))
        ),
    )


def _name(officer: OfficerId, roster: Roster | None) -> str:
    known = roster.officers if roster is not None else {}
    return known[officer].name if officer in known else officer


def _fault(
    finding: Finding,
    case: Case,
    shared_by: tuple[str, ...],
    passed_by: tuple[str, ...],
    *,
    allowed: bool,
    state: AuthorityState,
) -> Fault:
    return Fault(
        finding=finding,
        difference=compare(finding.found, finding.expected),
        source=source_of(finding.statement, state),
        shared_by=shared_by,
        passed_by=passed_by,
        repairs=repairs_of(finding, case, allowed=allowed, others_pass=bool(passed_by)),
    )


def _sharing(
    faults: Sequence[Finding], observed: Observed, fleet: Sequence[Observed], judging: Judging
) -> list[Sharing]:
    """Of each fault, who has it over the same value, and who of the same model passes."""
    shared: list[set[str]] = [set() for _ in faults]
    passed: list[set[str]] = [set() for _ in faults]
    places = _by_check(faults)
    for each in fleet if faults else ():
        if each.node == observed.node:
            continue
        for finding in _findings(each, judging):
            for place in places.get(finding.check, ()):
                if finding.failed and finding.found == faults[place].found:
                    shared[place].add(each.node)
                elif finding.outcome is Outcome.MET and each.model == observed.model:
                    passed[place].add(each.node)
    return [(tuple(sorted(a)), tuple(sorted(b - a))) for a, b in zip(shared, passed, strict=True)]


def _by_check(faults: Sequence[Finding]) -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for place, each in enumerate(faults):
        found.setdefault(each.check, []).append(place)
    return found


def _findings(observed: Observed, judging: Judging) -> Iterable[Finding]:
    """What is not measurable has only the checks that say why."""
    if not observed.measurable:
        return observed.findings
    return (*observed.findings, *judging.judged(observed).findings)


def _passing_now(observed: Observed, judging: Judging) -> frozenset[str]:
    """The checks that the node's evidence meets under what is in force by now."""
    if not observed.measurable:
        return frozenset()
    findings = judging.judged(observed).findings
    failed = {each.check for each in failing(findings)}
    return frozenset(each.check for each in findings) - failed

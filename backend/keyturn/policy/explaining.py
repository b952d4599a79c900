"""Why a node was refused: each failed check with its expectation's origin, who shares the fault,
and the safest way out of it.

Pure, over what was verified before. A repair is a proposal to people, never done by itself: what
an operator can mend is proposed before what would change a rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding
from keyturn.policy.observed import Observed
from keyturn.policy.repairing import Repair
from keyturn.policy.rules import Rules
from keyturn.policy.sidebyside import Difference
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.state import AuthorityState

Judge = Callable[[Observed], Sequence[Finding]]
"""Every check that the statements in force make of a node's last evidence."""


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


def explain(
    findings: Sequence[Finding],
    reasons: Sequence[str],
    observed: Observed,
    state: AuthorityState,
    *,
    rules: Rules | None,
    fleet: Sequence[Observed] = (),
    judge: Judge | None = None,
    now: datetime,
) -> Explanation:
    """`findings`: every check made again of `observed`; `reasons`: those of the refusal's entry.

    `rules`: what the node's model leads to, None where nothing is in force. `judge` is asked of
    each other node in `fleet` that can be measured; None: no other node is compared.
    """
    raise NotImplementedError

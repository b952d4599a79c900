"""Approvals and rejections that the log holds before there is any quorum (our protocol §2.10).

An approval counts for nothing here: the statement's entry carries its own. A rejection counts from
its entry on, whatever is handed in later, so that nobody who submits can leave it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.quorum.approvals import Approval, Decision
from keyturn.quorum.roster import OfficerId


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision and the index of its entry."""

    approval: Approval
    index: int

    def says(self, approval: Approval) -> bool:
        """Whether it is this decision: the payload that was signed, not the envelope around it."""
        return self.approval.envelope.payload == approval.envelope.payload


Decisions = Mapping[Digest, tuple[LoggedDecision, ...]]
"""By the digest of a statement, in the log's order."""


def earlier(decisions: Decisions, index: int) -> Decisions:
    """Those with an entry before `index`."""
    kept = {
        digest: tuple(each for each in logged if each.index < index)
        for digest, logged in decisions.items()
    }
    return {digest: logged for digest, logged in kept.items() if logged}


def rejecters(logged: Sequence[LoggedDecision]) -> frozenset[OfficerId]:
    """Who rejected, at any time: a rejection is not taken back."""
    return frozenset(
        each.approval.officer for each in logged if each.approval.decision is Decision.REJECT
    )

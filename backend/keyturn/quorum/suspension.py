"""What no longer stands once keys are known to be compromised (our protocol §2.8).

A statement is counted again as if those keys had never signed. It must still have its threshold
in the roster that it came into force under, and in the newest roster before it that stands
itself: else a thief who had the roster changed would have everything after it by the new rules.
A roster that names keys itself is counted in the first of the two alone: else a second theft
could not be answered. The first roster stands by the pin. A revocation always stands: it only
takes away.
"""

from collections.abc import Iterable, Sequence

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.quorum.approvals import Approval
from keyturn.quorum.judge import approving
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.statements import Statement

Signed = tuple[Statement, Sequence[Approval]]


def falls_short(history: Iterable[Signed], compromised: frozenset[KeyId]) -> frozenset[Digest]:
    """Of everything that came into force, in the log's order, what does not stand without these."""
    short: set[Digest] = set()
    then: Roster | None = None  # in force at that place of the log
    standing: Roster | None = None
    for statement, approvals in history:
        body = statement.body
        knowing = isinstance(body, Roster) and body.compromised
        rosters = [each for each in (then, None if knowing else standing) if each is not None]
        holds = _holds(statement, approvals, rosters, compromised)
        if not holds:
            short.add(statement.digest)
        if isinstance(body, Roster):
            then = body
            standing = body if holds else standing
    return frozenset(short)


def _holds(
    statement: Statement,
    approvals: Sequence[Approval],
    rosters: Sequence[Roster],
    compromised: frozenset[KeyId],
) -> bool:
    if not rosters or statement.kind is Kind.REVOCATION:
        return True
    tried = [(roster, roster) for roster in rosters]
    if isinstance(statement.body, Roster):
        tried.append((statement.body, rosters[0]))
    return all(
        len(approving(statement, approvals, roster, in_force, compromised))
        >= roster.thresholds[statement.kind]
        for roster, in_force in tried
    )

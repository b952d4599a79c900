"""What waits for one officer: the number on the rail, and the order of the inbox. No Qt."""

from datetime import datetime

from keyturn.client.proposals import Status
from keyturn_app.facts import Facts
from keyturn_app.screens.approvals.case import Case, case_of, counts_as_approver, said


def waits_for(case: Case, officer: str, now: datetime) -> bool:
    """Whether `officer` may decide and has not, and a decision is what it waits for.

    What the keyholder refused with its quorum waits for a better proposal. Without one that is
    the server's word alone, and hides nothing.
    """
    return (
        case.undecided(now)
        and not (case.status is Status.REFUSED and case.missing == 0)
        and case.overtaken_by() is None
        and counts_as_approver(case.statement, case.roster, officer)
        and said(case.approvals, officer) is None
    )


def waiting_for_me(facts: Facts, officer: str, now: datetime) -> int:
    """0 where nothing is known, or nothing may be believed."""
    if facts.seen is None or facts.proposals is None or not facts.trusted:
        return 0
    seen = facts.seen
    return sum(waits_for(case_of(each, seen, now), officer, now) for each in facts.proposals.all)

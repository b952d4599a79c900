"""May a ceremony or restore be done now? Asked by whatever is about to do it (our protocol §2.6).

In force is not enough: its time must have come, and its people must still be what it takes by the
roster of this moment. Who lost a role or left since cannot take part any more.
"""

from datetime import datetime

from keyturn.base.times import format_time
from keyturn.quorum.ceremony_body import Ceremony, Restore, check_authorises
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, InForce


def authorised(
    state: AuthorityState, kind: Kind, subject: str, now: datetime
) -> tuple[InForce, Ceremony | Restore]:
    """The statement that lets it happen at `now`. Raises SubmissionRefused saying why none does."""
    found = state.require(kind, subject, now)
    body = found.statement.body
    if not isinstance(body, Ceremony | Restore):
        raise SubmissionRefused(
            SubmissionReason.NOT_IN_FORCE,
            f"a {kind.value} lets nobody do anything with keys",
            expected="a ceremony or a restore",
        )
    if now < body.window.not_before:
        raise SubmissionRefused(
            SubmissionReason.NOT_OPEN,
            "its time has not come",
            found=format_time(now),
            expected=f"from {format_time(body.window.not_before)}",
        )
    roster = state.roster_in_force(now)
    if roster is None or state.roster is None:
        raise SubmissionRefused(
            SubmissionReason.ROSTER_EXPIRED,
            "the roster in force has expired",
            hint="bring a renewed roster into force first",
        )
    check_authorises(body, state.roster, now)
    return found, body

"""What expires soon, so that somebody renews it in time: silence keeps no rule alive."""

from datetime import datetime, timedelta

from keyturn.quorum.state import AuthorityState, InForce

WARNING = timedelta(days=14)


def expiring(
    state: AuthorityState, now: datetime, within: timedelta = WARNING
) -> tuple[InForce, ...]:
    """The statements in force that expire no later than `within` from now, the first one first."""
    found = [
        (each.statement.expires, each.statement.kind.value, each.statement.subject, each)
        for each in in_force(state, now)
        if each.statement.expires is not None and each.statement.expires - now <= within
    ]
    return tuple(each[3] for each in sorted(found, key=lambda each: each[:3]))


def in_force(state: AuthorityState, now: datetime) -> tuple[InForce, ...]:
    """Everything that is in force now, in the order of the log."""
    found = [
        each
        for kind, subject in state.newest
        if (each := state.in_force(kind, subject, now)) is not None
    ]
    return tuple(sorted(found, key=lambda each: each.index))

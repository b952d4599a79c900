"""Enforces who may ask what (our protocol §7.5), by the one table of `wire.reading`.

A route that is not in the table cannot be built, so that nothing is readable by oversight.
"""

from keyturn.control.errors import RoleLacking
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import Officer
from keyturn.wire.reading import FLEET, PROPOSALS, TABLE, Roles

_LOGGED = frozenset(
    {
        "in-force",
        "revocation",
        "decision",
        "ceremony",
        "report",
        "configuration",
        "history-rewritten",
        "rebuilt",
    }
)
_OF_PROPOSALS = frozenset({"proposal", "approval", "refused"})
_OF_FLEET = frozenset(
    {
        "model",
        "grant",
        "renewal",
        "refusal",
        "heartbeat-lost",
        "wiped",
        "platform-changed",
        "collateral",
    }
)


def roles_for(method: str, path: str) -> Roles:
    """Who may ask; None: every officer. Raises LookupError for a route without an entry."""
    try:
        return TABLE[(method, path)]
    except KeyError:
        raise LookupError(f"wire/reading.py does not say who may ask {method} {path}") from None


def check(officer: Officer, roles: Roles) -> None:
    """Raises RoleLacking unless the officer has one of the roles."""
    if roles is None or officer.roles & roles:
        return
    raise RoleLacking(
        f"the roles of {officer.id} do not include this",
        found=_named(officer.roles) or "no role",
        expected=" or ".join(_named(roles).split(", ")),
        hint="The roster says who has which role; a new version of it may give you another.",
    )


def all_proposals(officer: Officer) -> bool:
    """Whether more than the open revocations is the officer's to read."""
    return bool(officer.roles & PROPOSALS)


def event_kinds(officer: Officer) -> frozenset[str]:
    """The kinds of events that the officer may read."""
    kinds = _LOGGED
    if officer.roles & PROPOSALS:
        kinds |= _OF_PROPOSALS
    if officer.roles & FLEET:
        kinds |= _OF_FLEET
    return kinds


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(each.value for each in roles))

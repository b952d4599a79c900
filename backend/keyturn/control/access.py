"""Which roles may ask what (our protocol §7.5): one table for every route behind a session.

A route that is not in the table cannot be built, so that nothing is readable by oversight.
"""

from collections.abc import Mapping

from keyturn.control.errors import RoleLacking
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import Officer

JUDGING = frozenset({Role.PROPOSER, Role.APPROVER, Role.AUDITOR})
PROPOSALS = JUDGING | {Role.CUSTODIAN}
FLEET = JUDGING | {Role.OPERATOR}
EVERY_OFFICER = None
"""Also those without any role: the log is there to be checked by all."""

Roles = frozenset[Role] | None

TABLE: Mapping[tuple[str, str], Roles] = {
    ("GET", "/v1/log/checkpoint"): EVERY_OFFICER,
    ("GET", "/v1/log/entries"): EVERY_OFFICER,
    ("GET", "/v1/log/receipts/{index}"): EVERY_OFFICER,
    ("GET", "/v1/log/consistency"): EVERY_OFFICER,
    ("GET", "/v1/log/objects/{digest}"): EVERY_OFFICER,
    ("GET", "/v1/events"): EVERY_OFFICER,  # by kind: see `event_kinds`
    ("GET", "/v1/proposals"): PROPOSALS | {Role.WITNESS},  # a witness: see `all_proposals`
    ("GET", "/v1/proposals/{digest}"): PROPOSALS | {Role.WITNESS},
    ("GET", "/v1/proposals/{digest}/export"): PROPOSALS,
    ("POST", "/v1/proposals"): frozenset({Role.PROPOSER}),
    ("POST", "/v1/proposals/{digest}/approvals"): PROPOSALS,
    ("POST", "/v1/proposals/{digest}/withdrawal"): PROPOSALS,
    ("GET", "/v1/models"): FLEET,
    ("GET", "/v1/models/{digest}"): FLEET,
    ("GET", "/v1/models/{digest}/manifest"): FLEET,
    ("POST", "/v1/models"): frozenset({Role.OPERATOR, Role.PROPOSER}),
    ("GET", "/v1/nodes"): FLEET,
    ("GET", "/v1/nodes/{name}"): FLEET,
    ("GET", "/v1/evidence/{digest}"): FLEET,
}

_LOGGED = frozenset({"in-force", "revocation", "history-rewritten", "rebuilt"})
_OF_PROPOSALS = frozenset({"proposal", "approval", "refused"})
_OF_FLEET = frozenset(
    {"model", "grant", "renewal", "refusal", "heartbeat-lost", "wiped", "platform-changed"}
)


def roles_for(method: str, path: str) -> Roles:
    """Who may ask; None: every officer. Raises LookupError for a route without an entry."""
    try:
        return TABLE[(method, path)]
    except KeyError:
        raise LookupError(f"control/access.py does not say who may ask {method} {path}") from None


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

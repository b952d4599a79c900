"""Which roles may ask what of the control plane (our protocol §7.5), for both ends.

The server refuses by this table; a client knows by it whether a server that says *your roles do not
include this* tells the truth.
"""

import re
from collections.abc import Mapping

from keyturn.quorum.kinds import Role

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
    ("GET", "/v1/log/cosignatures"): EVERY_OFFICER,
    ("POST", "/v1/log/cosignatures"): EVERY_OFFICER,  # the keyholder knows whose key is a witness
    ("GET", "/v1/unseal"): EVERY_OFFICER,
    ("POST", "/v1/unseal/shares"): frozenset({Role.CUSTODIAN}),
    ("POST", "/v1/seal"): frozenset({Role.CUSTODIAN, Role.OPERATOR}),
    ("GET", "/v1/events"): EVERY_OFFICER,  # by kind
    ("GET", "/v1/enrolments"): JUDGING,
    ("DELETE", "/v1/enrolments/{digest}"): frozenset({Role.PROPOSER}),
    ("GET", "/v1/proposals"): PROPOSALS | {Role.WITNESS},  # a witness: open revocations
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
    ("GET", "/v1/collateral"): FLEET,
    ("GET", "/v1/collateral/status"): FLEET,
    ("POST", "/v1/collateral"): frozenset({Role.OPERATOR, Role.PROPOSER}),  # the keyholder judges
    ("POST", "/v1/evidence/batch"): FLEET,
    ("GET", "/v1/hsm"): FLEET | {Role.CUSTODIAN},
    ("POST", "/v1/ceremonies/ask"): EVERY_OFFICER,  # the host knows whose signature it needs
}


def includes(roles: frozenset[Role], method: str, path: str) -> bool:
    """Whether these roles may ask a path as it was asked; False for one that is not in the table.

    Of a newer server's routes a client knows nothing: then the server's word stands.
    """
    for (known, template), needed in TABLE.items():
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return needed is None or bool(roles & needed)
    return False

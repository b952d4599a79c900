"""A roster of officers' own keys."""

from collections.abc import Iterable
from typing import cast

from keyturn.base.strictjson import Fields, JsonObject
from keyturn.keyholder.initialise import DEFAULT_ROLES
from keyturn.officerkeys.keypair import OfficerSecret
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.roster import Roster, parse_roster


def roster_of(secrets: Iterable[OfficerSecret]) -> Roster:
    body = {
        "simulation": True,
        "officers": [each.public.roster_entry(DEFAULT_ROLES) for each in secrets],
        "thresholds": {kind.value: count for kind, count in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [Kind.REVOCATION.value],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }
    return parse_roster(Fields(cast("JsonObject", body), "roster"))

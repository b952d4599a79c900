"""A server's word about collateral: read strictly, and no proof of anything."""

from datetime import UTC, datetime

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.client.collateralstatus import read_status
from keyturn.collateral.staleness import State
from support.carried import Shelf
from support.collateral import IntelDesk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INTEL = IntelDesk()


def answer() -> dict[str, object]:
    found = Shelf(NOW, list(INTEL.everything(NOW))).answer("GET", "/v1/collateral/status", {})
    return {**found, "failed": [{"kind": "amd-crl", "scope": "x", "reason": "away", "hint": ""}]}


def test_what_is_said_is_by_digest() -> None:
    found = read_status(Fields(answer(), "collateral"))
    assert not found.fetching
    states = {each.state for each in found.documents.values()}
    assert (len(found.documents), states) == (4, {State.FRESH})
    assert all(each.held and each.source == "handed in" for each in found.documents.values())
    assert found.failed[0].reason == "away"


@pytest.mark.parametrize(
    "change",
    [
        {"fetching": 1},
        {"fetched": "yesterday"},
        {"documents": [{}]},
        {"failed": None},
        {"more": 1},
        {"documents": [{**answer()["documents"][0], "state": "good"}]},  # type: ignore[index]
        {"documents": [{**answer()["documents"][0], "held": "yes"}]},  # type: ignore[index]
    ],
)
def test_what_is_no_status_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_status(Fields({**answer(), **change}, "collateral"))

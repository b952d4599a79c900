"""Handing in collateral: what the keyholder keeps is kept here, and given to its next process."""

import secrets
from datetime import UTC, datetime, timedelta

from keyturn.base.collateral import CollateralDocument
from keyturn.wire.keyholder import HandCollateral
from support.collateral import IntelDesk
from support.control import World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INTEL = IntelDesk()


def handed(world: World) -> list[CollateralDocument]:
    """All that came to the keyholder, in order."""
    asked = world.keyholder.asked
    return [doc for each in asked if isinstance(each, HandCollateral) for doc in each.documents]


def body(*documents: CollateralDocument) -> dict[str, object]:
    return {"documents": [each.to_document() for each in documents]}


def test_a_keyholder_that_starts_is_handed_in_again_what_was_kept(world: World) -> None:
    documents = INTEL.everything(NOW)
    with world.sign_in() as client:
        assert client.post("/v1/collateral", json=body(*documents)).status_code == 200
    assert handed(world) == list(documents)

    world.keyholder.boot = secrets.token_hex(16)
    world.until(lambda: len(handed(world)) == 8)
    again = handed(world)[4:]
    assert {each.digest for each in again} == {each.digest for each in documents}


def test_of_each_place_the_newest_is_kept(world: World) -> None:
    old, new = INTEL.root_crl(NOW, 1), INTEL.root_crl(NOW + timedelta(hours=1), 2)
    with world.sign_in() as client:
        client.post("/v1/collateral", json=body(old))
        client.post("/v1/collateral", json=body(new))
        found = client.get("/v1/collateral").json()
    assert found == {"documents": [new.to_document()], "next": None}


def test_pages_lose_nothing(world: World, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("keyturn.control.collateral.MAX_COLLATERAL", 3)
    documents = INTEL.everything(NOW)
    with world.sign_in() as client:
        client.post("/v1/collateral", json=body(*documents))
        first = client.get("/v1/collateral").json()
        rest = client.get("/v1/collateral", params={"after": first["next"]}).json()
    assert len(first["documents"]) == 3
    assert rest["next"] is None
    scopes = {each["kind"] for each in first["documents"] + rest["documents"]}
    assert scopes == {each.kind.value for each in documents}

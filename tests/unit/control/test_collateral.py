"""Handing in collateral: what the keyholder keeps is kept here, and given to its next process."""

import secrets
from dataclasses import replace
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


def test_a_refused_chain_is_not_kept_for_the_same_data_with_a_good_one(world: World) -> None:
    """The attack: one list twice in one question, the second time under a chain that proves
    nothing; the digest of both was kept, and the last one stood for clients and next keyholders."""
    good = INTEL.root_crl(NOW, 1)
    bent = replace(good, chain=(INTEL.everything(NOW)[0].chain[0], *good.chain))
    world.keyholder.proves = lambda document: document.chain == good.chain
    with world.sign_in() as client:
        assert client.post("/v1/collateral", json=body(good, bent)).json()["kept"] == [good.digest]
        found = client.get("/v1/collateral").json()
    assert found["documents"] == [good.to_document()]

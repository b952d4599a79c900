"""Who hands collateral in and who reads it; the keyholder's word comes back as it is."""

from datetime import UTC, datetime

import pytest

from keyturn.base.collateral import CollateralDocument, CollateralKind
from support.control import World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DOCUMENT = CollateralDocument(CollateralKind.NVIDIA_OCSP, "ab" * 32, b"answer", (b"cert",))
WRITTEN = DOCUMENT.to_document()


def test_what_the_keyholder_says_comes_back(world: World) -> None:
    with world.sign_in() as client:
        answer = client.post("/v1/collateral", json={"documents": [WRITTEN]})
        assert answer.json() == {"kept": [DOCUMENT.digest], "refused": []}
        assert client.get("/v1/collateral").json() == {"documents": [WRITTEN], "next": None}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"documents": None},
        {"documents": [1]},
        {"documents": [{}]},
        {"documents": [{**WRITTEN, "more": 1}]},
        {"documents": [{**WRITTEN, "data": "*"}]},
        {"documents": [{**WRITTEN, "scope": "../x"}]},
        {"documents": [WRITTEN] * 65},
        {"documents": [], "more": 1},
    ],
)
def test_what_is_no_collateral_is_refused(standing: World, body: object) -> None:
    with standing.sign_in() as client:
        assert client.post("/v1/collateral", json=body).status_code == 400


@pytest.mark.parametrize("after", ["x", "AB" * 32, "ab" * 33])
def test_a_page_behind_nothing_is_refused(standing: World, after: str) -> None:
    with standing.sign_in() as client:
        assert client.get("/v1/collateral", params={"after": after}).status_code == 400


def test_strangers_neither_read_nor_hand_in(standing: World) -> None:
    with standing.client() as client:
        assert client.get("/v1/collateral").status_code == 401
        assert client.post("/v1/collateral", json={"documents": []}).status_code == 401

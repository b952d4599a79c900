"""What the keyholder tells of its token is handed on, to those who may read it."""

from keyturn.base.strictjson import Fields
from keyturn.client.hsm import read_hsm
from support import tokens
from support.control import World


def test_the_keyholders_word_comes_back(world: World) -> None:
    world.keyholder.hsm = tokens.answer()
    with world.sign_in() as client:
        said = read_hsm(Fields(client.get("/v1/hsm").json(), "HSM"))
    assert said.inventory == tokens.INVENTORY
    assert said.preflight is not None
    assert said.preflight.report == tokens.REPORT


def test_a_keyholder_that_tells_nothing_is_not_found(world: World) -> None:
    with world.sign_in() as client:
        assert client.get("/v1/hsm").status_code == 404


def test_a_keyholder_that_tells_something_else_is_not_handed_on(world: World) -> None:
    world.keyholder.hsm = {**tokens.answer(), "more": 1}
    with world.sign_in() as client:
        answer = client.get("/v1/hsm")
    assert answer.status_code == 400
    assert "unknown field" in answer.text


def test_strangers_are_told_nothing(standing: World) -> None:
    with standing.client() as client:
        assert client.get("/v1/hsm").status_code == 401

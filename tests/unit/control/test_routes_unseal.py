"""Unseal and seal are forwarded as they come, to those who may, and nothing is read of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.keyholder.errors import KeyholderSealed
from keyturn.wire.keyholder import AnyRequest, AskChallenge, AskHello
from keyturn.wire.unsealing import AskSeal, AskUnseal, HandShare, ShareTaken
from support.authority import Authority, Clock
from support.control import LocalKeyholder, World, running_server
from support.founded import wait_for
from unit.wire.test_unsealing import NEWS


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A keyholder that is sealed, and says what a test's keyholder can say."""
    clock = Clock()
    authority = Authority(clock)
    for each in authority.people.values():
        each.roles = ("proposer", "approver", "custodian")
    keyholder = LocalKeyholder(tmp_path / "k.sock", authority, clock)
    with keyholder.serving(), running_server(tmp_path, keyholder, clock) as made:
        honest = made.keyholder.answer

        def answer(request: AnyRequest) -> dict[str, object]:
            match request:
                case AskUnseal():
                    return dict(NEWS.document())
                case HandShare():
                    return dict(ShareTaken(("ada",), 2, sealed=True).document())
                case AskSeal():
                    return {"index": 7}
                case AskChallenge():
                    raise KeyholderSealed
                case AskHello():
                    return {**honest(request), "sealed": True}
                case _:
                    return honest(request)

        monkeypatch.setattr(made.keyholder, "answer", answer)
        yield made


def test_what_the_keyholder_says_is_passed_on(world: World) -> None:
    with world.sign_in() as client:
        answer = client.get("/v1/unseal")
        assert answer.status_code == 200
        assert answer.json() == NEWS.document()


def test_a_share_goes_on_as_it_came(world: World) -> None:
    with world.sign_in() as client:
        body = {"envelope": b64(b"an envelope"), "attached": [b64(b"sealed")]}
        answer = client.post("/v1/unseal/shares", json=body)
    assert answer.json() == {"entered": ["ada"], "missing": 2, "sealed": True}
    (handed,) = [each for each in world.keyholder.asked if isinstance(each, HandShare)]
    assert (handed.envelope, handed.attached) == (b"an envelope", (b"sealed",))


def test_an_order_to_seal_goes_on(world: World) -> None:
    with world.sign_in() as client:
        answer = client.post("/v1/seal", json={"envelope": b64(b"an order")})
    assert answer.json() == {"index": 7}
    (order,) = [each for each in world.keyholder.asked if isinstance(each, AskSeal)]
    assert order.envelope == b"an order"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"envelope": "?", "attached": []},
        {"envelope": b64(b"e"), "attached": ["?"]},
        {"envelope": b64(b"e"), "attached": [b64(b"a"), b64(b"b")]},
        {"envelope": b64(b"e"), "attached": [b64(b"a")], "more": 1},
        {"envelope": b64(bytes(300 << 10)), "attached": [b64(b"a")]},
    ],
)
def test_what_has_not_the_form_goes_nowhere(world: World, body: dict[str, object]) -> None:
    with world.sign_in() as client:
        answer = client.post("/v1/unseal/shares", json=body)
    assert answer.status_code in (400, 413)
    assert not [each for each in world.keyholder.asked if isinstance(each, HandShare)]


def test_strangers_are_told_nothing(world: World) -> None:
    with world.client() as client:
        assert client.get("/v1/unseal").status_code == 401
        assert client.post("/v1/seal", json={"envelope": ""}).status_code == 401
        assert client.post("/v1/unseal/shares", json={}).status_code == 401


def test_a_sealed_keyholder_is_out_of_reach_for_nodes_and_said_so(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/challenges", json={})
        assert answer.status_code == 503
        assert answer.json()["error"]["message"] == "the keyholder is sealed"
        wait_for(lambda: client.get("/v1/hello").json()["sealed"] is True)
        assert client.get("/healthz").json()["sealed"] is True

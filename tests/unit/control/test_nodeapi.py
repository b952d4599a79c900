"""The nodes' routes: exact bytes through, the keyholder's answer back, no session."""

import pytest

from keyturn.base.encoding import b64, digest_of
from keyturn.wire.keyholder import AskTpmCredential
from support.control import TestNode, World

MODEL = digest_of(b"a manifest")
NODE_ROUTES = ("/v1/challenges", "/v1/tpm-credentials", "/v1/releases", "/v1/heartbeats")


def test_a_node_needs_no_session(standing: World) -> None:
    node = TestNode(MODEL)
    with standing.client() as client:
        issued = client.post("/v1/challenges").json()
        assert set(issued) == {"challenge", "valid_seconds"}
        granted = client.post("/v1/releases", content=node.request(issued["challenge"]))
        beat = node.beat(granted.json()["lease"], standing.clock)
        answer = client.post("/v1/heartbeats", content=beat)
    assert granted.status_code == 200
    assert (answer.status_code, answer.json()) == (200, {"revocations": []})


def test_a_refusal_is_403_and_comes_as_the_keyholder_wrote_it(world: World) -> None:
    world.keyholder.granting = False
    with world.client() as client:
        challenge = client.post("/v1/challenges").json()["challenge"]
        answer = client.post("/v1/releases", content=TestNode(MODEL).request(challenge))
    assert answer.status_code == 403
    assert answer.json()["reasons"] == [
        {
            "check": "firmware",
            "reason": "measurement",
            "found": "aa",
            "expected": "bb",
            "statement": None,
            "hint": "use known firmware",
        }
    ]


def test_a_tpms_keys_go_to_the_keyholder_and_its_answer_comes_back(world: World) -> None:
    """The keyholder of this test turns round what it is handed."""
    question = {"ak": b64(b"AK"), "ek": b64(b"EK"), "chain": [b64(b"leaf"), b64(b"issuer")]}
    with world.client() as client:
        answer = client.post("/v1/tpm-credentials", json=question)
        for wrong in ({**question, "more": 1}, {**question, "ak": None}, {"ak": b64(b"AK")}):
            assert client.post("/v1/tpm-credentials", json=wrong).status_code == 400
    assert (answer.status_code, answer.json()) == (200, {"blob": b64(b"KA"), "secret": b64(b"KE")})
    assert AskTpmCredential(b"AK", b"EK", (b"leaf", b"issuer")) in world.keyholder.asked


def test_a_heartbeat_of_no_lease_is_not_found(standing: World) -> None:
    with standing.client() as client:
        beat = TestNode(MODEL).beat("00" * 16, standing.clock)
        assert client.post("/v1/heartbeats", content=beat).status_code == 404


@pytest.mark.parametrize("path", NODE_ROUTES[1:])
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"type":"x","type":"x"}'])
def test_what_is_no_document_is_refused(standing: World, path: str, body: bytes) -> None:
    with standing.client() as client:
        assert client.post(path, content=body).status_code == 400


@pytest.mark.parametrize("path", NODE_ROUTES)
def test_they_are_only_posted_to(standing: World, path: str) -> None:
    with standing.client() as client:
        assert client.put(path).status_code == 404

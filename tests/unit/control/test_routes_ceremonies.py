"""Officers reach the host of a ceremony through the server, which adds and hides nothing."""

from typing import Any

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import UntrustedError
from keyturn.wire.ceremonies import AskCeremonies, SignStep
from support.control import World


@pytest.fixture
def hosted(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A keyholder that answers two questions of §10.7."""

    def answer(question: object) -> dict[str, object]:
        match question:
            case AskCeremonies():
                return {"host": b64(b"host"), "ceremonies": []}
            case SignStep(envelope=b"forged"):
                raise UntrustedError("no signature of yours", found="forged", expected="yours")
            case SignStep():
                return {"seq": 3, "event": "done"}
        return before(question)  # type: ignore[arg-type]

    before = world.keyholder.answer
    monkeypatch.setattr(world.keyholder, "answer", answer)
    return world


def sign(envelope: bytes) -> dict[str, Any]:
    return {"request": SignStep("genesis-1", envelope, (b"share",)).document()}


def test_a_question_is_forwarded_and_its_answer_comes_back(hosted: World) -> None:
    with hosted.sign_in() as client:
        found = client.post("/v1/ceremonies/ask", json={"request": {"op": "ceremonies"}}).json()
        assert found == {"answer": {"host": b64(b"host"), "ceremonies": []}}
        done = client.post("/v1/ceremonies/ask", json=sign(b"envelope")).json()
    assert done == {"answer": {"seq": 3, "event": "done"}}
    asked = [each for each in hosted.keyholder.asked if isinstance(each, SignStep)]
    assert asked == [SignStep("genesis-1", b"envelope", (b"share",))]


def test_the_hosts_no_is_told_as_the_keyholders(hosted: World) -> None:
    with hosted.sign_in() as client:
        answer = client.post("/v1/ceremonies/ask", json=sign(b"forged"))
    assert answer.status_code == 502
    error = answer.json()["error"]
    assert (error["kind"], error["message"]) == ("untrusted", "no signature of yours")
    assert (error["found"], error["expected"]) == ("forged", "yours")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"request": {"op": "ceremonies"}, "more": 1}, 400),
        ({"request": {"op": "submit", "statement": "", "approvals": []}}, 404),
        ({"request": {"op": "ceremony-rewrap", "ceremony": "x", "items": ""}}, 404),
        ({"request": {"op": "ceremony", "ceremony": "x"}}, 400),
    ],
)
def test_other_bodies_are_refused(hosted: World, body: dict[str, Any], status: int) -> None:
    with hosted.sign_in() as client:
        assert client.post("/v1/ceremonies/ask", json=body).status_code == status


def test_nobody_asks_without_a_session(hosted: World) -> None:
    with hosted.client() as client:
        answer = client.post("/v1/ceremonies/ask", json={"request": {"op": "ceremonies"}})
    assert answer.status_code == 401

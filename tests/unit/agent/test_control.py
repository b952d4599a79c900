"""The control plane over HTTPS: errors told apart, nothing believed for its form alone."""

import json
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.agent.control import HttpControl
from keyturn.agent.errors import ControlAnswerMalformed, ControlRefused, ControlUnreachable
from keyturn.agent.keys import NodeKeys, tls_digest
from keyturn.base.encoding import b64
from keyturn.keyrelease.grant import RefusalDocument
from keyturn.wire.tls import Pin

CHALLENGE = "c5" * 56


class Peer:
    """Answers every path with one status and body, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.got: list[tuple[str, bytes]] = []

    async def __call__(self, request: Request) -> Response:
        self.got.append((request.url.path, await request.body()))
        return Response(self.body, self.status)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def control(peer: Peer, https, node_keys: NodeKeys):
    route = Route("/{path:path}", peer.__call__, methods=["GET", "POST"])
    with https(Starlette(routes=[route])) as url:
        control = HttpControl(url, Pin(tls_digest(node_keys)))
        yield control
        control.close()


def test_asks_for_a_challenge(control: HttpControl, peer: Peer) -> None:
    peer.body = json.dumps({"challenge": CHALLENGE, "valid_seconds": 120}).encode()

    assert control.challenge() == bytes.fromhex(CHALLENGE)


def test_asks_for_a_credential_of_its_tpm(control: HttpControl, peer: Peer) -> None:
    peer.body = json.dumps({"blob": b64(b"blob"), "secret": b64(b"secret")}).encode()

    made = control.tpm_credential(b"AK", b"EK", (b"leaf",))

    assert (made.blob, made.secret) == (b"blob", b"secret")
    ((path, sent),) = peer.got
    assert path == "/v1/tpm-credentials"
    assert json.loads(sent) == {"ak": b64(b"AK"), "ek": b64(b"EK"), "chain": [b64(b"leaf")]}


@pytest.mark.parametrize("answer", [{}, {"blob": "?"}, {"blob": "", "secret": "", "x": 1}])
def test_a_credential_that_is_none_is_malformed(
    control: HttpControl, peer: Peer, answer: dict[str, object]
) -> None:
    peer.body = json.dumps(answer).encode()
    with pytest.raises(ControlAnswerMalformed):
        control.tpm_credential(b"AK", b"EK", ())


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        json.dumps({"challenge": "c5", "valid_seconds": 120}).encode(),
        json.dumps({"challenge": CHALLENGE, "valid_seconds": 120, "x": 1}).encode(),
    ],
)
def test_garbage_is_no_challenge(control: HttpControl, peer: Peer, body: bytes) -> None:
    peer.body = body

    with pytest.raises(ControlAnswerMalformed):
        control.challenge()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, ControlUnreachable), (502, ControlUnreachable), (503, ControlUnreachable),
     (429, ControlUnreachable), (404, ControlRefused), (400, ControlRefused)],
)  # fmt: skip
def test_what_may_pass_is_told_from_a_no(
    control: HttpControl, peer: Peer, status: int, kind: type[Exception]
) -> None:
    error = {"kind": "x", "message": "no such model", "found": "a", "expected": "b", "hint": "c"}
    peer.status, peer.body = status, json.dumps({"error": error}).encode()

    with pytest.raises(kind, match="no such model; found a; expected b"):
        control.release(b"{}")


def test_a_refusal_is_a_value(control: HttpControl, peer: Peer) -> None:
    peer.status = 403
    peer.body = json.dumps(
        {
            "type": "refusal", "format": 1, "purpose": "release", "challenge": CHALLENGE,
            "model": "sha256:" + "00" * 32, "reasons": [], "logged": False,
        }
    ).encode()  # fmt: skip

    assert isinstance(control.release(b"the exact bytes"), RefusalDocument)
    assert peer.got == [("/v1/releases", b"the exact bytes")]


def test_reads_revocations(control: HttpControl, peer: Peer) -> None:
    found = {"statement": b64(b"s"), "approvals": [b64(b"a")], "receipt": {"type": "receipt"}}
    peer.body = json.dumps({"revocations": [found]}).encode()

    (document,) = control.heartbeat(b"beat")

    assert (document.statement, document.approvals) == (b"s", (b"a",))
    assert json.loads(document.receipt) == {"type": "receipt"}


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.pop("receipt"),
        lambda each: each.update(receipt="text"),
        lambda each: each.update(approvals=["?"]),
        lambda each: each.update(more=1),
    ],
)
def test_malformed_revocations_are_refused(
    control: HttpControl, peer: Peer, change: Callable[[dict[str, object]], None]
) -> None:
    each: dict[str, object] = {"statement": b64(b"s"), "approvals": [], "receipt": {}}
    change(each)
    peer.body = json.dumps({"revocations": [each]}).encode()

    with pytest.raises(ControlAnswerMalformed):
        control.heartbeat(b"beat")


def test_reads_the_authority(control: HttpControl, peer: Peer) -> None:
    peer.body = json.dumps({"bundle": b64(b"bundle")}).encode()

    assert control.authority() == b"bundle"


def test_nobody_there_is_unreachable(node_keys: NodeKeys) -> None:
    with pytest.raises(ControlUnreachable):
        HttpControl("https://127.0.0.1:1", Pin(tls_digest(node_keys))).challenge()

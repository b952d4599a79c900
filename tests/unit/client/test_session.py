"""Signing in signs what the protocol says, for the key that this client pinned."""

import json

import httpx
import pytest

from keyturn.base.encoding import unb64
from keyturn.client.errors import ServerLied
from keyturn.client.session import sign_in
from keyturn.client.transport import Transport
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.judge import signer_of
from keyturn.wire.signin import parse_sign_in
from support.authority import Clock
from unit.client.scripted_server import PIN, ScriptedServer

SERVER = ScriptedServer(Clock())
SIGNER = OfficerSigner(SERVER.secrets["bela"])


def transport(posted: list[bytes], officer: str = "bela") -> Transport:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/session/challenges":
            return httpx.Response(200, json={"nonce": "17" * 32, "expires": "2026-11-23T08:01:00Z"})
        posted.append(unb64(json.loads(request.content)["envelope"]))
        times = {"expires": "2026-11-23T08:15:00Z"}
        return httpx.Response(200, json={"token": "t", "officer": officer, "roles": [], **times})

    return Transport(httpx.Client(transport=httpx.MockTransport(handler), base_url="https://test"))


def test_nonce_server_and_officer_are_signed_by_the_officer() -> None:
    posted: list[bytes] = []
    session = sign_in(transport(posted), PIN, SIGNER, SERVER.clock())
    signed = parse_sign_in(posted[0])
    assert (signed.officer, signed.nonce, signed.server) == ("bela", "17" * 32, PIN)
    assert signed.time == SERVER.clock()
    assert SERVER.state.roster is not None
    assert signer_of(signed.envelope, SERVER.state.roster).id == "bela"
    assert (session.token, session.officer, session.pin) == ("t", "bela", PIN)


def test_being_signed_in_as_somebody_else_is_a_lie() -> None:
    with pytest.raises(ServerLied, match="somebody else"):
        sign_in(transport([], "ada"), PIN, SIGNER, SERVER.clock())

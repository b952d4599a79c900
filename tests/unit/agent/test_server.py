"""The node's HTTPS: the attested key, the gate, limits, and silence about what is asked (I7)."""

import asyncio
import json
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from keyturn.agent.engine import Embeddings
from keyturn.agent.errors import Overloaded
from keyturn.agent.keys import NodeKeys, tls_digest
from keyturn.agent.openai import MAX_BODY
from keyturn.agent.server import NodeServer, listen
from keyturn.agent.service import Closed, Open, Service
from keyturn.base.encoding import Digest
from keyturn.wire.errors import PinMismatch
from keyturn.wire.tls import Pin, pinned_client

PROMPT = "a prompt that nobody may write down"
DIGEST = Digest("sha256:" + "ab" * 32)


class FixedEngine:
    """Two numbers for any text, or an error."""

    dimensions = 2
    error: Exception | None = None

    def embed(self, texts) -> Embeddings:
        if self.error:
            raise self.error
        return Embeddings(np.ones((len(texts), 2), np.float32), 3 * len(texts))


@pytest.fixture
def service() -> Service:
    return Service(lambda: 100.0, "mini", DIGEST, gate=Open(FixedEngine(), 160.0))  # type: ignore[arg-type]


@contextmanager
def running(service: Service, keys: NodeKeys) -> Iterator[str]:
    listener = listen("127.0.0.1", 0)
    server = NodeServer(service, listener, keys.server_context())
    thread = threading.Thread(target=lambda: asyncio.run(server.run()))
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def client(service: Service, node_keys: NodeKeys):
    with (
        running(service, node_keys) as url,
        pinned_client(url, Pin(tls_digest(node_keys)), timeout=10) as client,
    ):
        yield client


def ask(client: httpx.Client, **changed: object) -> httpx.Response:
    return client.post("/v1/embeddings", json={"input": PROMPT, "model": "mini", **changed})


def test_serves_under_the_attested_key(client: httpx.Client) -> None:
    answer = ask(client)

    assert answer.status_code == 200
    assert answer.json()["data"][0]["embedding"] == [1.0, 1.0]
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


def test_another_pin_is_refused(service: Service, node_keys: NodeKeys) -> None:
    with (
        running(service, node_keys) as url,
        pinned_client(url, Pin("00" * 32)) as client,
        pytest.raises(PinMismatch),
    ):
        client.get("/healthz")


def test_old_tls_is_refused(service: Service, node_keys: NodeKeys) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        running(service, node_keys) as url,
        httpx.Client(base_url=url, verify=old) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get("/healthz")


@pytest.mark.parametrize("model", ["mini", DIGEST])
def test_the_model_is_called_by_name_or_digest(client: httpx.Client, model: str) -> None:
    assert ask(client, model=model).status_code == 200


@pytest.mark.parametrize(
    ("changed", "param"),
    [({"model": "gpt"}, "model"), ({"dimensions": 3}, "dimensions"), ({"input": [1]}, "input")],
)
def test_a_wrong_request_names_its_field(
    client: httpx.Client, changed: dict[str, object], param: str
) -> None:
    answer = ask(client, **changed)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert PROMPT not in answer.text


def test_a_closed_gate_answers_with_its_reason(client: httpx.Client, service: Service) -> None:
    service.gate = Closed("revoked")

    for answer in (ask(client), client.get("/.well-known/keyturn")):
        assert answer.status_code == 503
        assert "revoked" in answer.json()["error"]["message"]
    health = client.get("/healthz")
    assert (health.status_code, health.json()["state"]) == (503, "revoked")


def test_a_lease_that_has_ended_closes_by_itself(client: httpx.Client, service: Service) -> None:
    service.clock = lambda: 160.0

    assert ask(client).status_code == 503
    health = client.get("/healthz")
    assert (health.status_code, health.json()["state"]) == (503, "lease-ended")


def test_health_says_how_long_the_lease_lasts(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"state": "serving", "lease_seconds_left": 60}


def test_a_body_too_large_is_cut_off(client: httpx.Client) -> None:
    assert ask(client, input="x" * MAX_BODY).status_code == 413


def test_too_many_requests_are_turned_away(client: httpx.Client, service: Service) -> None:
    service.enter().error = Overloaded("full")  # type: ignore[attr-defined]

    assert ask(client).status_code == 429


def test_lists_its_model(client: httpx.Client) -> None:
    assert [each["id"] for each in client.get("/v1/models").json()["data"]] == ["mini"]


def test_no_proof_before_there_is_one(client: httpx.Client) -> None:
    assert client.get("/.well-known/keyturn").status_code == 503


def test_nothing_of_a_prompt_is_logged(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="httpx"):
        ask(client)
        ask(client, model=PROMPT)
        client.post("/v1/embeddings", content=json.dumps({"input": PROMPT})[:-1])
    shown = capfd.readouterr()

    assert any("embeddings" in each.getMessage() for each in caplog.records), "control: it looks"
    assert PROMPT not in caplog.text + shown.out + shown.err

"""The whole program as a process of its own: serves over TLS, is revoked, wipes, exits 0."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.agent.keys import NodeKeys, tls_digest
from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump, load_object
from keyturn.wire.tls import Pin, pinned_client

RUN = "import typer; from keyturn.agent.command import register as r; a = typer.Typer(); r(a); a()"
ROOT = Path(__file__).resolve().parents[3]


def control_app(world) -> Starlette:
    """The nodes' routes before the real keyholder."""
    control = world.control

    async def challenge(_: Request) -> Response:
        return Response(dump({"challenge": control.challenge().hex(), "valid_seconds": 120}))

    async def release(request: Request) -> Response:
        raw = await request.body()
        outcome = world.system.keyholder.releases.release(raw, control.wrapped)
        return Response(dump(outcome.answer), 200 if outcome.granted else 403)

    async def heartbeat(request: Request) -> Response:
        found = [
            {
                "statement": b64(each.statement),
                "approvals": [b64(a) for a in each.approvals],
                "receipt": load_object(each.receipt, limit=1 << 20, what="receipt"),
            }
            for each in control.heartbeat(await request.body())
        ]
        return Response(dump({"revocations": found}))

    return Starlette(
        routes=[
            Route("/v1/challenges", challenge, methods=["POST"]),
            Route("/v1/releases", release, methods=["POST"]),
            Route("/v1/heartbeats", heartbeat, methods=["POST"]),
        ]
    )


@pytest.fixture
def config(world, https, node_keys: NodeKeys, tmp_path: Path) -> Iterator[Path]:
    """A configuration file of a node whose surroundings are up."""
    device = device_process(world, tmp_path / "device.sock")
    (tmp_path / "authority.bundle").write_bytes(world.system.bundle_bytes)
    with device, https(control_app(world)) as url:
        path = tmp_path / "agent.toml"
        path.write_text(
            f"""
node = "node-1"
control_url = "{url}"
control_pin = "{tls_digest(node_keys)}"
authority_bundle = "authority.bundle"
authority_fingerprint = "{world.system.fingerprint}"
sealed_model = "sealed"
device_socket = "device.sock"
data = "node"
listen = "127.0.0.1:0"
heartbeat_seconds = 0.1
"""
        )
        yield path


@pytest.fixture
def genesis() -> datetime:
    """The agent's process has the real clock."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def device_process(world, path: Path) -> Iterator[None]:
    config = path.with_suffix(".json")
    world.source.sim.save(config)
    command = [sys.executable, "-m", "keyturn_sim", "device", "--config", config, "--socket", path]
    process = subprocess.Popen([str(each) for each in command], env=environment())
    try:
        wait_for(path.exists)
        yield
    finally:
        process.terminate()
        process.wait(10)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "backend"), "TOKENIZERS_PARALLELISM": "false"}


def wait_for(done, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        threading.Event().wait(0.02)


@contextmanager
def agent(config: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, *(arguments or ("agent", "--config", str(config)))]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def ready(config: Path) -> dict[str, object]:
    path = config.parent / "node" / "ready.json"
    return json.loads(path.read_text()) if path.exists() else {"state": "none"}


def test_serves_until_it_is_revoked(config: Path, world) -> None:
    with agent(config) as process:
        wait_for(lambda: ready(config)["state"] == "serving" or process.poll() is not None)
        assert process.poll() is None, process.stderr and process.stderr.read()
        at = ready(config)
        with pinned_client(str(at["url"]), Pin(str(at["tls_spki_sha256"]))) as client:
            answer = client.post("/v1/embeddings", json={"input": "abc", "model": "tiny"})
            assert answer.status_code == 200
            proof = client.get("/.well-known/keyturn").json()
            assert set(proof) >= {"request", "grant", "ear", "receipt", "statements"}

        world.control.revocations.append(world.revoke("node", "node-1"))
        out, err = process.communicate(timeout=180)

    assert process.returncode == 0, err
    ended = json.loads(out)
    assert ended["reason"] == "revoked"
    assert isinstance(ended["wiped_after_ms"], int)
    assert ready(config)["state"] == "wiped"
    assert "abc" not in err


def test_sigterm_stops_and_wipes(config: Path) -> None:
    with agent(config) as process:
        wait_for(lambda: ready(config)["state"] == "serving" or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=180)

    assert process.returncode == 0, err
    assert json.loads(out)["reason"] == "stopped"


def test_a_refusal_explains_itself_and_exits_1(config: Path, world) -> None:
    world.revoke("node", "node-1")
    with agent(config) as process:
        out, err = process.communicate(timeout=180)

    assert process.returncode == 1
    assert json.loads(out)["reason"] == "refused"
    for word in ("found", "expected", "set by", "revoked", "what would unblock it"):
        assert word in err


def test_the_doctor_finds_everything_well_or_says_what_is_not(config: Path) -> None:
    with agent(config, "agent", "doctor", "--config", str(config), "--json") as process:
        out, err = process.communicate(timeout=180)
    findings = {each["name"]: each for each in json.loads(out)["findings"]}

    assert set(findings) == {
        "sealed model",
        "memory",
        "authority bundle",
        "devices",
        "CPU evidence",
        "TPM",
        "control plane",
    }
    for name in ("sealed model", "authority bundle", "devices", "control plane"):
        assert findings[name]["good"], (findings[name], err)
    assert "SIMULATED" in findings["devices"]["found"]

"""The control plane as a process of its own: ready, pinned, stopped, silent about secrets."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.control.config import ControlConfig
from keyturn.control.errors import TaskFailed
from keyturn.control.follower import Follower
from keyturn.control.heartbeats import Heartbeats
from keyturn.control.program import make_server, prepare_data, raise_file_limit, serve
from keyturn.serving import listening
from keyturn.store.database import open_database
from keyturn.store.migrate import upgrade
from keyturn.wire.serveridentity import server_identity
from keyturn.wire.tls import Pin, pinned_client
from support.authority import Authority, Clock
from support.control import LocalKeyholder, running_world

RUN = (
    "import typer; from keyturn.control.command import register; "
    "app = typer.Typer(); register(app); app()"
)
ROOT = Path(__file__).resolve().parents[3]


def write_config(directory: Path, keyholder: LocalKeyholder) -> Path:
    config = directory / "control.toml"
    config.write_text(
        f'data = "control"\nkeyholder = "{keyholder.path.name}"\n'
        f'fingerprint = "{keyholder.fingerprint}"\nport = 0\n',
        encoding="utf-8",
    )
    return config


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_says_when_it_is_ready_and_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "keyholder.sock", Authority(clock), clock)
    config = write_config(tmp_path, keyholder)
    environment = {"PYTHONPATH": str(ROOT / "backend"), "PATH": os.environ["PATH"]}
    with (
        keyholder.serving(),
        subprocess.Popen(
            [sys.executable, "-c", RUN, "control", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert json.loads((tmp_path / "control" / "ready.json").read_text()) == ready
        with pinned_client(ready["url"], Pin(ready["pin"])) as client:
            assert client.get("/v1/hello").json()["fingerprint"] == keyholder.fingerprint
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert not (tmp_path / "control" / "ready.json").exists()
    for line in errors.decode().splitlines():
        assert set(json.loads(line)) >= {"time", "level", "message"}
    assert (tmp_path / "control" / "tls" / "server.pem").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in errors
    assert (tmp_path / "control").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "control" / "keyturn.db").stat().st_mode & 0o777 == 0o600


def run_to_its_end(config: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PYTHONPATH": str(ROOT / "backend"), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", RUN, "control", "--config", str(config)]
    return subprocess.run(
        command, capture_output=True, env=environment, timeout=60, check=False, text=True
    )


def test_what_stands_in_the_way_is_told_without_a_traceback(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "keyholder.sock", Authority(clock), clock)
    config = write_config(tmp_path, keyholder)
    (tmp_path / "control").write_text("not a directory", encoding="utf-8")
    ended = run_to_its_end(config)
    assert ended.returncode == 1
    assert "data directory" in ended.stderr
    assert "Traceback" not in ended.stderr
    (tmp_path / "control").unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = config.read_text(encoding="utf-8").replace("port = 0", f"port = {port}")
        config.write_text(settings, encoding="utf-8")
        ended = run_to_its_end(config)
    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_data_that_others_could_read_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "keyturn.db").touch(mode=0o644)
    before = os.umask(0o022)
    try:
        prepare_data(data)
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "keyturn.db").stat().st_mode & 0o777 == 0o600


def test_as_many_files_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    raise_file_limit()
    assert asked == [(4096, 4096)]


def test_a_handshake_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HANDSHAKE_SECONDS", 0.2)
    with running_world(tmp_path) as world:
        host, port = world.url.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as silent:
            assert silent.recv(1) == b""


@pytest.mark.parametrize("task", [Follower, Heartbeats])
def test_a_task_that_fails_stops_the_server(
    tmp_path: Path, task: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(task, "run", fail)
    identity = server_identity(tmp_path / "tls", (), Clock()())
    config = ControlConfig(
        tmp_path, tmp_path / "k.sock", Digest("sha256:" + "0" * 64), port=0, poll_seconds=0.02
    )
    database = open_database(config.database_url)
    upgrade(database)
    server = make_server(config, identity, database, lambda _: None, Clock())
    with pytest.raises(TaskFailed):
        asyncio.run(serve(server))
    database.close()

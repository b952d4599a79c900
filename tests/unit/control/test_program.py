"""The control plane as a process of its own: ready, pinned, stopped, silent about secrets."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.wire.tls import Pin, pinned_client
from support.authority import Authority, Clock
from support.control import LocalKeyholder

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

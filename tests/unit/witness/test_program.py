"""`keyturn witness` as a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.wire.tls import Pin, pinned_client
from keyturn.witness.errors import WitnessUnwritable
from keyturn.witness.program import opened_logs
from support.watching import Shown, asked_text
from support.witnessing import witness_config

ROOT = Path(__file__).resolve().parents[3]
START = "import typer; from keyturn.witness.command import register; a = typer.Typer(); "
START += "a.command('other')(lambda: None); register(a); a()"


def test_two_processes_do_not_share_a_state(tmp_path: Path) -> None:
    shown = Shown()
    config = witness_config(tmp_path / "w", shown.bundle, shown.fingerprint)
    with (
        opened_logs(config, None, shown.clock),
        pytest.raises(WitnessUnwritable, match="another process"),
        opened_logs(config, None, shown.clock),
    ):
        pass


def test_a_bundle_that_is_not_there_is_said(tmp_path: Path) -> None:
    shown = Shown()
    config = witness_config(tmp_path / "w", shown.bundle, shown.fingerprint)
    (tmp_path / "w" / "authority.bundle").unlink()
    with pytest.raises(WitnessUnwritable, match="bundle"), opened_logs(config, None, shown.clock):
        pass


def test_the_process_cosigns_and_stops(tmp_path: Path) -> None:
    shown = Shown()
    witness_config(tmp_path / "w", shown.bundle, shown.fingerprint)
    settings = tmp_path / "w" / "witness.toml"
    settings.write_text(
        f"""
name = "witness.example/w1"
key = "witness.key"
data = "data"
port = 0

[[logs]]
fingerprint = "{shown.fingerprint}"
bundle = "authority.bundle"
"""
    )
    process = subprocess.Popen(
        [sys.executable, "-c", START, "witness", "--config", str(settings)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with pinned_client(ready["url"], Pin(ready["pin"]), timeout=20) as client:
            answer = client.post("/add-checkpoint", content=asked_text(0, (), shown.note()))
        assert answer.status_code == 200, answer.text
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate(timeout=20)

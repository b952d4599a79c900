"""`keyturn witness` as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from keyturn.wire.tls import Pin, pinned_client
from keyturn.witness.errors import WitnessUnwritable
from keyturn.witness.program import opened_logs
from support.watching import Shown, asked_text
from support.witnessing import witness_config

ROOT = Path(__file__).resolve().parents[3]
START = "import typer; from keyturn.witness.command import register; a = typer.Typer(); "
START += "a.command('other')(lambda: None); register(a); a()"
SETTINGS = """
name = "witness.example/w1"
key = "witness.key"
data = "data"
port = 0

[[logs]]
fingerprint = "{fingerprint}"
bundle = "authority.bundle"
"""


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


@contextmanager
def started(
    directory: Path, shown: Shown
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The process, and a client of it; killed at the end if it is still there."""
    witness_config(directory, shown.bundle, shown.fingerprint)
    settings = directory / "witness.toml"
    settings.write_text(SETTINGS.replace("{fingerprint}", shown.fingerprint))
    process = subprocess.Popen(
        [sys.executable, "-c", START, "witness", "--config", str(settings)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with pinned_client(ready["url"], Pin(ready["pin"]), timeout=20) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_the_process_cosigns_and_stops(tmp_path: Path) -> None:
    shown = Shown()
    with started(tmp_path / "w", shown) as (process, client):
        answer = client.post("/add-checkpoint", content=asked_text(0, (), shown.note()))
        assert answer.status_code == 200, answer.text
        process.terminate()
        assert process.wait(20) == 0


def test_killed_it_goes_on_from_its_disk(tmp_path: Path) -> None:
    shown = Shown()
    size = len(shown.leaves)
    with started(tmp_path / "w", shown) as (process, client):
        client.post("/add-checkpoint", content=asked_text(0, (), shown.note()))
        process.kill()
        process.wait(20)
    fork = shown.note(shown.forked(size - 1, 1))
    shown.grow()
    with started(tmp_path / "w", shown) as (_, client):
        again = client.post("/add-checkpoint", content=asked_text(0, (), fork))
        assert (again.status_code, again.text) == (409, f"{size}\n")
        proof = shown.consistency(size)
        good = client.post("/add-checkpoint", content=asked_text(size, proof, shown.note()))
        assert good.status_code == 200

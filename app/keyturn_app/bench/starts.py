"""Whole starts of `keyturn-app` over the shipped recording, beside an empty window of Qt's.

Interleaved, and warm: the first start of each is not measured. A cold start would need the page
cache emptied, which takes root.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from keyturn_app import resources
from keyturn_app.bench.figures import memory, spread

RECORDING = "recording/demo.json.gz"
LONGEST_S = 60.0
_POLL_S = 0.004
_APP = "import sys; from keyturn_app.main import main; sys.exit(main(sys.argv[1:]))"


class NotStarted(RuntimeError):
    """A child ended, or took too long, before it was ready."""


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds since the process was asked for; CPU seconds and memory once it was usable."""

    first_paint_ms: float
    usable_ms: float
    cpu_ms: float
    memory: dict[str, float]


def environment(bytecode: Path) -> dict[str, str]:
    """For children: drawn on nothing, and with compiled modules, as an installed program has."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    here = str(Path(__file__).resolve().parents[2])
    paths = [each for each in sys.path if each and "site-packages" not in each]
    return {
        **given,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([here, *paths])),
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "QT_QPA_PLATFORM": "offscreen",
        "QT_NO_GLIB": "1",  # its own event loop says when it sleeps
        "QT_LOGGING_RULES": "*.debug=false;qt.qpa.*=false",
    }


def measure_starts(
    runs: int, bytecode: Path, progress: Callable[[], None]
) -> dict[str, list[Start]]:
    """`runs` measured starts of the app and of an empty window. Raises NotStarted."""
    found: dict[str, list[Start]] = {"app": [], "empty window": []}
    for number in range(runs + 1):
        for name in found:
            with TemporaryDirectory(prefix="keyturn-bench-") as scratch:
                started = _start(_command(name, Path(scratch)), Path(scratch), bytecode)
            if number:
                found[name].append(started)
            progress()
    return found


def document(starts: Sequence[Start]) -> dict[str, object]:
    """Median and spread of each figure."""
    return {
        "runs": len(starts),
        "first_paint_ms": spread([each.first_paint_ms for each in starts]),
        "usable_ms": spread([each.usable_ms for each in starts]),
        "cpu_ms": spread([each.cpu_ms for each in starts]),
        "rss_mib": spread([each.memory["rss_mib"] for each in starts]),
        "peak_mib": spread([each.memory["peak_mib"] for each in starts]),
    }


def _command(name: str, scratch: Path) -> list[str]:
    ready = str(scratch / "ready.json")
    if name == "empty window":
        return [sys.executable, "-m", "keyturn_app.bench.emptywindow", ready]
    recording = str(resources.directory() / RECORDING)
    return [
        *(sys.executable, "-c", _APP),
        *("--recording", recording, "--profile-dir", str(scratch / "profile"), "--ready", ready),
    ]


def _start(command: Sequence[str], scratch: Path, bytecode: Path) -> Start:
    ready = scratch / "ready.json"
    began = time.monotonic_ns()
    with subprocess.Popen(
        command,
        env=environment(bytecode),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            _wait(child, ready)
            proc = Path(f"/proc/{child.pid}")
            cpu = _cpu_ms((proc / "stat").read_text(encoding="utf-8"))
            used = memory((proc / "status").read_text(encoding="utf-8"))
            written = json.loads(ready.read_bytes())
        finally:
            child.send_signal(signal.SIGKILL)
    at = began / 1e6
    return Start(written["first_paint_ms"] - at, written["usable_ms"] - at, cpu, used)


def _wait(child: subprocess.Popen[bytes], ready: Path) -> None:
    until = time.monotonic() + LONGEST_S
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > until:
            said = b"" if child.poll() is None or child.stderr is None else child.stderr.read()
            raise NotStarted(f"not ready: {said[-500:].decode(errors='replace')}")
        time.sleep(_POLL_S)


def _cpu_ms(stat: str) -> float:
    """User and system time of all its threads, from /proc/PID/stat."""
    after = stat.rpartition(")")[2].split()
    return (int(after[11]) + int(after[12])) * 1000 / os.sysconf("SC_CLK_TCK")

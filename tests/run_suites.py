"""`make test`: the checks, each suite of tests, and one table of the counts.

Every suite runs even after one has failed. Suites of one process run beside the others, one after
another; what they print is shown whole, between two suites. Temporary files lie in memory where
there is room: a test may wait for its disk hundreds of times. The last line is
`N passed, N failed, N skipped` over the whole run, the checks counted as one each; the exit status
is 0 only if nothing failed.
Arguments name the suites to run; none means all. A suite without tests is a failure.
`--update-goldens` alone runs no suite: it writes the app's goldens anew. `fuzz --long` runs the
fuzz targets alone, with 50 times as many examples; KEYTURN_FUZZ_TIMES sets another number.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packaging" / "setup"))

from debian import environment_with

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / ".cache" / "results"
CHECKED = ["backend", "app", "packaging", "tests"]

Command = Sequence[str]

CHECKS: dict[str, Command] = {
    "ruff check": ("-m", "ruff", "check", *CHECKED),
    "ruff format": ("-m", "ruff", "format", "--check", *CHECKED),
    "mypy": (
        "-m",
        "mypy",
        "backend",
        "app",
        "packaging/setup",
        "packaging/demo",
        "tests/run_suites.py",
    ),
    "import-linter": ("-c", "import importlinter.cli as c; c.lint_imports_command(['--no-cache'])"),
}

FILES = ("--dist", "loadfile", "--no-loadscope-reorder")  # as `tests/slowest.txt` orders them
SUITES: dict[str, Command] = {
    "unit": ("-n", "2", *FILES),
    "vectors": ("-n", "2", *FILES),
    "contract": (),
    "flows": ("-n", "3", *FILES),  # they wait for processes
    "app": ("-n", "2", *FILES, "--timeout-method=thread"),
    "fuzz": ("-n", "2", *FILES),
    "demo": (),
}
"""Each suite is the directory of its name; the options say how it may run in parallel.

A modal question that nobody answers holds Qt's loop, which no signal of Python's interrupts: the
app's time limit ends the process.
"""

BESIDE = ("checks", "contract", "demo")
"""One process each, which mostly waits; in this order."""
ROOM = 4 << 30
"""Free bytes that a memory file system must have to hold temporary files."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How one suite ended; seconds are wall clock."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def read_counts(name: str, report: Path, status: int, seconds: float) -> Counts:
    """Counts of a JUnit report. A run that failed in any other way counts one failure more."""
    total = failed = skipped = 0
    try:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", "0"))
            failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
            skipped += int(suite.get("skipped", "0"))
    except (OSError, ElementTree.ParseError, ValueError):
        return Counts(name, 0, 1, 0, seconds)
    passed = max(total - failed - skipped, 0)
    if (status != 0 and failed == 0) or total == 0:
        failed += 1
    return Counts(name, passed, failed, skipped, seconds)


def run_checks(output: int | None = None) -> Counts:
    """Lint, format, types and imports; each is one pass or one failure."""
    begin = time.monotonic()
    failed = 0
    for name, arguments in CHECKS.items():
        show(f"== {name}", output)
        path = os.pathsep.join(("backend", "app"))
        environment = {**os.environ, "PYTHONPATH": path}
        failed += run([sys.executable, *arguments], environment, output) != 0
    return Counts("checks", len(CHECKS) - failed, failed, 0, time.monotonic() - begin)


def run_suite(name: str, output: int | None = None) -> Counts:
    """One pytest run over tests/<name>. `output`: a descriptor, in place of our own output."""
    begin = time.monotonic()
    show(f"== tests/{name}", output)
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    if not any((ROOT / "tests" / name).rglob("test_*.py")):
        show(f"there is no test below tests/{name}", output)
        return Counts(name, 0, 1, 0, 0.0)
    with temporary_files() as (environment, options):
        options += ["-q", f"--junitxml={report}", *SUITES[name]]
        command = [sys.executable, "-m", "pytest", *options, f"tests/{name}"]
        environment = environment_with(ROOT / ".cache" / "debian", environment)
        status = run(command, environment, output)
    return read_counts(name, report, status, time.monotonic() - begin)


def run(command: Command, environment: dict[str, str], output: int | None) -> int:
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
    ).returncode


@contextmanager
def temporary_files(
    memory: Path = Path("/dev/shm"),
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Environment and options for pytest: a new directory in memory, deleted at the end.

    Nothing of either where `memory` has not enough room, or runs no programs.
    """
    try:
        found = os.statvfs(memory)
        room = found.f_bavail * found.f_frsize >= ROOM and _free_memory() >= 2 * ROOM
        serves = room and not found.f_flag & os.ST_NOEXEC
    except OSError:
        serves = False
    if not serves:
        yield dict(os.environ), []
        return
    with tempfile.TemporaryDirectory(prefix="kt-", dir=memory, ignore_cleanup_errors=True) as name:
        yield {**os.environ, "TMPDIR": name}, [f"--basetemp={name}/t"]


def _free_memory() -> int:
    """Bytes that programs can still have (proc_meminfo(5))."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    (found,) = [each.split()[1] for each in lines if each.startswith("MemAvailable:")]
    return int(found) * 1024


def run_all(names: Sequence[str]) -> list[Counts]:
    """Each suite's counts, in the order of the names."""
    rows: dict[str, Counts] = {}
    first = [each for each in names if each not in BESIDE]
    beside = [each for each in BESIDE if each in names]
    if not first:
        return [one(each)(None) for each in names]
    held: list[tuple[str, Path, Future[Counts]]] = []
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as pool:
        for name in beside:
            path = Path(directory) / name
            held.append((name, path, pool.submit(captured, one(name), path)))
        try:
            for name in first:
                rows[name] = one(name)(None)
                while held and held[0][2].done():
                    ended, path, counts = held.pop(0)
                    rows[ended] = shown(path, counts)
            for name, path, counts in held:
                rows[name] = shown(path, counts)
        finally:  # Ctrl-C: what runs has heard it too, nothing more begins
            pool.shutdown(wait=False, cancel_futures=True)
    return [rows[each] for each in names]


def one(name: str) -> Callable[[int | None], Counts]:
    return run_checks if name == "checks" else partial(run_suite, name)


def captured(suite: Callable[[int | None], Counts], path: Path) -> Counts:
    """Run with the output into a file."""
    with path.open("wb") as file:
        return suite(file.fileno())


def shown(path: Path, counts: Future[Counts]) -> Counts:
    """Wait for it, then show what it printed."""
    found = counts.result()
    show(path.read_text(encoding="utf-8", errors="replace"))
    return found


def long_fuzzing() -> None:
    """Many times as many examples, and the time for them (`support.fuzzing.examples`)."""
    os.environ.setdefault("KEYTURN_FUZZ_TIMES", "50")
    SUITES["fuzz"] = (*SUITES["fuzz"], "--timeout=7200")


def table(rows: Sequence[Counts]) -> str:
    """The counts of each suite, and as last line those of the whole run."""
    lines = ["", f"{'suite':<10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"]
    for row in rows:
        lines.append(
            f"{row.name:<10} {row.passed:>7} {row.failed:>7} {row.skipped:>8} {row.seconds:>8.1f}"
        )
    passed, failed, skipped = (
        sum(getattr(row, what) for row in rows) for what in ("passed", "failed", "skipped")
    )
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed, {skipped} skipped"])


def show(text: str, output: int | None = None) -> None:
    if output is None:
        print(text, flush=True)
    else:
        os.write(output, f"{text}\n".encode())


def update_goldens() -> int:
    """Write the app's goldens anew; the difference is for people to look at."""
    files = [f"tests/app/test_{name}.py" for name in ("goldens", "pixels")]
    command = [sys.executable, "-m", "pytest", "-q", "--update-goldens", *files]
    environment = environment_with(ROOT / ".cache" / "debian", os.environ)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main(names: Sequence[str]) -> int:
    if list(names) == ["--update-goldens"]:
        return update_goldens()
    if list(names) == ["fuzz", "--long"]:
        long_fuzzing()
        names = ["fuzz"]
    known = ["checks", *SUITES]
    unknown = [name for name in names if name not in known]
    if unknown:
        show(f"no such suite: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = run_all(names or known)
    show(table(rows))
    return 0 if all(row.failed == 0 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

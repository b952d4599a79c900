"""`make test`: the checks, then each suite of tests by itself, and one table of the counts.

Every suite runs even after one has failed. The last line is `N passed, N failed, N skipped`
over the whole run, the checks counted as one each; the exit status is 0 only if nothing failed.
Arguments name the suites to run; none means all. A suite without tests is a failure.
`--update-goldens` alone runs no suite: it writes the app's goldens anew. `fuzz --long` runs the
fuzz targets alone, with 50 times as many examples; KEYTURN_FUZZ_TIMES sets another number.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
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

SUITES: dict[str, Command] = {
    "unit": ("-n", "2", "--dist", "loadfile"),
    "vectors": ("-n", "2", "--dist", "loadfile"),
    "contract": (),
    "flows": ("-n", "2", "--dist", "loadfile"),
    "app": ("-n", "2", "--dist", "loadfile", "--timeout-method=thread"),
    "fuzz": ("-n", "2", "--dist", "loadfile"),
    "demo": (),
}
"""Each suite is the directory of its name; the options say how it may run in parallel.

A modal question that nobody answers holds Qt's loop, which no signal of Python's interrupts: the
app's time limit ends the process.
"""


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


def run_checks() -> Counts:
    """Lint, format, types and imports; each is one pass or one failure."""
    begin = time.monotonic()
    failed = 0
    for name, arguments in CHECKS.items():
        show(f"== {name}")
        path = os.pathsep.join(("backend", "app"))
        environment = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, *arguments]
        failed += subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0
    return Counts("checks", len(CHECKS) - failed, failed, 0, time.monotonic() - begin)


def run_suite(name: str) -> Counts:
    """One pytest run over tests/<name>."""
    begin = time.monotonic()
    show(f"== tests/{name}")
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    options = ["-q", f"--junitxml={report}", *SUITES[name]]
    command = [sys.executable, "-m", "pytest", *options, f"tests/{name}"]
    if not any((ROOT / "tests" / name).rglob("test_*.py")):
        show(f"there is no test below tests/{name}")
        return Counts(name, 0, 1, 0, 0.0)
    environment = environment_with(ROOT / ".cache" / "debian", os.environ)
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    return read_counts(name, report, status, time.monotonic() - begin)


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


def show(text: str) -> None:
    print(text, flush=True)


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
    rows = []
    for name in names or known:
        rows.append(run_checks() if name == "checks" else run_suite(name))
    show(table(rows))
    return 0 if all(row.failed == 0 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Mutation testing: each check is taken out of a verifier, and some test must then fail.

    python tests/mutation.py [--package attest] [--module tdx] [--only TEXT] [--record FILE]

The tests are collected once; one run of them all, in a process of its own, says which test runs
which lines and how long it takes. Then each mutant is a fork of the warm process: the function's
code is replaced in place, and the tests that run the check are made until one fails, those of the
module's own file first. A mutant that no test notices has survived: it must stand, with a reason,
in mutation_survivors.txt, and what stands there must survive. Exit status: 0, 1 (survivors that
are not listed, or listed ones that no test lets live), 2 (tests that fail without any mutant), 3
(some mutants are undecided: their time was over).

A record (JSON lines) keeps what was found when a run is cut off, and lets the next one make only
mutants that are not yet killed: of a module whose text has not changed, as long as no test is
taken away.
"""

import argparse
import hashlib
import importlib
import json
import os
import pickle
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import Phase, settings

from support.mutants import Mutant, find_mutants, implant, mutated

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "backend" / "keyturn"
SURVIVORS = Path(__file__).with_name("mutation_survivors.txt")
PACKAGES = ("attest", "rim")
TESTS = ("tests/unit/attest", "tests/unit/rim", "tests/vectors/test_conformance.py")
SLOW = 0.5
"""Seconds: tests that take longer come last."""


@dataclass(frozen=True, slots=True)
class Task:
    """One mutant of one module, for instance `attest/tdx.py`, and the module's whole text."""

    module: str
    mutant: Mutant
    source: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        return f"{self.module}: {self.mutant.name}"

    @property
    def key(self) -> str:
        """Names the check in this text of the module."""
        return f"{hashlib.sha256(self.source.encode()).hexdigest()[:16]} {self.name}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """One run without mutants: seconds of each test, and the tests that run each line."""

    seconds: dict[str, float]
    failed: list[str]
    lines: dict[str, dict[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Result:
    """`outcome`: killed, survived, timed out or not run; `by` is the test that failed."""

    task: Task
    outcome: str
    by: str
    seconds: float


class KeyStock:
    """RSA keys, made once: each fork takes them in turn, so that in one run no two are alike."""

    def __init__(self, numbers: dict[int, int]) -> None:
        self._make = rsa.generate_private_key
        self._keys = {
            size: [self._make(65537, size) for _ in range(number)]
            for size, number in numbers.items()
        }

    def __call__(self, public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        kept = self._keys.get(key_size)
        if kept and public_exponent == 65537:
            return kept.pop()
        return self._make(public_exponent, key_size)


class Mutating:
    """A plugin of pytest that makes mutants instead of running the tests once."""

    def __init__(self, tasks: Sequence[Task], options: argparse.Namespace) -> None:
        killed = read_record(options.record)
        self.results = [
            Result(each, "killed", killed[each.key], 0) for each in tasks if each.key in killed
        ]
        self.tasks = [each for each in tasks if each.key not in killed]
        self.options = options
        self.baseline: Baseline | None = None

    def pytest_configure(self) -> None:
        """A failure is enough: hypothesis need not look for a smaller one."""
        profile = settings.get_profile("keyturn")
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", profile, phases=phases, database=None)
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        if session.testsfailed:
            return True
        rsa.generate_private_key = KeyStock({2048: 4, 3072: 2, 4096: 6})  # type: ignore[assignment]
        reader = fork(lambda: measured(list(items.values())))
        self.baseline = pickle.loads(reader.wait(1200))
        if not self.baseline.failed:
            for each in self._all(items, self.baseline):
                self.results.append(each)
                record(self.options.record, each)
                if each.outcome in ("survived", "timed out"):
                    print(f"{each.outcome}: {each.task.name}", file=sys.stderr, flush=True)
        return True

    def _all(self, items: dict[str, pytest.Item], baseline: Baseline) -> Iterator[Result]:
        end = time.monotonic() + self.options.seconds
        running: dict[Child, tuple[Task, float]] = {}
        waiting = list(reversed(self.tasks))
        while waiting or running:
            while waiting and len(running) < self.options.jobs:
                task = waiting.pop()
                if time.monotonic() > end:
                    yield Result(task, "not run", "", 0)
                    continue
                chosen = {
                    items[each]: seconds
                    for each, seconds in tests_of(task, baseline)
                    if seconds < SLOW or not self.options.quick
                }
                child = fork(lambda task=task, chosen=chosen: judged(task, chosen))
                running[child] = (task, time.monotonic())
            for child in ready(list(running), 1.0):
                task, begin = running.pop(child)
                raw = child.read()
                by = pickle.loads(raw) if raw else ""
                outcome = "killed" if by else "survived" if raw else "not run"  # it was ended
                yield Result(task, outcome, by, time.monotonic() - begin)
            for child, (task, begin) in list(running.items()):
                if time.monotonic() - begin > self.options.limit:
                    child.kill()
                    del running[child]
                    yield Result(task, "timed out", "", time.monotonic() - begin)


class Child:
    """A forked process that writes one pickled value."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self.pipe = pipe

    def read(self) -> bytes:
        with os.fdopen(self.pipe, "rb") as stream:
            raw = stream.read()
        os.waitpid(self.pid, 0)
        return raw

    def wait(self, seconds: float) -> bytes:
        if not select.select([self.pipe], [], [], seconds)[0]:
            self.kill()
            raise TimeoutError("the run without mutants took too long")
        return self.read()

    def kill(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)


def ready(children: Sequence[Child], seconds: float) -> list[Child]:
    pipes = {child.pipe: child for child in children}
    return [pipes[each] for each in select.select(list(pipes), [], [], seconds)[0]]


def fork(work) -> Child:  # type: ignore[no-untyped-def]
    """Run `work` in a fork, silently; its value comes through a pipe."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return Child(pid, reader)
    status = 1
    try:
        os.close(reader)
        silence = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(silence, each)
        with os.fdopen(writer, "wb") as stream:
            stream.write(pickle.dumps(work()))
        status = 0
    finally:
        os._exit(status)


class TooLong(BaseException):
    """Raised in a test that takes much more of the processor's time than without a mutant."""


def too_long(*_: object) -> None:
    raise TooLong


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes longer, by this process's own time; 0: never."""
    signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run_items(
    items: Sequence[pytest.Item], limits: Sequence[float] = ()
) -> Iterator[tuple[pytest.Item, bool, float]]:
    """Each test by pytest's own protocol: the test, whether it failed, its seconds."""
    limits = limits or [0.0] * len(items)
    next_items = [*items, None][1:]
    for item, following, limit in zip(items, next_items, limits, strict=True):
        before, begin = item.session.testsfailed, time.monotonic()
        with bounded(limit):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        yield item, item.session.testsfailed > before, time.monotonic() - begin


def measured(items: Sequence[pytest.Item]) -> Baseline:
    tracer = coverage.Coverage(
        data_file=None, config_file=False, source=[str(SOURCES / each) for each in PACKAGES]
    )
    seconds, failed = {}, []
    tracer.start()
    runs = run_items(items)
    for item in items:
        tracer.switch_context(item.nodeid)
        _, wrong, spent = next(runs)
        seconds[item.nodeid] = spent
        if wrong:
            failed.append(item.nodeid)
    tracer.stop()
    data = tracer.get_data()
    lines = {
        Path(each).relative_to(SOURCES).as_posix(): data.contexts_by_lineno(each)
        for each in data.measured_files()
    }
    return Baseline(seconds, failed, lines)


def tests_of(task: Task, baseline: Baseline) -> list[tuple[str, float]]:
    """The tests that run the check, with their seconds: the module's own first, slow ones last."""
    lines = baseline.lines.get(task.module, {})
    span = range(task.mutant.first, task.mutant.last + 1)
    found = {each for line in span for each in lines.get(line, []) if each}
    own = f"test_{Path(task.module).stem}.py::"

    def order(test: str) -> tuple[bool, bool, str, float]:
        return (
            baseline.seconds[test] > SLOW,
            own not in test,
            test.partition("::")[0],
            baseline.seconds[test],
        )

    return [(each, baseline.seconds[each]) for each in sorted(found, key=order)]


def judged(task: Task, items: dict[pytest.Item, float]) -> str:
    """The first test that notices, by failing or by having no end; empty: none does."""
    name = "keyturn." + ".".join(Path(task.module).with_suffix("").parts)
    code = mutated(task.source, task.mutant.number, str(SOURCES / task.module))
    implant(importlib.import_module(name), code, task.mutant.where)
    limits = [10 + 10 * seconds for seconds in items.values()]
    runs = run_items(list(items), limits)
    return next((item.nodeid for item, failed, _ in runs if failed), "")


def tasks(packages: Sequence[str], modules: Sequence[str]) -> list[Task]:
    found = []
    for package in packages:
        for path in sorted((SOURCES / package).rglob("*.py")):
            if not modules or path.stem in modules:
                name = path.relative_to(SOURCES).as_posix()
                source = path.read_text(encoding="utf-8")
                found += [Task(name, each, source) for each in find_mutants(source)]
    order = {name: place for place, name in enumerate(modules)}
    return sorted(found, key=lambda task: order.get(Path(task.module).stem, 0))


def read_record(path: Path | None) -> dict[str, str]:
    """The killed mutants of a record, by key, and the test that noticed each."""
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    found = [json.loads(line) for line in lines]
    return {each["key"]: each["by"] for each in found if each["outcome"] == "killed"}


def record(path: Path | None, result: Result) -> None:
    if path:
        line = {"key": result.task.key, "outcome": result.outcome, "by": result.by}
        with path.open("a", encoding="utf-8") as stream:
            print(json.dumps(line | {"seconds": round(result.seconds, 3)}), file=stream)


def read_survivors(text: str) -> dict[str, str]:
    """`<module>: <function>: <kind>: <check>  # <reason>` to reason. Raises ValueError."""
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, mark, reason = line.rpartition("  # ")
        if not mark or not reason.strip() or name in found:
            raise ValueError(f"a survivor without a reason, or listed twice: {line!r}")
        found[name.strip()] = reason.strip()
    return found


def verdict(results: Sequence[Result], allowed: dict[str, str]) -> list[str]:
    """What is wrong: survivors that are not listed, listed ones that do not survive."""
    outcomes = {each.task.name: each.outcome for each in results}
    wrong = [
        f"survived: {each.task.module}:{each.task.mutant.first} {each.task.mutant.name}"
        for each in results
        if each.outcome == "survived" and each.task.name not in allowed
    ]
    modules = {each.task.module for each in results}
    for name in allowed:
        if name.partition(": ")[0] in modules and outcomes.get(name, "gone") in ("killed", "gone"):
            wrong.append(f"listed as a survivor, and is none: {name}")
    return wrong


def table(results: Sequence[Result]) -> str:
    """Counts of each module and of all."""
    kinds = ("killed", "survived", "timed out", "not run")
    counts: dict[str, Counter[str]] = {}
    for each in results:
        counts.setdefault(each.task.module, Counter())[each.outcome] += 1
    rows = [f"{'module':<28}" + "".join(f"{kind:>10}" for kind in kinds)]
    for module, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        rows.append(f"{module:<28}" + "".join(f"{found[kind]:>10}" for kind in kinds))
    return "\n".join(rows)


def shown(results: Sequence[Result]) -> list[dict[str, object]]:
    return [
        {
            "module": each.task.module,
            "line": each.task.mutant.first,
            "check": each.task.mutant.name,
            "outcome": each.outcome,
            "by": each.by,
            "seconds": round(each.seconds, 3),
        }
        for each in results
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Take each check out of the verifiers.")
    parser.add_argument("--package", choices=PACKAGES)
    parser.add_argument("--module", nargs="+", default=[], help="of these alone, without .py")
    parser.add_argument("--only", default="", help="checks whose name holds this text")
    parser.add_argument("--seconds", type=float, default=1800, help="time for all mutants")
    parser.add_argument("--limit", type=float, default=90, help="time for one mutant")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", type=Path, help="what was found; what is killed there stays so")
    parser.add_argument("--quick", action="store_true", help="leave out slow tests, for looking")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    packages = [options.package] if options.package else PACKAGES
    allowed = read_survivors(SURVIVORS.read_text(encoding="utf-8"))
    allowed = {name: reason for name, reason in allowed.items() if options.only in name}
    chosen = [each for each in tasks(packages, options.module) if options.only in each.name]
    chosen.sort(key=lambda each: each.name in allowed)  # these take longest: all tests are run
    plugin = Mutating(chosen, options)
    if not plugin.tasks and not plugin.results:
        parser.error("no such module, or it has no checks")
    if options.record:
        options.record = options.record.absolute()
    os.chdir(ROOT)
    os.environ["CI"] = "1"  # the same examples every time, and nothing skipped unseen
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = ["-W", "ignore:Module already imported so cannot be rewritten"]  # hypothesis
    pytest.main(["-q", "-s", "-p", "no:cacheprovider", *known, *TESTS], plugins=[plugin])
    if plugin.baseline is None or plugin.baseline.failed:
        failed = plugin.baseline.failed if plugin.baseline else ["(they cannot be collected)"]
        print("tests fail without any mutant:", *failed, sep="\n  ", file=out)
        return 2
    wrong = verdict(plugin.results, allowed)
    if options.json:
        json.dump({"results": shown(plugin.results), "wrong": wrong}, out, indent=1)
        print(file=out)
    else:
        print(table(plugin.results), *wrong, sep="\n", file=out)
    undecided = any(each.outcome in ("timed out", "not run") for each in plugin.results)
    return 1 if wrong else 3 if undecided else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

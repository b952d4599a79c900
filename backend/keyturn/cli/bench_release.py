"""`keyturn bench release`: releases a second, how long one takes, and where the time goes.

A real keyholder, HSM worker and token; the load comes from another process, whose own work
(devices' signatures above all) is done before the clock starts and is counted apart. Rounds go
through every case in turn, so that a neighbour's load meets all alike; figures are medians of
rounds with their spread, quantiles are over all rounds.
"""

import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.base.strictjson import Fields
from keyturn.cli import bench_release_yardsticks as yardsticks
from keyturn.cli.bench_release_place import KINDS, Place, made_place
from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.keyrelease.request import parse_request

CONNECTIONS = (1, 4, 16)
OFFERED = 250
"""Releases a second that DESIGN §11 promises; offered as such, whatever the answers take."""
GOAL_P99_MS = 50.0
GOAL_VERIFY = 1.5
_YARDSTICK_COUNT = 40


@dataclass(frozen=True, slots=True)
class Case:
    """One way to ask. `rate` 0: each connection asks again once it was answered."""

    kind: str
    connections: int
    rate: int = 0
    whole: bool = False

    @property
    def name(self) -> str:
        if self.whole:
            return f"{self.kind}: whole exchange, {self.connections} nodes"
        how = f"{self.rate}/s offered" if self.rate else f"{self.connections} connections"
        return f"{self.kind}: {how}"


CASES = (
    *(Case(kind.name, each) for kind in KINDS for each in CONNECTIONS),
    *(Case(kind.name, 64, rate=OFFERED) for kind in KINDS),
    *(Case(kind.name, each, whole=True) for kind in KINDS for each in (1, 4)),
)


@dataclass(slots=True)
class Found:
    """What the rounds of one case gave."""

    rates: list[float] = field(default_factory=list)  # releases a second, each round
    latencies: list[float] = field(default_factory=list)  # milliseconds, each release
    cpu: list[float] = field(default_factory=list)  # keyholder's and HSM worker's ms a release
    load_cpu: list[float] = field(default_factory=list)  # the load's ms a release
    keyholder: list[float] = field(default_factory=list)  # ms waited for it in a whole exchange

    def add(self, result: Fields, busy_seconds: float) -> None:
        latencies = _milliseconds(result, "latency_us")
        count = len(latencies)
        self.rates.append(count / (result.integer("total_us") / 1e6))
        self.latencies += latencies
        self.cpu.append(1000 * busy_seconds / count)
        self.load_cpu.append(result.integer("cpu_us") / 1000 / count)
        if result.has("keyholder_us"):
            self.keyholder += _milliseconds(result, "keyholder_us")

    def quantile(self, share: float) -> float:
        return _quantile(self.latencies, share)

    def document(self) -> dict[str, object]:
        document: dict[str, object] = {
            "per_second": round(statistics.median(self.rates), 1),
            "per_second_min": round(min(self.rates), 1),
            "per_second_max": round(max(self.rates), 1),
            "p50_ms": round(self.quantile(0.5), 2),
            "p99_ms": round(self.quantile(0.99), 2),
            "keyholder_cpu_ms": round(statistics.median(self.cpu), 2),
            "load_cpu_ms": round(statistics.median(self.load_cpu), 2),
            "releases": len(self.latencies),
        }
        if self.keyholder:
            document["keyholder_wait_p50_ms"] = round(_quantile(self.keyholder, 0.5), 2)
        return document


def register_bench(bench: typer.Typer) -> None:
    """Add `release` to `keyturn bench`."""
    bench.command("release")(release)


def release(
    requests: Annotated[int, typer.Option(min=2, help="Requests of a case in a round.")] = 150,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 5,
    seconds: Annotated[float, typer.Option(min=0, help="No round is begun after so long.")] = 40.0,
    nodes: Annotated[int, typer.Option(min=1, max=16, help="Nodes of each kind.")] = 2,
    workers: Annotated[int, typer.Option(min=1, max=64, help="HSM workers.")] = 1,
    directory: Annotated[
        Path | None, typer.Option(help="On the disk to measure; default: temporary files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure full releases: verify, log, HSM, HPKE, against each part alone."""
    began = time.monotonic()
    facts: dict[str, object] = {
        "machine": machine(),
        "requests": requests,
        "nodes": nodes,
        "hsm_workers": workers,
    }
    parent = directory.resolve() if directory else None
    with (
        errors_explained(as_json=as_json),
        tempfile.TemporaryDirectory(prefix="keyturn-bench-", dir=parent) as scratch,
    ):
        stderr.print("Genesis: token, officers, statements …")
        with made_place(Path(scratch), nodes, workers) as place:
            facts["set_up_seconds"] = round(time.monotonic() - began, 1)
            found, alone, challenges = _measure(place, requests, rounds, began + seconds)
    report = _report(facts, found, alone, challenges)
    if as_json:
        print_json(report)
    else:
        _show(report, found, alone)


def _measure(
    place: Place, requests: int, rounds: int, until: float
) -> tuple[dict[str, Found], dict[str, list[float]], list[float]]:
    """Rounds over every case and yardstick; the first case of each kind once before, unmeasured."""
    found = {case.name: Found() for case in CASES}
    challenges: list[float] = []
    kind = KINDS[-1].name
    sample = place.load.ask({"do": "sample", "variant": kind}).b64("request")
    checks = yardsticks.signature_checks(parse_request(sample))
    alone: dict[str, list[float]] = {}
    for each in KINDS:
        _run(place, Case(each.name, 2), min(requests, 20), [])
    with yardsticks.hsm_and_disk(place, place.models[kind]) as hsm:
        for number in range(rounds):
            if number and time.monotonic() > until:
                break
            stderr.print(f"Round {number + 1} …")
            for name, times in yardsticks.measured([*checks, *hsm], _YARDSTICK_COUNT).items():
                alone.setdefault(name, []).extend(1000 * each for each in times)
            for case in CASES:
                count = max(2, requests // 5) if case.whole else requests
                found[case.name].add(*_run(place, case, count, challenges))
    return found, alone, challenges


def _run(place: Place, case: Case, count: int, challenges: list[float]) -> tuple[Fields, float]:
    """One case once: its result, and the CPU seconds of the keyholder's side meanwhile."""
    job: dict[str, object] = {"do": "whole", "variant": case.kind, "count": count}
    if not case.whole:
        made = place.load.ask({"do": "prepare", "variant": case.kind, "count": count})
        challenges += _milliseconds(made, "challenge_us")
        job = {"do": "fire", "rate": case.rate}
    before = place.cpu_seconds()
    result = place.load.ask({**job, "connections": case.connections})
    return result, place.cpu_seconds() - before


def _report(
    facts: Mapping[str, object],
    found: Mapping[str, Found],
    alone: Mapping[str, list[float]],
    challenges: list[float],
) -> dict[str, object]:
    return {
        **facts,
        "load_after": machine()["load_before"],
        "rounds": len(next(iter(found.values())).rates),
        "cases": {name: each.document() for name, each in found.items()},
        "alone": {
            name: {
                "p50_ms": round(_quantile(times, 0.5), 3),
                "p99_ms": round(_quantile(times, 0.99), 3),
            }
            for name, times in alone.items()
        },
        "challenge_p50_ms": round(_quantile(challenges, 0.5), 3),
        "goals": [each.document() for each in _goals(found, alone)],
        "shares": _shares(found, alone),
    }


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise of DESIGN §11 and what was found; `least`: more is better."""

    what: str
    goal: float
    found: float
    least: bool

    @property
    def met(self) -> bool:
        return self.found >= self.goal if self.least else self.found <= self.goal

    def document(self) -> dict[str, object]:
        return {
            "what": self.what,
            "goal": f"{'≥' if self.least else '≤'} {self.goal:g}",
            "found": round(self.found, 2),
            "met": self.met,
        }


def _goals(found: Mapping[str, Found], alone: Mapping[str, list[float]]) -> list[Goal]:
    goals = []
    for kind in KINDS:
        closed = [found[Case(kind.name, each).name] for each in CONNECTIONS]
        best = max(statistics.median(each.rates) for each in closed)
        offered = found[Case(kind.name, 64, rate=OFFERED).name]
        goals += [
            Goal(f"{kind.name}: releases a second", OFFERED, best, True),
            Goal(
                f"{kind.name}: p99 ms at 250/s offered", GOAL_P99_MS, offered.quantile(0.99), False
            ),
        ]
    for verification, bare in (
        (yardsticks.SNP_KNOWN, yardsticks.SNP_BARE),
        (yardsticks.SNP_NEW, yardsticks.SNP_BARE_CHAIN),
        (yardsticks.GPU_KNOWN, yardsticks.GPU_BARE),
    ):
        ratio = _quantile(alone[verification], 0.5) / _quantile(alone[bare], 0.5)
        goals.append(Goal(f"{verification} / its bare checks", GOAL_VERIFY, ratio, False))
    return goals


def _shares(found: Mapping[str, Found], alone: Mapping[str, list[float]]) -> dict[str, float]:
    """Keyholder's CPU time of one CPU-only release, as a multiple of parts alone."""
    cpu = statistics.median(found[Case(KINDS[0].name, CONNECTIONS[-1]).name].cpu)
    hsm = _quantile(alone[yardsticks.HSM_RELEASE], 0.5) + _quantile(
        alone[yardsticks.HSM_RESULT], 0.5
    )
    return {
        "cpu / bare signature check": round(cpu / _quantile(alone[yardsticks.SNP_BARE], 0.5), 2),
        "cpu / HSM worker's part": round(cpu / hsm, 2),
        "latency, 1 connection / fsync": round(
            found[Case(KINDS[0].name, 1).name].quantile(0.5)
            / _quantile(alone[yardsticks.FSYNC], 0.5),
            2,
        ),
    }


def _milliseconds(result: Fields, name: str) -> list[float]:
    return [each / 1000 for each in result.items(name, limit=1 << 20) if isinstance(each, int)]


def _quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _show(
    report: Mapping[str, object], found: Mapping[str, Found], alone: Mapping[str, list[float]]
) -> None:
    columns = ("a second", "min", "max", "p50 ms", "p99 ms", "keyholder CPU ms", "load CPU ms")
    table = Table("case", *columns)
    for name, each in found.items():
        figures = (statistics.median(each.rates), min(each.rates), max(each.rates))
        times = (each.quantile(0.5), each.quantile(0.99))
        busy = (statistics.median(each.cpu), statistics.median(each.load_cpu))
        shown = [f"{value:.0f}" for value in figures]
        table.add_row(name, *shown, *(f"{value:.2f}" for value in (*times, *busy)))
    stdout.print(table)
    parts = Table("alone", "p50 ms", "p99 ms")
    for name, values in alone.items():
        parts.add_row(name, f"{_quantile(values, 0.5):.3f}", f"{_quantile(values, 0.99):.3f}")
    stdout.print(parts)
    goals = Table("goal", "promised", "found", "met")
    for goal in _goals(found, alone):
        shown_goal = goal.document()
        goals.add_row(
            goal.what, str(shown_goal["goal"]), f"{goal.found:.2f}", "yes" if goal.met else "NO"
        )
    stdout.print(goals)
    for name in ("machine", "load_after", "requests", "rounds", "nodes", "hsm_workers", "shares"):
        stdout.print(f"{name}: {report[name]}", markup=False)

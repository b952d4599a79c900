"""What `keyturn bench release` found, judged and shown.

Medians are of rounds, quantiles of all releases. CPU time is that of the keyholder and its HSM
worker together: `CORES` free cores could do `CORES` / CPU time releases a second at the most.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.table import Table

from keyturn.base.strictjson import Fields
from keyturn.cli import bench_release_yardsticks as yardsticks
from keyturn.cli.bench_release_place import KINDS
from keyturn.cli.bench_release_yardsticks import Times, quantile
from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import stdout

CONNECTIONS = (1, 4, 16)
OFFERED = 250
"""Releases a second that DESIGN §11 promises; offered as such, whatever the answers take."""
WAITING = 64
"""Connections at a fixed rate: as many releases may be under way before the load falls behind."""
CORES = 2
CPU_STEP = 0.01
"""Seconds, the kernel's counting of CPU time: less is not known to be anything else."""
GOAL_P99_MS = 50.0
GOAL_VERIFY = 1.5


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
    *(Case(kind.name, WAITING, rate=OFFERED) for kind in KINDS),
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
        latencies = milliseconds(result, "latency_us")
        count = len(latencies)
        self.rates.append(count / (result.integer("total_us") / 1e6))
        self.latencies += latencies
        self.cpu.append(1000 * max(busy_seconds, CPU_STEP) / count)
        self.load_cpu.append(result.integer("cpu_us") / 1000 / count)
        if result.has("keyholder_us"):
            self.keyholder += milliseconds(result, "keyholder_us")

    @property
    def by_cpu_time(self) -> float:
        """Releases a second that the CPU time of `CORES` free cores is enough for."""
        return 1000 * CORES / statistics.median(self.cpu)

    def document(self) -> dict[str, object]:
        document: dict[str, object] = {
            "per_second": round(statistics.median(self.rates), 1),
            "per_second_min": round(min(self.rates), 1),
            "per_second_max": round(max(self.rates), 1),
            "p50_ms": round(quantile(self.latencies, 0.5), 2),
            "p99_ms": round(quantile(self.latencies, 0.99), 2),
            "per_second_by_cpu_time": round(self.by_cpu_time, 1),
            "keyholder_cpu_ms": round(statistics.median(self.cpu), 2),
            "load_cpu_ms": round(statistics.median(self.load_cpu), 2),
            "releases": len(self.latencies),
        }
        if self.keyholder:
            document["keyholder_wait_p50_ms"] = round(quantile(self.keyholder, 0.5), 2)
        return document


@dataclass(slots=True)
class Measured:
    """Everything that the rounds gave."""

    cases: dict[str, Found] = field(default_factory=lambda: {each.name: Found() for each in CASES})
    alone: dict[str, Times] = field(default_factory=dict)
    challenges: list[float] = field(default_factory=list)  # milliseconds


def milliseconds(result: Fields, name: str) -> list[float]:
    """A result's microseconds, as milliseconds."""
    return [each / 1000 for each in result.items(name, limit=1 << 20) if isinstance(each, int)]


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

    @property
    def promised(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.goal:g}"

    def document(self) -> dict[str, object]:
        return {
            "what": self.what,
            "goal": self.promised,
            "found": round(self.found, 2),
            "met": self.met,
        }


def goals(measured: Measured) -> list[Goal]:
    """The promises that this bench can judge."""
    judged = []
    for kind in KINDS:
        closed = [measured.cases[Case(kind.name, each).name] for each in CONNECTIONS]
        best = max(closed, key=lambda each: statistics.median(each.rates))
        offered = measured.cases[Case(kind.name, WAITING, rate=OFFERED).name]
        rate = statistics.median(best.rates)
        p99 = quantile(offered.latencies, 0.99)
        judged += [
            Goal(f"{kind.name}: releases a second", OFFERED, rate, least=True),
            Goal(f"{kind.name}: p99 ms, {OFFERED}/s offered", GOAL_P99_MS, p99, least=False),
        ]
    ratio = _by_cpu_time(measured, yardsticks.SNP_KNOWN, yardsticks.SNP_BARE)
    judged.append(Goal("SNP: verification / bare, CPU time", GOAL_VERIFY, ratio, least=False))
    return judged


def shares(measured: Measured) -> dict[str, float]:
    """A CPU-only release as a multiple of its parts alone."""
    busy = statistics.median(measured.cases[Case(KINDS[0].name, CONNECTIONS[-1]).name].cpu)
    alone = {name: quantile(each.wall, 0.5) for name, each in measured.alone.items()}
    single = quantile(measured.cases[Case(KINDS[0].name, 1).name].latencies, 0.5)
    hsm = alone[yardsticks.HSM_RELEASE] + alone[yardsticks.HSM_RESULT]
    new = _by_cpu_time(measured, yardsticks.SNP_NEW, yardsticks.SNP_BARE_NEW)
    gpu = _by_cpu_time(measured, yardsticks.GPU_KNOWN, yardsticks.GPU_BARE)
    return {
        "verification of a new node / bare": round(new, 2),
        "verification of a GPU / bare": round(gpu, 2),
        "CPU time / bare signature check": round(busy / alone[yardsticks.SNP_BARE], 2),
        "CPU time / HSM worker's two answers": round(busy / hsm, 2),
        "latency of one connection / fsync": round(single / alone[yardsticks.FSYNC], 2),
    }


def _by_cpu_time(measured: Measured, ours: str, bare: str) -> float:
    return quantile(measured.alone[ours].cpu, 0.5) / quantile(measured.alone[bare].cpu, 0.5)


def report_of(facts: Mapping[str, object], measured: Measured) -> dict[str, object]:
    return {
        **facts,
        "load_after": machine()["load_before"],
        "rounds": len(next(iter(measured.cases.values())).rates),
        "cases": {name: each.document() for name, each in measured.cases.items()},
        "alone": {name: each.document() for name, each in measured.alone.items()},
        "challenge_p50_ms": round(quantile(measured.challenges, 0.5), 3),
        "goals": [each.document() for each in goals(measured)],
        "shares": shares(measured),
    }


def show(report: Mapping[str, object], measured: Measured) -> None:
    cases = Table(
        *("case", "per s", "min", "max", "p50 ms", "p99 ms"),
        *("keyholder", "load"),
        title="keyholder, load: their CPU ms of a release",
    )
    for name, each in measured.cases.items():
        rates = (statistics.median(each.rates), min(each.rates), max(each.rates))
        times = (quantile(each.latencies, 0.5), quantile(each.latencies, 0.99))
        busy = (statistics.median(each.cpu), statistics.median(each.load_cpu))
        figures = (*(f"{value:.0f}" for value in rates), *(f"{v:.1f}" for v in (*times, *busy)))
        cases.add_row(name, *figures)
    parts = Table("alone", "p50 ms", "p99 ms", "CPU ms")
    for name, alone in measured.alone.items():
        parts.add_row(name, *(f"{value:.3f}" for value in alone.document().values()))
    promises = Table("goal", "promised", "found", "met")
    for goal in goals(measured):
        row = (goal.what, goal.promised, f"{goal.found:.2f}", "yes" if goal.met else "NO")
        promises.add_row(*row)
    for table in (cases, parts, promises):
        for column in table.columns[1:]:
            column.justify = "right"
        stdout.print(table)
    for name in ("machine", "load_after", "requests", "rounds", "nodes", "hsm_workers", "shares"):
        stdout.print(f"{name}: {report[name]}", markup=False)

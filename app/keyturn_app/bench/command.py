"""`keyturn bench app`: start, memory and frames of the desktop app, against yardsticks.

Everything is SIMULATED: the recording is of a demo, the fleets are invented. Drawn offscreen, by
Qt's raster engine; a display adds what it takes to show the finished picture.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import print_json, stderr, stdout
from keyturn_app.bench.cases import Case, Kind
from keyturn_app.bench.starts import NotStarted, document, environment, measure_starts

START_MS, RSS_MIB, ROWS, RATE = 2000.0, 200.0, 10_000, 1000
"""DESIGN §11; and the memory that a window may take at its start."""


class CaseFailed(RuntimeError):
    """A child process gave no figures."""


def register(bench: typer.Typer) -> None:
    """Add `app` to `keyturn bench`."""
    bench.command("app")(app)


def app(
    rows: Annotated[list[int], typer.Option(min=100, help="Sizes of the fleet.")] = [  # noqa: B006
        10_000,
        100_000,
    ],
    rate: Annotated[list[int], typer.Option(min=1, help="Updates a second.")] = [1000, 5000],  # noqa: B006
    seconds: Annotated[int, typer.Option(min=1, help="Measured, of each case.")] = 10,
    starts: Annotated[int, typer.Option(min=0, help="Measured starts; 0: none.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure the window's start, its memory, and its frames under a stream of updates."""
    cases = plan(rows, rate, seconds)
    report: dict[str, Any] = {"simulated": True, "machine": machine()}
    with TemporaryDirectory(prefix="keyturn-bench-") as place, Progress(console=stderr) as bar:
        bytecode = Path(place)
        task = bar.add_task("measuring", total=len(cases) + (2 * starts + 2 if starts else 0))

        def step() -> None:
            bar.advance(task)

        if starts:
            try:
                found = measure_starts(starts, bytecode, step)
            except NotStarted as error:
                raise typer.BadParameter(str(error)) from error
            report["starts"] = {name: document(each) for name, each in found.items()}
        report["frames"] = []
        for case in cases:
            bar.update(task, description=case.name)
            report["frames"].append(run_case(case, bytecode))
            step()
    report["goals"] = goals(report)
    if as_json:
        print_json(report)
    else:
        show(report)


def plan(rows: Sequence[int], rates: Sequence[int], seconds: int) -> list[Case]:
    """Every size at every rate, filter and sort off and on; and the live desk re-reading all."""
    streams = [
        Case(Kind.STREAM, each, rate, seconds, arranged)
        for each in rows
        for rate in rates
        for arranged in (False, True)
    ]
    rereads = [Case(Kind.REREAD, each, 0, seconds, True) for each in rows if each <= ROWS]
    return [*streams, *rereads]


def run_case(case: Case, bytecode: Path) -> dict[str, Any]:
    """In a process of its own. Raises CaseFailed."""
    command = [sys.executable, "-m", "keyturn_app.bench.child", case.text()]
    done = subprocess.run(
        command, env=environment(bytecode), capture_output=True, check=False, timeout=600
    )
    if done.returncode or not done.stdout:
        raise CaseFailed(f"{case.name}: {done.stderr[-2000:].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def goals(report: Mapping[str, Any]) -> list[dict[str, object]]:
    """What was promised, what was found, and whether it stands."""
    made = []
    if "starts" in report:
        mine = report["starts"]["app"]
        usable, rss = mine["usable_ms"]["median"], mine["rss_mib"]["median"]
        made.append(_goal("start to usable, ms", usable, mine["cpu_ms"]["median"], START_MS))
        made.append(_goal("memory at the start, MiB", rss, rss, RSS_MIB))
    for each in report["frames"]:
        if each["rows"] == ROWS and each["rate"] in (RATE, 0):
            wall, cpu = each["wall"]["over_33_ms"], each["cpu"]["over_33_ms"]
            made.append(_goal(f"frames over 33 ms: {each['case']}", wall, cpu, 0))
    return made


def _goal(name: str, found: float, by_cpu: float, most: float) -> dict[str, object]:
    """By CPU time a busy neighbour is not counted against us."""
    return {
        "goal": name,
        "at_most": most,
        "found": found,
        "by_cpu_time": by_cpu,
        "met": found <= most,
    }


def show(report: Mapping[str, Any]) -> None:
    """For people."""
    stdout.print("SIMULATED: a recorded demo, and invented fleets.")
    stdout.print(f"machine: {report['machine']}", markup=False)
    if "starts" in report:
        stdout.print(_starts_table(report["starts"]))
    stdout.print(_frames_table(report["frames"]))
    stdout.print(_yardsticks_table(report["frames"]))
    table = Table("promise", "at most", "found", "by CPU time", "met")
    for each in report["goals"]:
        met = "yes" if each["met"] else "NO"
        figures = (each["at_most"], each["found"], each["by_cpu_time"])
        table.add_row(each["goal"], *(f"{figure:g}" for figure in figures), met)
    stdout.print(table)


def _starts_table(starts: Mapping[str, Any]) -> Table:
    table = Table("start", "first paint ms", "usable ms", "min … max", "CPU ms", "RSS MiB", "peak")
    for name, each in starts.items():
        usable = each["usable_ms"]
        table.add_row(
            name,
            f"{each['first_paint_ms']['median']:.0f}",
            f"{usable['median']:.0f}",
            f"{usable['min']:.0f} … {usable['max']:.0f}",
            f"{each['cpu_ms']['median']:.0f}",
            f"{each['rss_mib']['median']:.0f}",
            f"{each['peak_mib']['median']:.0f}",
        )
    return table


def _frames_table(frames: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("frames", "p50 ms", "p95", "p99", "max", "over 33", "CPU p99", "CPU max", "MiB")
    for each in frames:
        wall, cpu = each["wall"], each["cpu"]
        table.add_row(
            each["case"],
            *(f"{wall[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
            f"{wall['over_33_ms']} of {each['frames']}",
            f"{cpu['p99_ms']:.1f}",
            f"{cpu['max_ms']:.1f}",
            f"{each['memory']['rss_mib']:.0f}",
        )
    return table


def _yardsticks_table(frames: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("CPU ms", "order", "numpy alone", "ratio", "painting", "bare table", "ratio")
    for each in frames:
        found = each["yardsticks"]
        order, sort = found["our_order_ms"], found["argsort_ms"]
        ours, bare = found["our_repaint_ms"], found["bare_repaint_ms"]
        table.add_row(
            each["case"],
            f"{order:.2f}",
            f"{sort:.2f}",
            f"{order / max(sort, 1e-6):.1f}",
            f"{ours:.2f}",
            f"{bare:.2f}",
            f"{ours / max(bare, 1e-6):.1f}",
        )
    return table

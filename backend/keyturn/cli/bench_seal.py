"""`keyturn bench seal`: the speed of sealing and opening, against yardsticks of the same run."""

import re
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.backends.openssl import backend
from rich.table import Table

from keyturn.cli.bench_rounds import Case, Goal, Series, interleaved, machine
from keyturn.cli.bench_seal_cases import Decryption, Loading, c_loop, tensorizer
from keyturn.cli.output import print_json, stderr, stdout
from keyturn.vault.parallel import thread_count

GOALS = (
    Goal("decrypt: ours", "decrypt: C loop", 0.9),
    Goal("load: ours", "load: copy", 0.7),
    Goal("load: ours", "load: tensorizer encrypted", 5.0),
    Goal("load: ours", "load: tink-py", 1.0),
    Goal("cold: ours", "cold: read", 0.9),
)
"""DESIGN §11; that Tink is not faster on its own format goes without saying."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def register_bench(bench: typer.Typer) -> None:
    """Add `seal` to `keyturn bench`."""
    bench.command("seal")(seal)


def seal(
    size: Annotated[str, typer.Option(help="Bytes of the model, e.g. 1GiB.")] = "1GiB",
    rounds: Annotated[int, typer.Option(min=3, help="Measured rounds.")] = 7,
    threads: Annotated[int | None, typer.Option(min=1, help="By default one per CPU.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where the files lie; by default temporary.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure decryption and loading against a C loop, a plain copy, Tink and tensorizer."""
    total = parse_size(size)
    workers = thread_count(threads, 1 << 20)
    report: dict[str, object] = {
        "machine": machine(),
        "bytes": total,
        "threads": workers,
        "rounds": rounds,
        "library_openssl": backend.openssl_version_text(),
    }
    found: dict[str, Series] = {}
    loop = c_loop()
    report["c_loop"] = loop if isinstance(loop, str) else loop[1]
    decryption = Decryption(workers)
    cases = [decryption.ours(), decryption.copied()]
    if not isinstance(loop, str):
        cases.append(decryption.in_c(loop[0]))
    stderr.print("Decrypting from memory …")
    found |= interleaved(cases, rounds)
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-", dir=folder) as place:
        found |= _loads(Path(place), total, workers, rounds)
    report["cases"] = {name: series.document() for name, series in found.items()}
    report["goals"] = [
        each.document(found) for each in GOALS if {each.case, each.yardstick} <= set(found)
    ]
    report["not_measured"] = sorted({each.yardstick for each in GOALS} - set(found))
    if as_json:
        print_json(report)
    else:
        _show(report, found)


def parse_size(text: str) -> int:
    """`1GiB`, `512M`, `4096`: bytes, in powers of 1024. Raises typer.BadParameter."""
    match = re.fullmatch(r"([1-9][0-9]*)\s*([kmg]?)(?:i?b)?", text.strip().lower())
    if not match:
        raise typer.BadParameter(f"not a size: {text!r}; expected for example 1GiB")
    return int(match[1]) * _UNITS[match[2]]


def _loads(place: Path, size: int, threads: int, rounds: int) -> dict[str, Series]:
    stderr.print("Sealing a model to load …")
    loading = Loading(place, size, threads)
    rival = tensorizer(place, size, threads)
    warm: list[Case | None] = [
        loading.copy(), loading.ours(), loading.ours_fresh(), loading.tink(), rival
    ]  # fmt: skip
    stderr.print("Loading from the page cache …")
    found = interleaved([each for each in warm if each], rounds)
    stderr.print("Loading from the disk …")
    found |= interleaved([loading.copy_cold(), loading.ours_cold()], max(3, rounds // 2))
    stderr.print("Sealing …")
    return found | interleaved([loading.sealing()], 3)


def _show(report: dict[str, object], found: dict[str, Series]) -> None:
    for name in ("machine", "bytes", "threads", "rounds", "library_openssl", "c_loop"):
        stdout.print(f"{name}: {report[name]}", markup=False)
    table = Table("case", "GB/s median", "min", "max", "GB/CPU-s")
    for name, series in found.items():
        figures = (series.median, min(series.wall), max(series.wall), series.cpu_median)
        table.add_row(name, *(f"{each:.2f}" for each in figures))
    stdout.print(table)
    ratios = Table("ratio", "goal", "found", "by CPU time", "met")
    for goal in GOALS:
        if {goal.case, goal.yardstick} <= set(found):
            each = goal.document(found)
            ratios.add_row(
                f"{goal.case} / {goal.yardstick}",
                f"≥ {goal.least}",
                str(each["ratio"]),
                str(each["ratio_by_cpu_time"]),
                "yes" if each["met"] else "NO",
            )
    stdout.print(ratios)
    for missing in report["not_measured"] if isinstance(report["not_measured"], list) else []:
        stdout.print(f"not measured: {missing}", markup=False)

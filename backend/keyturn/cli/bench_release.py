"""`keyturn bench release`: releases a second, how long one takes, and where the time goes.

A real keyholder, HSM worker and token; the load comes from another process, whose own work
(devices' signatures above all) is done before the clock starts and is counted apart. Rounds go
through every case in turn, so that a neighbour's load meets all alike; figures are medians of
rounds with their spread, quantiles are over all rounds.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.strictjson import Fields
from keyturn.cli.bench_release_place import KINDS, Place, made_place
from keyturn.cli.bench_release_report import (
    CASES,
    Case,
    Measured,
    milliseconds,
    report_of,
    show,
)
from keyturn.cli.bench_release_yardsticks import hsm_and_disk, measure, signature_checks
from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import errors_explained, print_json, stderr
from keyturn.keyrelease.request import parse_request

_YARDSTICK_COUNT = 40


def register_bench(bench: typer.Typer) -> None:
    """Add `release` to `keyturn bench`."""
    bench.command("release")(release)


def release(
    requests: Annotated[int, typer.Option(min=2, help="Requests of a case in a round.")] = 150,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 5,
    seconds: Annotated[float, typer.Option(min=0, help="No round is begun after so long.")] = 40.0,
    nodes: Annotated[int, typer.Option(min=1, max=16, help="Nodes of each kind.")] = 2,
    workers: Annotated[int, typer.Option(min=1, max=64, help="HSM workers.")] = 1,
    module: Annotated[
        Path | None, typer.Option(help="SoftHSM 2's PKCS#11 module; default where it is usual.")
    ] = None,
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
        with made_place(Path(scratch), nodes, workers, module) as place:
            facts["set_up_seconds"] = round(time.monotonic() - began, 1)
            measured = _measure(place, requests, rounds, began + seconds)
    report = report_of(facts, measured)
    if as_json:
        print_json(report)
    else:
        show(report, measured)


def _measure(place: Place, requests: int, rounds: int, until: float) -> Measured:
    """Rounds over every case and yardstick; each kind of node once before, unmeasured."""
    measured = Measured()
    kind = KINDS[-1].name
    sample = place.load.ask({"do": "sample", "variant": kind}).b64("request")
    checks = signature_checks(parse_request(sample))
    for each in KINDS:
        _run(place, Case(each.name, 2), min(requests, 20), [])
    with hsm_and_disk(place, place.models[kind]) as hsm_and_file:
        for number in range(rounds):
            if number and time.monotonic() > until:
                break
            stderr.print(f"Round {number + 1} …")
            measure([*checks, *hsm_and_file], _YARDSTICK_COUNT, measured.alone)
            for case in CASES:
                count = max(2, requests // 5) if case.whole else requests
                result, busy = _run(place, case, count, measured.challenges)
                measured.cases[case.name].add(result, busy)
    return measured


def _run(place: Place, case: Case, count: int, challenges: list[float]) -> tuple[Fields, float]:
    """One case once: its result, and the CPU seconds of the keyholder's side meanwhile."""
    job: dict[str, object] = {"do": "whole", "variant": case.kind, "count": count}
    if not case.whole:
        made = place.load.ask({"do": "prepare", "variant": case.kind, "count": count})
        challenges += milliseconds(made, "challenge_us")
        job = {"do": "fire", "rate": case.rate}
    before = place.cpu_seconds()
    result = place.load.ask({**job, "connections": case.connections})
    return result, place.cpu_seconds() - before

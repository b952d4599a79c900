"""`keyturn bench attest`: what verifying evidence costs beside its bare signature checks, and an
impact preview over ten thousand nodes (DESIGN §11).

The evidence is recorded, out of a folder of vectors. A verification and its bare signature checks
are made in turn in one thread, so that a neighbour's load meets both alike; ratios are of
CPU time, which a neighbour does not lengthen as it does the wall clock. What is *bare*:
`keyturn.cli.bench_attest_cases`.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.cli.bench_attest_cases import Verification, recorded
from keyturn.cli.bench_attest_fleet import made_fleet
from keyturn.cli.bench_release_yardsticks import Times, Yardstick, measure, quantile
from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.policy.impact import LogPosition
from keyturn.policy.impact_document import preview_digest
from keyturn.policy.preview import preview

RATIO = 1.5
IMPACT_SECONDS = 5.0


def register_bench(bench: typer.Typer) -> None:
    """Add `attest` to `keyturn bench`."""
    bench.command("attest")(attest)


def attest(
    vectors: Annotated[Path, typer.Argument(help="manifest.json of a folder of vectors.")],
    rounds: Annotated[int, typer.Option(min=1, help="Verifications of each kind.")] = 200,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of the impact preview.")] = 10_000,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="All kinds in turn, so that each finds caches cold.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure verification against bare signature checks, and an impact preview."""
    with errors_explained(as_json=as_json):
        facts = {"machine": machine(), "rounds": rounds, "nodes": nodes, "mixed": mixed}
        found = recorded(vectors)
        stderr.print("Verifying …")
        times: dict[str, Times] = {}
        for pairs in _turns(found.verifications, mixed):
            measure(pairs, rounds, times)
        measure([_first(each) for each in found.verifications], max(1, rounds // 10), times)
        verified = {each.name: _figures(each, times) for each in found.verifications}
        stderr.print("Previewing …")
        now = datetime.now(UTC).replace(microsecond=0)
        fleet = made_fleet(found.snp, found.gpu, nodes, now)
        began, busy = time.perf_counter(), time.process_time()
        impact = preview(fleet.draft, fleet.state, fleet.observed, LogPosition(0, "00" * 32), now)
        digest = preview_digest(impact)
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
        shown = {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu, 2),
            "goal_seconds": IMPACT_SECONDS,
            "met": seconds <= IMPACT_SECONDS,
            "counts": {group.value: count for group, count in impact.counts.items()},
            "digest": digest,
        }
    if as_json:
        print_json({**facts, "verifications": verified, "impact": shown})
        return
    _show(verified, shown, nodes)


def _both(verification: Verification) -> tuple[Yardstick, Yardstick]:
    return (
        Yardstick(verification.name, verification.whole),
        Yardstick(_bare(verification.name), verification.bare),
    )


def _turns(verifications: Sequence[Verification], mixed: bool) -> list[list[Yardstick]]:
    """What is measured together: each kind with its bare checks, or all of them."""
    pairs = [list(_both(each)) for each in verifications]
    return [[each for pair in pairs for each in pair]] if mixed else pairs


def _first(verification: Verification) -> Yardstick:
    return Yardstick(_new(verification.name), verification.new)


def _new(name: str) -> str:
    return f"{name}: nothing seen before"


def _bare(name: str) -> str:
    return f"{name}: bare signature checks"


def _figures(verification: Verification, times: Mapping[str, Times]) -> dict[str, object]:
    """Milliseconds of CPU time, medians; `per_second`: verifications of one core. `bare` names the
    signatures of the yardstick, `new…` is with nothing kept from before."""
    whole = quantile(times[verification.name].cpu, 0.5)
    bare = quantile(times[_bare(verification.name)].cpu, 0.5)
    return {
        "bare": verification.signatures,
        "cpu_p50_ms": round(whole, 3),
        "bare_cpu_p50_ms": round(bare, 3),
        "ratio": round(whole / bare, 2),
        "goal": RATIO,
        "met": whole <= RATIO * bare,
        "per_second": round(1000 / whole),
        "new_cpu_p50_ms": round(quantile(times[_new(verification.name)].cpu, 0.5), 3),
    }


def _show(
    verified: Mapping[str, Mapping[str, object]], impact: Mapping[str, object], nodes: int
) -> None:
    names = ("verified", "CPU ms", "bare", "ratio", "goal", "met", "per s and core", "new, ms")
    table = Table(*names, "signatures of bare")
    for name, each in verified.items():
        figures = [str(each[key]) for key in ("cpu_p50_ms", "bare_cpu_p50_ms", "ratio", "goal")]
        table.add_row(
            name,
            *figures,
            "yes" if each["met"] else "NO",
            str(each["per_second"]),
            str(each["new_cpu_p50_ms"]),
            str(each["bare"]),
        )
    for column in table.columns[1:-1]:
        column.justify = "right"
    stdout.print(table)
    stdout.print(
        "bare: signatures that each evidence brings anew, verified by the library alone; those of\n"
        "certificates and collateral are verified once. new: with nothing seen before."
    )
    met = "met" if impact["met"] else "NOT met"
    stdout.print(
        f"Impact preview over {nodes} nodes: {impact['seconds']} s "
        f"(goal {IMPACT_SECONDS:.0f} s, {met}), {impact['cpu_seconds']} s of CPU"
    )

"""`keyturn bench`: measures what DESIGN §11 promises, as ratios within one run.

Programs add their benches through entry points of the group `keyturn.bench`: functions
`register_bench(bench: typer.Typer) -> None`.
"""

from importlib.metadata import entry_points

import typer

from keyturn.cli import (
    bench_attest,
    bench_log,
    bench_release,
    bench_rotation,
    bench_seal,
    bench_unseal,
)

GROUP = "keyturn.bench"


def register(app: typer.Typer) -> None:
    """Add `bench` with every bench that is installed."""
    bench = typer.Typer(no_args_is_help=True, help="Measure speed, as ratios within one run.")

    @bench.callback()
    def group() -> None:
        """Measure speed, as ratios within one run."""

    programs = (bench_seal, bench_release, bench_rotation, bench_unseal, bench_log, bench_attest)
    for each in programs:
        each.register_bench(bench)
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        point.load()(bench)
    app.add_typer(bench, name="bench")

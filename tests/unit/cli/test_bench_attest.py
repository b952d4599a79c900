"""`keyturn bench attest`: figures are ratios of one run's medians."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from keyturn.cli.bench_attest import _bare, _both, _figures, _show, register_bench
from keyturn.cli.bench_attest_cases import Verification
from keyturn.cli.bench_release_yardsticks import Times
from keyturn.cli.output import stdout

ONE = Verification("SNP", lambda: 1, lambda: 2)


def test_a_ratio_is_of_medians_of_cpu_time() -> None:
    times = {"SNP": Times([9.0], [1.0, 3.0, 9.0]), _bare("SNP"): Times([9.0], [2.0, 2.0, 2.0])}
    found = _figures(ONE, times)
    assert (found["ratio"], found["met"], found["per_second"]) == (1.5, True, 333)
    assert [each.act() for each in _both(ONE)] == [1, 2]


def test_what_is_not_met_is_said() -> None:
    times = {"SNP": Times([9.0], [4.0]), _bare("SNP"): Times([9.0], [2.0])}
    impact = {"met": False, "seconds": 9, "cpu_seconds": 8}
    with stdout.capture() as text:
        _show({"SNP": _figures(ONE, times)}, impact, 10)
    assert "NO" in text.get()
    assert "NOT met" in text.get()


def test_vectors_that_are_not_there(tmp_path: Path) -> None:
    app = typer.Typer()
    register_bench(app)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["attest", str(tmp_path / "manifest.json")])
    assert done.exit_code == 1

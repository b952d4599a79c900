import json

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli import bench, bench_log
from keyturn.cli.bench_log import Timing


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A small log, and few repetitions: what is tested is what is measured, not how well."""
    for name, small in (("SAMPLE", 20), ("STATEMENTS", 5), ("STARTS", 2)):
        monkeypatch.setattr(bench_log, name, small)
    app = typer.Typer()
    bench.register(app)
    arguments = ["bench", "log", "--entries", "600", "--appends", "4", "--threads", "2"]
    return lambda *more: CliRunner().invoke(app, [*arguments, "--directory", str(tmp_path), *more])


def test_every_bench_has_its_command():
    app = typer.Typer()
    bench.register(app)
    shown = CliRunner().invoke(app, ["bench", "--help"]).stdout
    assert all(name in shown for name in ("seal", "release", "log"))


def test_it_times_appends_and_proofs_and_leaves_nothing(run, tmp_path):
    result = run("--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    counts = {each["what"]: each["count"] for each in report["timings"]}
    assert counts["bare write and fsync"] == 4
    assert counts["append, alone"] == 4
    assert counts["append, 2 waiting"] == 16
    assert counts["receipt"] == counts["consistency proof"] == bench_log.SAMPLE
    assert all(0 < each["p50_ms"] <= each["p99_ms"] for each in report["timings"])
    assert report["entries"] == 600
    assert list(tmp_path.iterdir()) == []


def test_people_see_a_table(run):
    result = run()
    assert result.exit_code == 0
    assert "inclusion proof, first" in result.stdout


def test_quantiles_are_milliseconds_of_single_repetitions():
    timing = Timing("x", tuple(each / 1000 for each in range(1, 101)), 10.0)
    assert timing.per_second == 10
    assert timing.quantile(0.5) == pytest.approx(51)
    assert timing.quantile(0.99) == pytest.approx(100)

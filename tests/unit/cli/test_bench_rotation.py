import json

import typer
from typer.testing import CliRunner

from keyturn.cli import bench
from keyturn.cli.bench_rotation import ALONE, GOAL, WHOLE, WORKER, Figures


def test_it_measures_each_case_and_says_whether_the_goal_is_met() -> None:
    app = typer.Typer()
    bench.register(app)
    arguments = ["bench", "rotation", "--keys", "450", "--rounds", "2", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    rates = report["rates"]
    assert set(rates) == {ALONE, WORKER, WHOLE}
    assert all(0 < each["min"] <= each["median"] <= each["max"] for each in rates.values())
    assert report["met"] is (rates[WHOLE]["median"] >= GOAL)
    assert 0 < report["whole_to_worker"] < 2


def test_a_rate_is_a_median_of_rounds() -> None:
    figures = Figures({"a": [1.0, 9.0, 2.0]}, {"a": [3.0, 7.0, 4.0]})
    assert (figures.median("a"), figures.cpu_median("a")) == (2.0, 4.0)
    assert figures.to_data() == {"a": {"median": 2, "min": 1, "max": 9, "median_by_cpu_time": 4}}

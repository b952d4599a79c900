"""The whole bench, as small as it gets: a real token, keyholder and simulated devices."""

import json
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli import bench, bench_release, bench_release_place
from keyturn.cli.bench_release_report import CASES
from support.hsmtoken import softhsm_module


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()
    bench.register(app)
    return app


@pytest.fixture
def place():
    """A directory with a path short enough for sockets; pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="kt-") as directory:
        yield Path(directory)


def test_it_measures_every_case_and_leaves_nothing(app, place, monkeypatch):
    monkeypatch.setattr(bench_release, "_YARDSTICK_COUNT", 2)
    arguments = ["--requests", "4", "--rounds", "1", "--nodes", "1", "--directory", str(place)]
    module = ["--module", str(softhsm_module())]
    result = CliRunner().invoke(app, ["bench", "release", *arguments, *module, "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert list(report["cases"]) == [case.name for case in CASES]
    assert report["rounds"] == 1
    for case in CASES:
        found = report["cases"][case.name]
        assert found["releases"] == (2 if case.whole else 4)
        assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert {each["what"].partition(":")[0] for each in report["goals"]} == {"cpu", "cpu+gpu", "SNP"}
    assert all(each["p50_ms"] > 0 for each in report["alone"].values())
    assert list(place.iterdir()) == []


def test_without_a_simulator_it_says_what_is_missing(app, monkeypatch, place):
    monkeypatch.setattr(bench_release_place, "SIMULATOR", "no-such-program")
    result = CliRunner().invoke(app, ["bench", "release", "--directory", str(place), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["expected"] == "the program no-such-program"


def test_a_path_too_long_for_sockets_is_refused_at_once(app, tmp_path):
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    result = CliRunner().invoke(app, ["bench", "release", "--directory", str(deep), "--json"])
    assert result.exit_code == 1
    assert "too long for a socket" in json.loads(result.stdout)["error"]["message"]
    assert list(deep.iterdir()) == []

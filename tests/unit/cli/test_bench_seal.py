import json

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli import bench, bench_seal, bench_seal_cases
from keyturn.cli.bench_seal import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("1GiB", 1 << 30), ("512M", 512 << 20), ("3kb", 3072), ("4096", 4096), ("2 mib", 2 << 20)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "GiB", "1TiB", "-1M", "1.5G"])
def test_what_is_no_size(text):
    with pytest.raises(typer.BadParameter, match="not a size"):
        parse_size(text)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command on a small model, without the rivals that take minutes to import."""
    monkeypatch.setattr(bench_seal, "tensorizer", lambda *_: None)
    monkeypatch.setattr(bench_seal_cases, "WORKING_SET", 8)
    app = typer.Typer()
    bench.register(app)
    arguments = ["bench", "seal", "--size", "3MiB", "--rounds", "3", "--dir", str(tmp_path)]
    return lambda *more: CliRunner().invoke(app, [*arguments, *more])


def test_it_reports_every_case_and_goal(run, tmp_path):
    result = run("--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert {"decrypt: ours", "load: ours", "load: copy", "cold: ours", "seal"} <= set(
        report["cases"]
    )
    assert all(each["median_gb_s"] > 0 for each in report["cases"].values())
    assert report["not_measured"][-1] == "load: tensorizer encrypted"
    assert report["bytes"] == 3 << 20
    assert list(tmp_path.iterdir()) == []


def test_without_a_compiler_the_c_loop_is_said_to_be_absent(run, monkeypatch):
    monkeypatch.setattr(bench_seal, "c_loop", lambda: "no C compiler")
    result = run()
    assert result.exit_code == 0
    assert "c_loop: no C compiler" in result.stdout
    assert "not measured: decrypt: C loop" in result.stdout

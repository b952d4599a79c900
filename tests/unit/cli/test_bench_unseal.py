"""The bench of unsealing, as small as it gets."""

import json
import tempfile
from pathlib import Path

import typer
from typer.testing import CliRunner

from keyturn.cli import bench
from support.hsmtoken import softhsm_module


def test_it_measures_from_the_last_share_to_the_first_release() -> None:
    app = typer.Typer()
    bench.register(app)
    with tempfile.TemporaryDirectory(prefix="kt-") as place:
        arguments = ["--rounds", "1", "--directory", place, "--module", str(softhsm_module())]
        result = CliRunner().invoke(app, ["bench", "unseal", *arguments, "--json"])
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert list(Path(place).iterdir()) == []
    assert report["rounds"] == 1
    assert report["unseal_ms"] > 0
    assert report["release_ms"] > 0
    assert report["goal_ms"] == 1000

"""`keyturn evidence explain` is there beside `verify`; what it does is in `test_nodeexplain`."""

import typer
from typer.testing import CliRunner

from keyturn.cli import evidence


def test_it_says_what_it_takes() -> None:
    app = typer.Typer()
    evidence.register(app)
    found = CliRunner().invoke(app, ["evidence", "explain", "--help"], env={"COLUMNS": "200"})
    assert found.exit_code == 0
    for word in ("BUNDLE", "--fingerprint", "--profile", "--json"):
        assert word.lower() in found.output.lower()
    assert CliRunner().invoke(app, ["evidence", "explain"]).exit_code == 2

"""The command's manners; whole runs are in test_program."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from keyturn.agent.command import register


def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    return made


def test_no_configuration_is_wrong_usage() -> None:
    assert CliRunner().invoke(app(), ["agent"]).exit_code == 2


def test_a_bad_configuration_exits_1(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("node = 7")

    assert CliRunner().invoke(app(), ["agent", "--config", str(tmp_path / "a.toml")]).exit_code == 1

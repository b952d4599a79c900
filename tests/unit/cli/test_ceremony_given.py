"""Options that commands share: each has its own, then the common ones, as one value."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from keyturn.cli.ceremony_given import HOST, KEYHOLDER, OFFICER, READER, Given, asks


def run(options: tuple[str, ...], *arguments: str) -> tuple[Result, list[tuple[Given, str, bool]]]:
    app = typer.Typer()
    taken: list[tuple[Given, str, bool]] = []

    @app.command()
    @asks(options)
    def act(
        given: Given,
        name: Annotated[str, typer.Argument(help="What it is about.")],
        twice: Annotated[bool, typer.Option("--twice", help="Do it again.")] = False,
    ) -> None:
        """Does something."""
        taken.append((given, name, twice))

    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"}), taken


def test_what_is_given_comes_as_one_value() -> None:
    result, taken = run(
        OFFICER,
        *("n", "--twice", "--socket", "s", "--profile", "p", "--authority", "a"),
        *("--fingerprint", "f", "--key-file", "k", "--passphrase-fd", "7", "--json"),
    )
    assert result.exit_code == 0, result.output
    given = Given(Path("s"), Path("p"), Path("a"), "f", Path("k"), 7, True)
    assert taken == [(given, "n", True)]


@pytest.mark.parametrize("options", [HOST, READER, OFFICER, KEYHOLDER])
def test_nothing_is_needed(options: tuple[str, ...]) -> None:
    result, taken = run(options, "n")
    assert result.exit_code == 0, result.output
    assert taken == [(Given(), "n", False)]


@pytest.mark.parametrize(
    ("options", "without"),
    [
        (HOST, ("--authority", "--fingerprint", "--key-file")),
        (READER, ("--key-file",)),
        (KEYHOLDER, ("--authority",)),
        (OFFICER, ()),
    ],
)
def test_a_command_has_what_it_asks_for_after_its_own(
    options: tuple[str, ...], without: tuple[str, ...]
) -> None:
    told = run(options, "--help")[0].stdout
    assert "Does something." in told
    every = ["--twice", "--socket", "--profile", "--authority", "--fingerprint"]
    every += ["--key-file", "--passphrase-fd", "--json"]
    places = [told.index(each) for each in every if each not in without]
    assert places == sorted(places)
    for each in without:
        assert each not in told
        assert run(options, "n", each, "x")[0].exit_code == 2

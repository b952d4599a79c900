"""Only the part that was asked for is imported; all of them are found."""

from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from keyturn.cli import main


def names(wanted: str | None) -> set[str]:
    return {
        each.name or getattr(each.callback, "__name__", "")
        for each in [*main.build(wanted).registered_commands, *main.build(wanted).registered_groups]
    }


def test_every_command_line_of_the_design_is_there() -> None:
    designed = {
        "init", "control", "keyholder", "agent", "hsm", "db", "seal", "sealed", "evidence",
        "officer", "proposal", "node", "model", "log", "bench", "connect", "version",
    }  # fmt: skip
    assert designed <= names(None)


def test_one_command_loads_its_part_alone() -> None:
    assert names("seal") == {"seal", "sealed", "version"}


def test_an_unknown_word_is_a_usage_error() -> None:
    result = CliRunner().invoke(main.build("nonsense"), ["nonsense"])

    assert result.exit_code == 2
    assert "nonsense" in result.output


def test_a_part_whose_extra_is_missing_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = EntryPoint("absent", "no_such_library_here.command:register", main.GROUP)
    monkeypatch.setattr(main, "entry_points", lambda group: [absent])

    assert names(None) == {"version"}


def test_a_missing_module_of_ours_is_a_bug_and_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "keyturn.no_such_module:register", main.GROUP)
    monkeypatch.setattr(main, "entry_points", lambda group: [broken])

    with pytest.raises(ModuleNotFoundError):
        main.build()


def test_version_needs_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names("version") == {"version"}

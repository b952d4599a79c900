"""Foreign text on a terminal: seen, never obeyed; errors said once, in a form that holds."""

import io
import json

import pytest
import typer
from rich.table import Table

from keyturn.base.errors import UntrustedError
from keyturn.cli import output
from keyturn.cli.output import SafeConsole, errors_explained, explain, print_json, shown

SPOOF = "ok\x1b[2K\x1b[1A\x07\x08\r\x7f\x9b2K\u202eevil\u2066"
OBEYED = set("\x1b\x07\x08\r\x7f\x9b\u202e\u2066")


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


def console(paper: io.StringIO) -> SafeConsole:
    return SafeConsole(file=paper, soft_wrap=True, highlight=False, width=200)


def test_each_control_has_one_character_that_is_seen() -> None:
    assert shown("a\x00\x1b\x7f\x9b\u202e\u2028b") == "a\u2400\u241b\u2421\ufffd\ufffd\ufffdb"
    assert shown("one\n\ttwo é שלום") == "one\n\ttwo é שלום"


def test_no_printed_text_reaches_the_terminal_as_a_command(paper: io.StringIO) -> None:
    table = Table("name", SPOOF, title=SPOOF, caption=SPOOF)
    table.add_row("node", SPOOF)
    printer = console(paper)
    printer.print(SPOOF, markup=False)
    printer.print(f"[bold]{SPOOF}[/bold]")
    printer.print(table)

    assert not OBEYED & set(paper.getvalue())
    assert paper.getvalue().count("ok\u241b[2K\u241b[1A\u2407\u2408\u240d\u2421\ufffd2K") == 6


def test_a_servers_refusal_is_shown(paper: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "stderr", console(paper))
    explain(UntrustedError(SPOOF, found=SPOOF, expected=SPOOF, hint=SPOOF))

    assert not OBEYED & set(paper.getvalue())
    assert paper.getvalue().count("evil") == 4


def test_json_keeps_the_text_and_holds_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"said": SPOOF})
    text = capsys.readouterr().out

    assert not OBEYED & set(text)
    assert json.loads(text) == {"said": SPOOF}


def test_the_commands_consoles_are_safe() -> None:
    assert isinstance(output.stdout, SafeConsole)
    assert isinstance(output.stderr, SafeConsole)


def test_what_the_system_refuses_is_explained(
    paper: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "stderr", console(paper))
    with pytest.raises(typer.Exit) as ended, errors_explained():
        raise OSError(28, "No space left on device", "/disk/file")

    assert ended.value.exit_code == 1
    assert "/disk/file" in paper.getvalue()
    assert "No space left on device" in paper.getvalue()


def test_and_to_machines_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, errors_explained(as_json=True):
        raise PermissionError(13, "Permission denied")

    found = json.loads(capsys.readouterr().out)["error"]
    assert ended.value.exit_code == 1
    assert (found["kind"], found["found"]) == ("SystemRefused", "Permission denied")

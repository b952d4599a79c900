"""How every command speaks: results on stdout, people's notes and errors on stderr.

With `--json` a command prints exactly one JSON document on stdout and nothing else there.
Exit status: 0 done, 1 refused or failed, 2 wrong usage (DESIGN §8).
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from keyturn.base.errors import KeyturnError
from keyturn.quorum.texts import HIDDEN

# Where nobody's window sets the width, tables are wide enough for whole digests.
_WIDE = 240

_DELETE = 0x7F
_PICTURES = 0x2400  # Unicode's pictures of the C0 controls, in their order
_PICTURE_OF_DELETE = "\u2421"
_NO_PICTURE = "\ufffd"


def shown(text: str) -> str:
    """`text` with every character that a terminal would obey replaced by one that is seen.

    C0 (but newline and tab) and DEL by their pictures; C1, bidirectional controls and line
    separators by U+FFFD. One column for each, so that tables keep their width.
    """
    return HIDDEN.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == _DELETE:
        return _PICTURE_OF_DELETE
    return chr(_PICTURES + code) if code < ord(" ") else _NO_PICTURE


class SafeConsole(Console):
    """Whatever text is printed here goes through `shown`: lines, titles, cells of tables."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(shown(text), **how)


stdout = SafeConsole(
    soft_wrap=True, highlight=False, width=None if sys.stdout and sys.stdout.isatty() else _WIDE
)
stderr = SafeConsole(stderr=True, soft_wrap=True, highlight=False)


def print_json(document: Mapping[str, object]) -> None:
    """The one document of a `--json` run. What a terminal would obey is written as escapes."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    sys.stdout.write(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


@contextmanager
def errors_explained(*, as_json: bool = False) -> Iterator[None]:
    """Turn a KeyturnError into a clear message and exit status 1; anything else is a bug.

    A bare OSError is the system's no to something that nobody expected it to refuse: said too.
    """
    try:
        yield
    except KeyturnError as error:
        _tell(error, as_json)
        raise typer.Exit(1) from error
    except OSError as error:
        _tell(_system_said_no(error), as_json)
        raise typer.Exit(1) from error


class SystemRefused(KeyturnError):
    """The operating system refused something: a full disk, a missing right, a dead terminal."""


def _tell(error: KeyturnError, as_json: bool) -> None:
    if as_json:
        print_json({"error": error_document(error)})
    else:
        explain(error)


def _system_said_no(error: OSError) -> SystemRefused:
    what = f": {error.filename}" if error.filename is not None else ""
    return SystemRefused(f"the system refused{what}", found=error.strerror or type(error).__name__)


def explain(error: KeyturnError) -> None:
    """Write what was found, what was expected and what to do, on stderr."""
    stderr.print(f"keyturn: {error.message}", markup=False, style="bold red")
    if error.found:
        stderr.print(f"  found     {error.found}", markup=False)
    if error.expected:
        stderr.print(f"  expected  {error.expected}", markup=False)
    if error.hint:
        stderr.print(f"  what to do: {error.hint}", markup=False)


def error_document(error: KeyturnError) -> dict[str, str]:
    """The same, for machines."""
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "found": error.found,
        "expected": error.expected,
        "hint": error.hint,
    }

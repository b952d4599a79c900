"""How every command speaks: results on stdout, people's notes and errors on stderr.

With `--json` a command prints exactly one JSON document on stdout and nothing else there.
Exit status: 0 done, 1 refused or failed, 2 wrong usage (DESIGN §8).
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer
from rich.console import Console

from keyturn.base.errors import KeyturnError

# Where nobody's window sets the width, tables are wide enough for whole digests.
_WIDE = 240

stdout = Console(
    soft_wrap=True, highlight=False, width=None if sys.stdout and sys.stdout.isatty() else _WIDE
)
stderr = Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(document: Mapping[str, object]) -> None:
    """The one document of a `--json` run."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def errors_explained(*, as_json: bool = False) -> Iterator[None]:
    """Turn a KeyturnError into a clear message and exit status 1; anything else is a bug."""
    try:
        yield
    except KeyturnError as error:
        if as_json:
            print_json({"error": error_document(error)})
        else:
            explain(error)
        raise typer.Exit(1) from error


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

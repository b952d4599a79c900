"""`keyturn bench app`: how fast the window starts and stays, and what memory it takes.

Everything here is of the bench alone; the app imports nothing of it.
"""

from importlib import import_module
from importlib.util import find_spec

import typer


def register_bench(bench: typer.Typer) -> None:
    """Add `app` to `keyturn bench`, where Qt is installed."""
    if find_spec("PySide6") is not None:
        import_module("keyturn_app.bench.command").register(bench)

"""`keyturn`: one command whose parts are found by entry points (a node has no control plane).

Each entry point of the group `keyturn.commands` is named like the command that it adds, and is a
function `register(app: typer.Typer) -> None`. Only the part that was asked for is imported.
"""

import sys
from importlib.metadata import EntryPoint, entry_points

import typer

from keyturn import __version__

GROUP = "keyturn.commands"


def build(wanted: str | None = None) -> typer.Typer:
    """The command with the part that adds `wanted`, or with every part that is installed."""
    app = typer.Typer(
        name="keyturn",
        help="Keep AI model weights sealed until a machine has proved what it is.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @app.command()
    def version() -> None:
        """Print the version."""
        typer.echo(__version__)

    for point in _parts(wanted):
        try:
            register = point.load()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "keyturn":
                raise
            continue  # its extra is not installed here
        register(app)
    return app


def _parts(wanted: str | None) -> list[EntryPoint]:
    """Entry points to load, each function once, in the order of their names."""
    if wanted == "version":
        return []
    found = sorted(entry_points(group=GROUP), key=lambda each: each.name)
    chosen = [each for each in found if each.name == wanted]
    by_function = {each.value: each for each in reversed(chosen or found)}
    return sorted(by_function.values(), key=lambda each: each.name)


def main() -> None:
    build(sys.argv[1] if len(sys.argv) > 1 else None)()

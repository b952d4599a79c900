"""`keyturn`: one command whose parts are found by entry points (a node has no control plane).

Each entry point of the group `keyturn.commands` is a function `register(app: typer.Typer) -> None`.
"""

from importlib.metadata import entry_points

import typer

from keyturn import __version__

GROUP = "keyturn.commands"


def build() -> typer.Typer:
    """The command with every part that is installed."""
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

    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            register = point.load()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "keyturn":
                raise
            continue  # its extra is not installed here
        register(app)
    return app


def main() -> None:
    build()()

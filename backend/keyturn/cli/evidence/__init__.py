"""`keyturn evidence`: verify evidence from files, and check the verifiers against a manifest."""

import typer

from keyturn.cli.evidence.conformance import conformance
from keyturn.cli.evidence.explain import explain
from keyturn.cli.evidence.verify import verify


def register(app: typer.Typer) -> None:
    """Add `keyturn evidence`."""
    evidence = typer.Typer(help="Verify evidence of hardware.", no_args_is_help=True)
    evidence.command("verify")(verify)
    evidence.command("conformance")(conformance)
    evidence.command("explain")(explain)
    app.add_typer(evidence, name="evidence")

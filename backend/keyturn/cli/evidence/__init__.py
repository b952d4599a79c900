"""`keyturn evidence`: verify evidence from files, and check the verifiers against a manifest."""

import typer

from keyturn.cli.evidence.conformance import conformance
from keyturn.cli.evidence.verify import verify
from keyturn.cli.nodeexplain import explain_bundle


def register(app: typer.Typer) -> None:
    """Add `keyturn evidence`."""
    evidence = typer.Typer(help="Verify evidence of hardware.", no_args_is_help=True)
    evidence.command("verify")(verify)
    evidence.command("conformance")(conformance)
    evidence.command("explain")(explain_bundle)
    app.add_typer(evidence, name="evidence")

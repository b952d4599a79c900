"""`keyturn evidence explain`: a carried explanation, checked again without a server."""

from pathlib import Path
from typing import Annotated

import typer


def explain(
    bundle: Annotated[Path, typer.Argument(help="What `keyturn node explain -o` wrote.")],
    fingerprint: Annotated[
        str | None, typer.Option(help="The authority to start from; else the profile's.")
    ] = None,
    profile: Annotated[Path | None, typer.Option(help="An officer's profile directory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Check a carried explanation again, from the pinned authority on."""
    # The client's part is not installed wherever evidence is verified from files.
    from keyturn.cli.nodeexplain import explain_bundle

    explain_bundle(bundle, fingerprint, profile, as_json=as_json)

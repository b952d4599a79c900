"""`keyturn model`: sealed models in the inventory, and proposing that one be admitted."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, now, warn_simulated
from keyturn.cli.proposal import Lapses, Reason, Ticket
from keyturn.cli.showing import print_proposal, proposal_document
from keyturn.client.admitting import read_sealed_files
from keyturn.client.changes import changes_of
from keyturn.client.inventory import Model
from keyturn.quorum.kinds import Kind

app = typer.Typer(help="Sealed models.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="model")


@app.command("register")
def register_model(
    directory: Annotated[Path, typer.Argument(help="What `keyturn seal` wrote.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Put a sealed model into the inventory; the files stay where they are."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        files = read_sealed_files(directory)
        model = desk.client.register_model(files.manifest, files.key)
        _show(model, desk.client.authority().roster.simulation, as_json)


@app.command("list")
def list_models(
    profile: ProfileDir = None, passphrase_fd: PassphraseFd = None, as_json: AsJson = False
) -> None:
    """The inventory; what is admitted is read from the log."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        models = desk.client.models()
        simulated = desk.client.authority().roster.simulation
        if as_json:
            print_json({"models": [_document(each, simulated) for each in models]})
            return
        warn_simulated(simulated)
        table = Table("digest", "name", "version", "files", "bytes", "admitted")
        for each in models:
            table.add_row(
                each.digest[7:19],
                escape(each.name),
                escape(each.version),
                str(each.files),
                f"{each.size:,}",
                _admitted(each),
            )
        stdout.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Digest, its first digits, or the name.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """One model."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        model = desk.client.model(name)
        _show(model, desk.client.authority().roster.simulation, as_json)


@app.command()
def admit(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="SEALED_DIR", help="What `keyturn seal` wrote; keyturn.json and .key suffice."
        ),
    ],
    policy: Annotated[str, typer.Option(help="Id of the policy that will govern it.")],
    reason: Reason,
    expires_days: Annotated[int, typer.Option(min=1, max=400, help="Days in force.")] = 90,
    lapses_hours: Lapses = 72,
    ticket: Ticket = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Propose that a sealed model may be released under a policy.

    What is signed is read from the files here, never from the server.
    """
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        files = read_sealed_files(directory)
        proposal = desk.client.propose_change(
            Kind.MODEL,
            files.digest,
            files.admission_body(policy),
            reason=reason,
            life=timedelta(days=expires_days),
            lapses=timedelta(hours=lapses_hours),
            ticket=ticket,
            key=files.key,
            manifest=files.manifest,
        )
        simulated = desk.client.authority().roster.simulation
        if as_json:
            print_json(proposal_document(proposal, simulated=simulated))
            return
        warn_simulated(simulated)
        print_proposal(proposal, *changes_of(proposal.statement, desk.client.state()), now())


def _document(model: Model, simulated: bool) -> dict[str, object]:
    admission = model.admission
    return {
        "digest": model.digest,
        "model_id": model.model_id,
        "name": model.name,
        "version": model.version,
        "files": model.files,
        "bytes": model.size,
        "ingest_key": model.ingest_key,
        "tag": model.tag,
        "registered": model.registered,
        "admitted": admission is not None,
        "admission": admission and admission.statement.digest,
        "index": admission and admission.index,
        "simulated": simulated,
    }


def _show(model: Model, simulated: bool, as_json: bool) -> None:
    if as_json:
        print_json(_document(model, simulated))
        return
    warn_simulated(simulated)
    table = Table(show_header=False, box=None)
    for label, value in _document(model, simulated).items():
        table.add_row(f"[bold]{label}[/bold]", escape(str(value)))
    stdout.print(table)


def _admitted(model: Model) -> str:
    if model.admission is None:
        return "no (NOT IN FORCE)"
    return f"[green]yes[/green], log index {model.admission.index}"

"""The commands `keyturn agent` and `keyturn agent doctor`."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keyturn.agent.config import load_config
from keyturn.agent.leaseparts import EndReason
from keyturn.base.errors import KeyturnError
from keyturn.cli.output import errors_explained, explain, print_json, shown, stderr
from keyturn.keyrelease.grant import RefusalDocument

if TYPE_CHECKING:
    from keyturn.agent.driver import Outcome

Config = Annotated[
    Path | None, typer.Option("--config", help="The node's TOML file.", exists=True, dir_okay=False)
]

_GOOD_ENDS = (EndReason.STOPPED, EndReason.REVOKED)


class ShownFormatter(logging.Formatter):
    """Log lines may quote a server: what a terminal would obey is shown instead."""

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


def register(app: typer.Typer) -> None:
    """Add the agent's commands."""
    agent = typer.Typer(help="Run a node: attest, open a sealed model in memory, serve it.")
    app.add_typer(agent, name="agent")

    @agent.callback(invoke_without_command=True)
    def run(context: typer.Context, config: Config = None) -> None:
        """Run a node until it is stopped or revoked.

        Exit status 0: stopped or revoked, and wiped. 1: refused or failed, and wiped.
        """
        if context.invoked_subcommand is not None:
            return
        if config is None:
            raise typer.BadParameter("needed to run a node", param_hint="--config")
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(ShownFormatter("%(asctime)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        logging.getLogger("httpx").setLevel(logging.WARNING)
        with errors_explained():
            settings = load_config(config, os.environ)
            # Imported here: torch takes seconds that other commands should not wait for.
            from keyturn.agent.program import outcome_line, run_agent

            outcome = run_agent(settings)
        typer.echo(outcome_line(outcome))
        if not ended_well(outcome):
            _explain(outcome)
            raise typer.Exit(1)

    @agent.command()
    def doctor(
        config: Annotated[Path, typer.Option("--config", exists=True, dir_okay=False)],
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Try what a node needs, one thing after the other, and say what does not work."""
        from keyturn.agent.doctor import examine

        with errors_explained(as_json=as_json):
            findings = examine(load_config(config, os.environ))
        if as_json:
            print_json({"findings": [each.to_document() for each in findings]})
        else:
            for each in findings:
                mark = "ok  " if each.good else "FAIL"
                typer.echo(shown(f"{mark} {each.name}: {each.found}"))
                if each.hint:
                    typer.echo(shown(f"     what to do: {each.hint}"))
        if not all(each.good for each in findings):
            raise typer.Exit(1)


def ended_well(outcome: "Outcome") -> bool:
    """Stopped or revoked; a revocation may first be heard of as a renewal that it refuses."""
    if outcome.reason is EndReason.RENEWAL_REFUSED and isinstance(outcome.failure, RefusalDocument):
        return {each.reason for each in outcome.failure.reasons} == {"revoked"}
    return outcome.reason in _GOOD_ENDS


def _explain(outcome: "Outcome") -> None:
    stderr.print(f"keyturn: the node ended: {outcome.reason.value}", style="bold red")
    failure = outcome.failure
    if isinstance(failure, RefusalDocument):
        for reason in failure.reasons:
            stderr.print(f"  {reason.check}: {reason.reason}", markup=False)
            stderr.print(f"    found     {reason.found}", markup=False)
            stderr.print(f"    expected  {reason.expected}", markup=False)
            stderr.print(f"    set by    {reason.statement or 'the protocol'}", markup=False)
            if reason.hint:
                stderr.print(f"    what would unblock it: {reason.hint}", markup=False)
    elif isinstance(failure, KeyturnError):
        explain(failure)

"""`keyturn proposal list --expiring`, `renew` and `calendar`: rules end unless they are renewed."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.times import format_time
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import (
    AsJson,
    Desk,
    PassphraseFd,
    ProfileDir,
    at_desk,
    now,
    warn_simulated,
)
from keyturn.cli.showing import print_proposal, proposal_document
from keyturn.client.calendar import calendar_of
from keyturn.client.changes import body_of
from keyturn.client.errors import NotFound
from keyturn.client.offline import write_new_file
from keyturn.quorum.expiry import expiring, in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import InForce


def add_commands(app: typer.Typer) -> None:
    app.command("renew")(renew)
    app.command("calendar")(calendar)


def show_expiring(desk: Desk, within: timedelta, *, as_json: bool) -> None:
    """What is in force and expires within that time, the first first."""
    moment = now()
    found = expiring(desk.client.state(), moment, within)
    simulated = desk.client.authority().roster.simulation
    if as_json:
        documents = [_document(each, moment) for each in found]
        print_json({"expiring": documents, "days": within.days, "simulated": simulated})
        return
    warn_simulated(simulated)
    if not found:
        stdout.print(f"Nothing in force expires within {within.days} days.")
        return
    table = Table("expires", "in", "kind", "subject", "v", "renew with")
    for each in found:
        statement = each.statement
        what = f"{statement.kind.value} {statement.subject}"
        table.add_row(
            format_time(statement.expires) if statement.expires else "",
            f"[red]{_days(each, moment)} days[/red]",
            statement.kind.value,
            escape(statement.subject),
            str(statement.version),
            escape(f"keyturn proposal renew {what}"),
        )
    stdout.print(table)


def renew(
    kind: Annotated[Kind, typer.Argument(help="What kind of statement.")],
    subject: Annotated[str, typer.Argument(help="Its subject.")],
    reason: Annotated[
        str, typer.Option(help="Why; every officer will read it.")
    ] = "renewed unchanged",
    expires_days: Annotated[int, typer.Option(min=1, max=400, help="Days in force.")] = 90,
    lapses_hours: Annotated[
        int, typer.Option("--lapses-hours", min=1, max=168, help="Hours to gather approvals.")
    ] = 72,
    ticket: Annotated[str | None, typer.Option(help="Reference to your own records.")] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Propose the newest version again, unchanged, as the next one.

    Also what has expired, was revoked or is suspended: then it is a new decision.
    """
    if kind is Kind.REVOCATION:
        raise typer.BadParameter("a revocation never expires", param_hint="KIND")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        newest = desk.client.state().newest.get((kind, subject))
        if newest is None:
            raise NotFound(
                "nothing of that kind and subject was ever in force",
                found=f"{kind.value} {subject}",
                hint="Propose it with `keyturn proposal new`.",
            )
        body = body_of(newest.statement)
        body.pop("compromised", None)  # said once, it holds for ever (our protocol §2.8)
        proposal = desk.client.propose_change(
            kind,
            subject,
            body,
            reason=reason,
            life=timedelta(days=expires_days),
            lapses=timedelta(hours=lapses_hours),
            ticket=ticket,
        )
        simulated = desk.client.authority().roster.simulation
        if as_json:
            print_json(proposal_document(proposal, simulated=simulated))
            return
        warn_simulated(simulated)
        print_proposal(proposal, newest.statement.digest, (), now())


def calendar(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; must be new.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write when everything in force expires as a calendar (.ics), with alarms."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        found = in_force(desk.client.state(), now())
        authority = desk.client.authority()
        statements = [each.statement for each in found if each.statement.expires is not None]
        simulated = authority.roster.simulation
        write_new_file(output, calendar_of(statements, authority.fingerprint, simulated=simulated))
        if as_json:
            print_json({"file": str(output), "events": len(statements), "simulated": simulated})
            return
        warn_simulated(simulated)
        stdout.print(f"{len(statements)} expiries written to {output}", markup=False)


def _document(each: InForce, moment: datetime) -> dict[str, object]:
    statement = each.statement
    return {
        "digest": statement.digest,
        "kind": statement.kind.value,
        "subject": statement.subject,
        "version": statement.version,
        "index": each.index,
        "expires": statement.expires and format_time(statement.expires),
        "days_left": _days(each, moment),
    }


def _days(each: InForce, moment: datetime) -> int:
    """Whole days left, rounded down: nobody is told a day too many."""
    left = each.statement.expires - moment if each.statement.expires else timedelta(0)
    return left.days

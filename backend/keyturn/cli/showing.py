"""How officers' commands show proposals: to people as tables, to machines as documents."""

from datetime import datetime

from rich.markup import escape
from rich.table import Table

from keyturn.base.times import format_time
from keyturn.cli.output import stdout
from keyturn.client.changes import Change, body_of, changes
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bodies import Admission
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.roster import Roster
from keyturn.quorum.statements import Statement

_STYLE = {
    Status.OPEN: "yellow",
    Status.IN_FORCE: "green",
    Status.REFUSED: "red",
    Status.REVOKED: "red",
    Status.SUSPENDED: "red",
}


def statement_document(statement: Statement) -> dict[str, object]:
    """What was signed, for machines."""
    return {
        "digest": statement.digest,
        "kind": statement.kind.value,
        "authority": statement.authority,
        "subject": statement.subject,
        "version": statement.version,
        "replaces": statement.replaces,
        "proposer": statement.proposer,
        "time": format_time(statement.time),
        "proposal_lapses": format_time(statement.proposal_lapses),
        "expires": statement.expires and format_time(statement.expires),
        "reason": statement.reason,
        "ticket": statement.ticket,
    }


def proposal_document(proposal: Proposal, *, simulated: bool) -> dict[str, object]:
    """A verified proposal, for machines."""
    refusal = proposal.refusal
    return {
        **statement_document(proposal.statement),
        "status": proposal.status.value,
        "in_force": proposal.status is Status.IN_FORCE,
        "index": proposal.index,
        "approved_by": list(proposal.approved_by),
        "rejected_by": list(proposal.rejected_by),
        "decisions": [
            {
                "officer": each.officer,
                "decision": each.decision.value,
                "time": format_time(each.time),
                "logged": proposal.logged_at(each),
                "preview": each.preview,
            }
            for each in proposal.approvals
        ],
        "one_preview": proposal.one_preview,
        "needed": proposal.needed,
        "missing": proposal.missing,
        "refusal": refusal and {"kind": refusal.kind, "message": refusal.message},
        "simulated": simulated,
        "body": body_of(proposal.statement),
    }


def change_documents(differences: tuple[Change, ...]) -> list[dict[str, str | None]]:
    return [{"place": c.place, "before": c.before, "after": c.after} for c in differences]


def print_proposals(proposals: list[Proposal]) -> None:
    table = Table("digest", "kind", "subject", "v", "proposer", "status", "approved")
    for each in proposals:
        statement = each.statement
        table.add_row(
            statement.digest[7:19],
            statement.kind.value,
            escape(_short(statement.subject)),
            str(statement.version),
            statement.proposer,
            _status(each),
            f"{len(each.approved_by)} of {each.needed}",
        )
    stdout.print(table)


def print_proposal(
    proposal: Proposal, replaced: str | None, differences: tuple[Change, ...], now: datetime
) -> None:
    """Everything an officer needs to decide."""
    print_statement(proposal.statement, now)
    rows = [
        ("status", _status(proposal)),
        ("log index", "" if proposal.index is None else str(proposal.index)),
        ("approved by", escape(_people(proposal.approved_by, proposal.needed))),
        ("rejected by", escape(", ".join(proposal.rejected_by))),
        ("logged", escape(_logged(proposal))),
        ("impact previews", _previews(proposal)),
        ("still missing", f"{proposal.missing} approvals" if proposal.missing else ""),
        ("keyholder", escape(proposal.refusal.message) if proposal.refusal else ""),
    ]
    stdout.print(_rows(rows))
    print_changes(replaced, differences)


def _previews(proposal: Proposal) -> str:
    """Which one each approver was shown, and whether it was one and the same."""
    if not any(preview for _, preview in proposal.previews):
        return ""
    signed = [
        f"{officer} {'none' if preview is None else preview[7:19]}"
        for officer, preview in proposal.previews
    ]
    same = "the same for all" if proposal.one_preview else "[yellow]NOT the same for all[/yellow]"
    return f"{escape(', '.join(signed))}: {same}"


def _logged(proposal: Proposal) -> str:
    """Which decisions have entries of their own, and which have none yet."""
    words = {Decision.APPROVE: "approval", Decision.REJECT: "rejection"}
    found = []
    for each in proposal.approvals:
        index = proposal.logged_at(each)
        if index is None and proposal.index is not None:
            continue  # the statement's own entry has it
        where = "not in the log yet" if index is None else f"logged at {index}"
        found.append(f"{words[each.decision]} of {each.officer} {where}")
    return ", ".join(found)


def print_statement(statement: Statement, now: datetime) -> None:
    """What was signed."""
    lapses = statement.proposal_lapses
    when = "lapsed" if lapses < now else f"in {_hours(lapses, now)} h"
    rows = [
        ("digest", statement.digest),
        ("kind", f"{statement.kind.value} {escape(statement.subject)}"),
        ("authority", statement.fingerprint),
        ("version", f"{statement.version}, replaces {statement.replaces or 'nothing'}"),
        ("proposed", f"{format_time(statement.time)} by {statement.proposer}"),
        ("lapses", f"{format_time(lapses)} ({when})"),
        ("expires", format_time(statement.expires) if statement.expires else "never"),
        ("reason", escape(statement.reason)),
        ("ticket", escape(statement.ticket or "")),
    ]
    if isinstance(statement.body, Admission):
        rows += _bound(statement.body)
    if isinstance(statement.body, Ceremony | Restore):
        rows += _authorises(statement.body, now)
    stdout.print(_rows(rows))


def _bound(body: Admission) -> list[tuple[str, str]]:
    """What an approval of an admission binds, and what is only said."""
    return [
        ("binds model", f"{body.model} (compare with `keyturn sealed info`)"),
        ("binds tag", body.tag.hex()),
        ("binds policy", escape(body.policy)),
        (
            "said only",
            escape(f"name {body.name}, version {body.version}: the proposer's word, not proved"),
        ),
    ]


def _authorises(body: Ceremony | Restore, now: datetime) -> list[tuple[str, str]]:
    """Who may do it, and when; the changes below have the rest."""
    window = body.window
    state = "open now, if it is in force" if body.is_open(now) else "over"
    if now < window.not_before:
        state = f"opens in {_hours(window.not_before, now)} h"
    when = f"{format_time(window.not_before)} to {format_time(window.not_after)} ({state})"
    if isinstance(body, Restore):
        return [("may be done", when), ("custodians", escape(", ".join(body.custodians)))]
    people = body.participants
    return [
        ("ceremony", body.ceremony.value),
        ("may be held", when),
        ("administrator", escape(people.administrator)),
        ("custodians", escape(", ".join(people.custodians))),
        ("witness", escape(people.witness)),
        ("scribe", escape(people.scribe or "nobody")),
    ]


def print_changes(replaced: str | None, differences: tuple[Change, ...]) -> None:
    _print_changes(f"Changes against {replaced[:19]}…" if replaced else "All new", differences)


def print_offline(statement: Statement, known: Statement | None = None) -> None:
    """What differs from `known`, where it is that which is replaced; else the whole body.

    Without the log nobody can say what of it differs from what is in force.
    """
    if known is not None and known.digest == statement.replaces:
        print_changes(statement.replaces, changes(body_of(known), body_of(statement)))
    else:
        _print_whole(statement)
    if isinstance(statement.body, Roster) and statement.body.compromised:
        stdout.print(
            "[red]What this suspends is not known offline: ask somebody with the log.[/red]"
        )


def _print_whole(statement: Statement) -> None:
    title = "All new"
    if statement.version > 1:
        title = (
            f"All of version {statement.version}. It replaces {str(statement.replaces)[:19]}…, "
            "which is not known offline: what changes is not shown here"
        )
    _print_changes(title, changes({}, body_of(statement)))


def _print_changes(title: str, differences: tuple[Change, ...]) -> None:
    table = Table("place", "now", "then", title=title, title_justify="left")
    for each in differences:
        before = "" if each.before is None else each.before
        after = "" if each.after is None else each.after
        table.add_row(
            escape(each.place), f"[red]{escape(before)}[/red]", f"[green]{escape(after)}[/green]"
        )
    stdout.print(table)


def _rows(rows: list[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None)
    for label, value in rows:
        if value:
            table.add_row(f"[bold]{label}[/bold]", value)
    return table


def _status(proposal: Proposal) -> str:
    text = proposal.status.value
    if proposal.status is not Status.IN_FORCE:
        text += " (NOT IN FORCE)"
    style = _STYLE.get(proposal.status)
    return f"[{style}]{text}[/{style}]" if style else text


def _people(officers: tuple[str, ...], needed: int) -> str:
    return f"{', '.join(officers) or 'nobody'} ({len(officers)} of {needed})"


def _hours(later: datetime, now: datetime) -> int:
    return int((later - now).total_seconds() // 3600)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"

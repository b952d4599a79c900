"""`keyturn node`: the fleet, and why each node is in the state that it is in."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.times import format_time
from keyturn.cli.nodeexplain import add_commands
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, warn_simulated
from keyturn.client.inventory import Node, NodeState

app = typer.Typer(help="Nodes.", no_args_is_help=True)

add_commands(app)

_STYLE = {
    NodeState.ATTESTED: "green",
    NodeState.REFUSED: "red",
    NodeState.QUARANTINED: "red",
    NodeState.STALE: "yellow",
}


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="node")


@app.command("list")
def list_nodes(
    profile: ProfileDir = None, passphrase_fd: PassphraseFd = None, as_json: AsJson = False
) -> None:
    """Every node with its state and the state's age."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        nodes = desk.client.nodes()
        simulated = desk.client.authority().roster.simulation
        if as_json:
            print_json({"nodes": [node_document(each) for each in nodes]})
            return
        warn_simulated(simulated)
        table = Table("node", "state", "age", "model", "lease until", "platform", "caveats")
        for each in nodes:
            table.add_row(
                escape(each.name),
                _state(each),
                _age(each),
                (each.model or "")[7:19],
                each.lease_until or "",
                escape(each.platform or "")[:30],
                ", ".join(each.caveats),
            )
        stdout.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The node's name.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """One node: what the log proves of it, and every failed check with found and expected."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        node = desk.client.node(name)
        simulated = desk.client.authority().roster.simulation
        if as_json:
            print_json(node_document(node))
            return
        warn_simulated(simulated or node.simulated)
        stdout.print(_facts(node))
        if node.reasons:
            stdout.print(_reasons(node))


def node_document(node: Node) -> dict[str, object]:
    """A node, for machines."""
    granted, refused = node.granted, node.refused
    return {
        "name": node.name,
        "state": node.state.value,
        "age_seconds": node.age_seconds,
        "last_seen": node.last_seen,
        "last_attested": node.last_attested,
        "model": node.model,
        "lease": node.lease,
        "lease_until": node.lease_until,
        "platform": node.platform,
        "simulated": node.simulated,
        "caveats": list(node.caveats),
        "time_to_wipe_ms": node.time_to_wipe_ms,
        "reasons": [
            {
                "check": each.check,
                "reason": each.reason,
                "found": each.found,
                "expected": each.expected,
                "statement": each.statement,
                "hint": each.hint,
            }
            for each in node.reasons
        ],
        "log_grant": granted
        and {
            "index": granted[0],
            "lease": granted[1].lease,
            "until": format_time(granted[1].until),
            "statements": list(granted[1].statements),
        },
        "log_refusal": refused and {"index": refused[0], "reasons": list(refused[1].reasons)},
    }


def _facts(node: Node) -> Table:
    granted, refused = node.granted, node.refused
    rows = {
        "node": node.name,
        "state": f"{node.state.value}, {_age(node)} ago",
        "platform": node.platform or "",
        "model": node.model or "",
        "lease": f"{node.lease} until {node.lease_until}" if node.lease else "",
        "caveats": ", ".join(node.caveats),
        "wiped in": f"{node.time_to_wipe_ms} ms" if node.time_to_wipe_ms is not None else "",
        "log: granted": (
            granted and f"entry {granted[0]}, lease until {format_time(granted[1].until)}"
        )
        or "",
        "log: refused": f"entry {refused[0]}: {', '.join(refused[1].reasons)}" if refused else "",
    }
    table = Table(show_header=False, box=None)
    for label, value in rows.items():
        if value:
            table.add_row(f"[bold]{label}[/bold]", escape(value))
    return table


def _reasons(node: Node) -> Table:
    table = Table("check", "reason", "found", "expected", "set by", "what would unblock it")
    for each in node.reasons:
        table.add_row(
            *(escape(text) for text in (each.check, each.reason, each.found, each.expected)),
            (each.statement or "the protocol")[:19],
            escape(each.hint),
        )
    return table


def _state(node: Node) -> str:
    style = _STYLE.get(node.state)
    text = node.state.value + (" SIMULATED" if node.simulated else "")
    return f"[{style}]{text}[/{style}]" if style else text


def _age(node: Node) -> str:
    return "unknown" if node.age_seconds is None else f"{node.age_seconds} s"

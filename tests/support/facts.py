"""Facts for presenters' tests: a desk asked once from a scripted server, then changed by hand."""

from dataclasses import fields, replace
from datetime import datetime

from keyturn.client.inventory import Node, NodeState
from keyturn_app.desk import Identity
from keyturn_app.facts import Alarm, AlarmKind, Connection, Facts, Happening, Link, Nodes
from support.authority import START
from support.desks import InlineDesk
from unit.client.scripted_server import ScriptedServer


def standing_desk(
    server: ScriptedServer, officer: str = "ada", *, label: str = "prod-eu", locked: bool = False
) -> InlineDesk:
    """Asked once; its facts stand from then on."""
    client = server.client(officer)
    identity = Identity(client._profile, label, officer, officer.title(), False)
    desk = InlineDesk(identity, client, server.clock)
    desk.refresh()
    desk.identity = replace(identity, locked=locked)
    return desk


def node(name: str, state: NodeState) -> Node:
    """A node of which nothing is known but its state."""
    lists = {each.name for each in fields(Node) if str(each.type).endswith(", ...]")}
    empty = {each.name: () if each.name in lists else None for each in fields(Node)}
    known = {"name": name, "state": state, "simulated": True}
    return Node(**{**empty, **known})  # type: ignore[arg-type]


def with_nodes(facts: Facts, *states: NodeState) -> Facts:
    """node-1, node-2, …"""
    nodes = tuple(node(f"node-{at}", state) for at, state in enumerate(states, 1))
    return replace(facts, nodes=Nodes(nodes, START))


def with_link(facts: Facts, link: Link, heard: datetime | None = START, error: str = "") -> Facts:
    return replace(facts, connection=Connection(link, heard=heard, error=error))


def happening(number: int, kind: str, /, **data: object) -> Happening:
    return Happening(number, kind, data, START)


def alarm(**changed: object) -> Alarm:
    said: dict[str, object] = {
        "kind": AlarmKind.REWRITTEN,
        "message": "history was rewritten",
        "found": "41 entries",
        "expected": "44 entries",
        "hint": "Tell the others.",
        "at": START,
    }
    return Alarm(**{**said, **changed})  # type: ignore[arg-type]

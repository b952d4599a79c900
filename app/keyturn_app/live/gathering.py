"""From a verified client to facts. Runs where the client lives: on the network thread."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from keyturn.client.client import KeyturnClient
from keyturn_app.desk import Topic
from keyturn_app.facts import Facts, Models, Nodes, Proposals, Seen

GATHERED = (Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.NODES)


def gather(client: KeyturnClient, facts: Facts, topics: Iterable[Topic], now: datetime) -> Facts:
    """`facts` with `topics` asked anew. Raises whatever the client raises: nothing is guessed."""
    wanted = set(topics)
    if Topic.PROPOSALS in wanted:
        facts = replace(facts, proposals=Proposals(tuple(client.proposals()), now))
    if Topic.MODELS in wanted:
        facts = replace(facts, models=Models(tuple(client.models()), now))
    if Topic.NODES in wanted:
        facts = replace(facts, nodes=Nodes(tuple(client.nodes()), now))
    if Topic.SEEN in wanted:  # last: it knows every roster that the others can name
        checkpoint, leaves = client.leaves()
        facts = replace(
            facts, seen=Seen(client.authority(), client.state(), checkpoint, leaves, now)
        )
    return facts

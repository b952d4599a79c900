"""From a verified client to facts. Runs where the client lives: on the network thread."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from operator import attrgetter

from keyturn.client.client import KeyturnClient
from keyturn.client.errors import FileUnusable, MalformedProfile, RoleLacking
from keyturn.client.inventory import Node, standing
from keyturn.client.proposals import Proposal, Status
from keyturn_app.desk import Topic
from keyturn_app.facts import Facts, Models, Nodes, Proposals, Seen, Witnesses
from keyturn_app.i18n import _

_UNDECIDED = {Status.OPEN, Status.REFUSED}
_AGEING = ("state", "age_seconds")
_WORD = attrgetter(*(each.name for each in fields(Node) if each.name not in _AGEING))
"""Everything of a node but what time alone changes."""
GATHERED = (Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.NODES, Topic.WITNESSES)
LONGEST = timedelta(seconds=60)
"""Between two cosignatures of this app; a quarter of T where that is shorter."""


def gather(
    client: KeyturnClient,
    facts: Facts,
    topics: Iterable[Topic],
    now: datetime,
    *,
    cosigns: bool = False,
) -> Facts:
    """`facts` with `topics` asked anew. Raises whatever the client raises: nothing is guessed.

    What the officer's roles do not include is a state, and no failure. `cosigns`: whether this
    app is to be a witness, where the roster names it.
    """
    wanted = set(topics)
    for topic, ask in _ASKED.items():
        if topic in wanted:
            facts = _unless_denied(topic, ask, client, facts, now)
    if Topic.WITNESSES in wanted:
        facts = replace(facts, witnesses=_witnesses(client, facts.witnesses, now, cosigns=cosigns))
    if Topic.SEEN in wanted:  # last: it knows every roster that the others can name
        found = client.seen()
        seen = Seen(found.authority, found.state, found.checkpoint, found.leaves, now, found.told)
        facts = replace(facts, seen=seen, sealed=client.hello().sealed)
    return facts


def cosigned_every(witnesses: Witnesses | None) -> timedelta:
    """How long a cosignature of this app may rest."""
    state = None if witnesses is None else witnesses.state
    if state is None:
        return LONGEST
    return min(LONGEST, timedelta(seconds=state.witnesses.t_seconds) / 4)


def _witnesses(
    client: KeyturnClient, before: Witnesses | None, now: datetime, *, cosigns: bool
) -> Witnesses:
    own, fault = None, ""
    if cosigns:
        rests = before is not None and _rests(before, now)
        try:
            own = client.cosigning() if rests else client.cosign()
        except (MalformedProfile, FileUnusable) as error:  # of this machine, not of the server
            fault = str(error)
    return Witnesses(client.witnesses(), own, fault, now)


def _rests(before: Witnesses, now: datetime) -> bool:
    own = before.own
    if own is None or own.hindrance is not None or own.time is None:
        return False
    return timedelta(0) <= now - own.time < cosigned_every(before)


def _proposals(client: KeyturnClient, facts: Facts, now: datetime) -> Facts:
    return replace(facts, proposals=_with_gone(facts.proposals, client.proposals(), now))


def _models(client: KeyturnClient, facts: Facts, now: datetime) -> Facts:
    return replace(facts, models=Models(tuple(client.models()), now))


def _nodes(client: KeyturnClient, facts: Facts, now: datetime) -> Facts:
    nodes = tuple(client.nodes())
    return replace(facts, nodes=Nodes(nodes, now, changed_rows(facts.nodes, nodes)))


_Ask = Callable[[KeyturnClient, Facts, datetime], Facts]
_ASKED: dict[Topic, _Ask] = {
    Topic.PROPOSALS: _proposals,
    Topic.MODELS: _models,
    Topic.NODES: _nodes,
}


def _unless_denied(
    topic: Topic, ask: _Ask, client: KeyturnClient, facts: Facts, now: datetime
) -> Facts:
    others = {name: why for name, why in facts.denied.items() if name != topic.value}
    try:
        return replace(ask(client, facts, now), denied=others)
    except RoleLacking as error:
        forgotten = {
            Topic.PROPOSALS: replace(facts, proposals=None),
            Topic.MODELS: replace(facts, models=None),
            Topic.NODES: replace(facts, nodes=None),
        }[topic]
        why = _("Your roles: {found}. Roles that may: {expected}.").format(
            found=error.found, expected=error.expected
        )
        return replace(forgotten, denied={**others, topic.value: why})


def _with_gone(before: Proposals | None, listed: Sequence[Proposal], now: datetime) -> Proposals:
    """A proposal that may still come into force is not hidden by not being listed."""
    there = {each.digest for each in listed}
    gone = tuple(
        each
        for each in (before.all if before else ())
        if each.digest not in there
        and each.status in _UNDECIDED
        and now <= each.statement.proposal_lapses
    )
    return Proposals((*listed, *gone), now, frozenset(each.digest for each in gone))


def changed_rows(before: Nodes | None, nodes: tuple[Node, ...]) -> frozenset[str] | None:
    """Names that came, went or differ by more than time; None when nothing was known before."""
    if before is None:
        return None
    old = {each.name: each for each in before.all}
    new = {each.name: each for each in nodes}
    return frozenset(
        name for name in old.keys() | new.keys() if not _as_expected(old.get(name), new.get(name))
    )


def _as_expected(old: Node | None, new: Node | None) -> bool:
    """Whether `new` is what everybody makes of `old` by the clock: it has not spoken since.

    Of ten thousand nodes most have not; their rows age without being touched.
    """
    if old is None or new is None or _WORD(old) != _WORD(new):
        return False
    if new.heard is None or new.age_seconds is None:
        return old.state is new.state and old.age_seconds == new.age_seconds
    then = new.heard + timedelta(seconds=new.age_seconds)
    return standing(old, then) == (new.state, new.age_seconds)

"""The collateral of an authority, proved on this machine: how old it is, who needs it, what ends.

A server says when it fetched a document and whether its keyholder keeps it; that is its word and
stands apart. Dates, numbers and signatures are read and proved here. Pure, but for `look_at`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from keyturn.attest.collateral_age import Age, age_of
from keyturn.base.collateral import APPRAISED, CollateralDocument
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.client.client import KeyturnClient
from keyturn.client.collateralrims import rim_verifier
from keyturn.client.collateralstatus import Said, ServerSays
from keyturn.client.errors import ServerRefused
from keyturn.collateral.cache import Cache, Kept
from keyturn.collateral.ends import ends_of
from keyturn.collateral.fetching import Trust
from keyturn.collateral.needs import Need, needs_of
from keyturn.collateral.proof import Prover, chain_dates, prove
from keyturn.collateral.scopes import Key
from keyturn.collateral.staleness import State, state_of
from keyturn.keyrelease.request import parse_request
from keyturn.policy.forecast import Ends, Event, NodeNeeds, Why, forecast
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState

T = TypeVar("T")
_ORDER = (State.FRESH, State.DUE, State.STALE, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Item:
    """One document. `age` None: its dates cannot be read. `fault`: why it does not prove itself.

    `fetched`: when it came from the vendor, as far as this machine can know; `here`: this machine
    keeps it too, `there`: the server has it.
    """

    document: CollateralDocument
    age: Age | None
    fault: KeyturnError | None
    fetched: datetime | None
    said: Said | None
    here: bool
    there: bool
    certificates: tuple[tuple[str, datetime], ...]
    users: tuple[str, ...] = ()
    """Nodes whose evidence it is about."""

    @property
    def key(self) -> Key:
        return (self.document.kind, self.document.scope)

    def proved_state(self, now: datetime) -> State:
        """By its own dates, and by when it was fetched where that is known here."""
        if self.age is None or self.fault is not None:
            return State.EXPIRED
        return state_of(self.document.kind, self.age, self.fetched or now, now)

    def state(self, now: datetime) -> tuple[State, bool]:
        """The worse of what is proved and of the server's word; whether it is that word."""
        proved = self.proved_state(now)
        if self.said is None or _ORDER.index(self.said.state) <= _ORDER.index(proved):
            return proved, False
        return self.said.state, True


@dataclass(frozen=True, slots=True)
class Stock:
    """Everything at a time. `users`: whom a document, kept or not, is about."""

    items: tuple[Item, ...]
    needs: tuple[NodeNeeds, ...]
    users: Mapping[Key, tuple[str, ...]]
    events: tuple[Event, ...]
    says: ServerSays | None
    as_of: datetime
    unseen: tuple[str, ...] = ()
    """Nodes whose newest request nobody gives: what they need is not known."""

    def find(self, key: Key) -> Item | None:
        return next((each for each in self.items if each.key == key), None)


def trust_of(state: AuthorityState, now: datetime) -> Trust:
    """The anchors in force, and a reader of manifests where there is one."""
    anchors, _ = anchors_in_force(state, now)
    return Trust(anchors=anchors, rim=rim_verifier(anchors))


def judge(
    document: CollateralDocument, trust: Trust, now: datetime
) -> tuple[Age | None, KeyturnError | None]:
    """Its age, and why it is not genuine and current."""
    prover: Prover = trust.prover(now)
    try:
        return prove(document, prover), None
    except KeyturnError as error:
        fault = error
    try:
        return age_of(document), fault
    except KeyturnError:
        return None, fault


def items_of(
    documents: Iterable[CollateralDocument],
    kept: Iterable[Kept],
    says: ServerSays | None,
    trust: Trust,
    now: datetime,
) -> tuple[Item, ...]:
    """The server's, and what this machine keeps: of each the newer one, once."""
    found: dict[tuple[str, str, Digest], Item] = {}
    for each in documents:
        said = None if says is None else says.documents.get(each.digest)
        found[_name(each)] = _item(each, trust, now, said=said, there=True)
    for entry in kept:
        name = _name(entry.document)
        known = found.get(name)
        said = None if known is None else known.said
        there = known is not None
        item = _item(entry.document, trust, now, fetched=entry.fetched, said=said, there=there)
        found[name] = replace(item, here=True)
    order = sorted(found.values(), key=lambda each: (each.document.kind.value, each.document.scope))
    return tuple(order)


def _name(document: CollateralDocument) -> tuple[str, str, Digest]:
    return document.kind.value, document.scope, document.digest


def _item(
    document: CollateralDocument,
    trust: Trust,
    now: datetime,
    *,
    fetched: datetime | None = None,
    said: Said | None = None,
    there: bool = False,
) -> Item:
    age, fault = judge(document, trust, now)
    try:
        certificates = chain_dates(document)
    except KeyturnError:
        certificates = ()
    return Item(document, age, fault, fetched, said, False, there, certificates)


@dataclass(frozen=True, slots=True)
class Asked:
    """One node's newest request and the model that it is for."""

    node: str
    model: Digest
    request: bytes


def needs_by_node(
    asked: Iterable[Asked], state: AuthorityState, now: datetime
) -> tuple[tuple[NodeNeeds, ...], dict[Key, tuple[str, ...]]]:
    """What each node's releases stop without, and whom each document is about at all.

    Intel's documents always; what revokes AMD's and NVIDIA's certificates where the model's policy
    asks for its age.
    """
    needs, users = [], dict[Key, list[str]]()
    for each in asked:
        try:
            named = needs_of(parse_request(each.request))
        except MalformedError:
            continue
        name, kinds = _model(each.model, state, now)
        keys = frozenset(_key(n) for n in named if n.always or n.wanted.kind in kinds)
        needs.append(NodeNeeds(each.node, frozenset({name}), keys))
        for need in named:
            users.setdefault(_key(need), []).append(each.node)
    return tuple(needs), {key: tuple(sorted(nodes)) for key, nodes in users.items()}


def _key(need: Need) -> Key:
    return need.wanted.key


def _model(model: Digest, state: AuthorityState, now: datetime) -> tuple[str, frozenset[object]]:
    """What it is called, and the kinds whose age its policy limits."""
    found = state.in_force(Kind.MODEL, model, now)
    body = None if found is None else found.statement.body
    if not isinstance(body, Admission):
        return model[:19], frozenset()
    policy = state.policy(body.policy, now)
    return body.name, frozenset() if policy is None else frozenset(policy.collateral)


def foresee(items: Sequence[Item], needs: Sequence[NodeNeeds], now: datetime) -> tuple[Event, ...]:
    """What ends, of those that prove themselves; an end that only a server's word dates is none."""
    good = [each for each in items if each.age is not None and each.fault is None]
    ends: list[Ends] = []
    for each in good:
        assert each.age is not None
        kept = Kept(each.document, each.age, each.fetched or now, "")
        dated = ends_of([kept])
        ends += [end for end in dated if each.fetched or end.why is not Why.TOO_OLD]
    return forecast(ends, (), needs, [each.key for each in good], now)


def look_at(client: KeyturnClient, now: datetime) -> Stock:
    """Ask the server for all of it and prove it. Raises what the client raises."""
    seen = client.seen()
    documents = _unless_older(client.collateral) or []
    says = _unless_older(client.collateral_status)
    directory = client.collateral_directory
    contents = None if directory is None else Cache(directory).contents()
    logged = {name: seen.index.logged(name) for name in seen.index.names()}
    wanted = {name: each.entry for name, each in logged.items() if each is not None}
    digests = [each.evidence for each in wanted.values()]
    requests = _unless_older(lambda: client.fleet_evidence.requests(digests)) or {}
    unseen = tuple(sorted(name for name, each in wanted.items() if each.evidence not in requests))
    asked = [
        Asked(name, entry.model, requests[entry.evidence])
        for name, entry in sorted(wanted.items())
        if entry.evidence in requests
    ]
    kept = () if contents is None else contents.kept
    return replace(stock_of(documents, kept, says, asked, seen.state, now), unseen=unseen)


def _unless_older(ask: Callable[[], T]) -> T | None:
    """None of a server whose version does not know the question."""
    try:
        return ask()
    except ServerRefused as error:
        if error.status != 404:
            raise
        return None


def stock_of(
    documents: Iterable[CollateralDocument],
    kept: Iterable[Kept],
    says: ServerSays | None,
    asked: Iterable[Asked],
    state: AuthorityState,
    now: datetime,
) -> Stock:
    items = items_of(documents, kept, says, trust_of(state, now), now)
    needs, users = needs_by_node(asked, state, now)
    shown = tuple(_with_users(each, users) for each in items)
    return Stock(shown, needs, users, foresee(shown, needs, now), says, now)


def _with_users(item: Item, users: Mapping[Key, tuple[str, ...]]) -> Item:
    found = users.get(item.key, ())
    return replace(item, users=found) if found else item


def appraised(documents: Iterable[CollateralDocument]) -> tuple[CollateralDocument, ...]:
    """Those that a keyholder keeps."""
    return tuple(each for each in documents if each.kind in APPRAISED)

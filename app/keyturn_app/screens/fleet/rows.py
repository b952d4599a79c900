"""From a verified node to a row of the table: site, rack, model and policy are looked up here.

Where a machine stands is said by the platforms statement in force, never by the node itself; only
the rack may come from the node's own name, and only to arrange what is drawn. No Qt in here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.client.inventory import Model, Node, NodeState
from keyturn.client.seen import leaf_at_hand
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry
from keyturn.quorum.bodies import Admission, Platform, Platforms
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.facts import Facts

NOWHERE = "—"
_RACK_IN_NOTE = re.compile(r"\brack:\s*([A-Za-z0-9._-]+)")
_RACK_IN_NAME = re.compile(r"(?:\A|-)(r[0-9]+)(?:-|\Z)")
_FRAME = re.compile(
    rb'\{"type":"log-entry","format":1,"kind":"([a-z]+)","time":"([0-9]{4}-[0-9T:-]{14}Z)"'
)


@dataclass(frozen=True, slots=True)
class Row:
    """One node's values as columns take them. Times are seconds since 1970, UTC.

    `state` and `age` are of the time of asking; `heard` is when the node spoke last, `until` the
    end of its newest grant by the log, `attested` when the log granted it.
    """

    name: str
    state: NodeState
    age: int | None
    heard: float | None
    until: float | None
    attested: float | None
    site: str
    rack: str
    model: str
    policy: str
    platform: str
    simulated: bool
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a platform stands, by the statement in force."""

    site: str
    rack: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a row needs besides its node; equal while none of it changed."""

    places: Mapping[str, Place] = field(default_factory=dict)
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # label, policy's label


class EntryTimes:
    """When the log took its entries: each is read once, when it is asked for."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._leaves = leaves
        self._known: dict[int, float] = {}

    def follow(self, leaves: Sequence[bytes]) -> None:
        """The log has grown; or it is another one, and nothing of the old is known any more."""
        size = len(self._leaves)
        if size and (
            len(leaves) < size
            or leaf_at_hand(leaves, size - 1) != leaf_at_hand(self._leaves, size - 1)
        ):
            self._known.clear()
        self._leaves = leaves

    def at(self, index: int) -> float | None:
        """None where these leaves do not reach so far, or the entry is not on this machine."""
        found = self._known.get(index)
        if found is None and (leaf := leaf_at_hand(self._leaves, index)) is not None:
            found = self._known[index] = frame_of(leaf)[1]
        return found


def lookup_of(facts: Facts, now: datetime) -> Lookup:
    """The lookup for what is known now."""
    state = None if facts.seen is None else facts.seen.state
    models = () if facts.models is None else facts.models.all
    return Lookup(_places(state, now), _models(models, state, now))


def row_of(node: Node, lookup: Lookup, dates: EntryTimes) -> Row:
    """`dates`: of the verified log; the node's grant is looked up there."""
    granted, last = node.granted, last_entry(node)
    platform = last.platform if last else node.platform
    digest = last.model if last else node.model
    model, policy = NOWHERE, NOWHERE
    if digest is not None:
        model, policy = lookup.models.get(digest, (wording.digest(digest), NOWHERE))
    place = lookup.places.get(platform or "")
    rack = place.rack if place else ""
    return Row(
        name=node.name,
        state=node.state,
        age=node.age_seconds,
        heard=None if node.heard is None else node.heard.timestamp(),
        until=granted[1].until.timestamp() if granted else None,
        attested=dates.at(granted[0]) if granted else None,
        site=place.site if place else NOWHERE,
        rack=rack or rack_in(node.name),
        model=model,
        policy=policy,
        platform=platform or NOWHERE,
        simulated=node.simulated,
        caveats=granted[1].caveats if granted else node.caveats,
    )


def last_entry(node: Node) -> GrantEntry | RefusalEntry | None:
    """The log's newest word on a node: which model it asked for, and on which platform."""
    known = [each for each in (node.granted, node.refused) if each is not None]
    return max(known, key=lambda each: each[0])[1] if known else None


def rack_in(name: str) -> str:
    """The rack in a name like `fra-1-r03-g27`: `r03`."""
    found = _RACK_IN_NAME.search(name)
    return found[1] if found else NOWHERE


def frame_of(leaf: bytes) -> tuple[str, float]:
    """An entry's kind and time. The log was replayed before, so that the frame is sound.

    Raises MalformedError.
    """
    match = _FRAME.match(leaf)
    if match is None:
        entry = parse_entry(leaf)
        return entry.kind.value, entry.time.timestamp()
    return match[1].decode(), datetime.fromisoformat(match[2].decode()).timestamp()


def _places(state: AuthorityState | None, now: datetime) -> dict[str, Place]:
    if state is None:
        return {}
    return {
        each.id: Place(each.site or NOWHERE, _rack_in_note(each.note))
        for kind, subject in state.newest
        if kind is Kind.PLATFORMS
        for each in _platforms(state, subject, now)
    }


def _platforms(state: AuthorityState, subject: str, now: datetime) -> tuple[Platform, ...]:
    found = state.in_force(Kind.PLATFORMS, subject, now)
    body = None if found is None else found.statement.body
    return tuple(body.platforms.values()) if isinstance(body, Platforms) else ()


def _rack_in_note(note: str) -> str:
    found = _RACK_IN_NOTE.search(note)
    return found[1] if found else ""


def _models(
    models: Sequence[Model], state: AuthorityState | None, now: datetime
) -> dict[str, tuple[str, str]]:
    return {
        each.digest: (f"{each.name} {each.version}".strip(), _policy_of(each.digest, state, now))
        for each in models
    }


def _policy_of(model: Digest, state: AuthorityState | None, now: datetime) -> str:
    """Like `prod-inference v14`: the policy that the model's admission names, as it is in force."""
    admission = None if state is None else state.in_force(Kind.MODEL, model, now)
    if state is None or admission is None or not isinstance(admission.statement.body, Admission):
        return NOWHERE
    subject = admission.statement.body.policy
    policy = state.in_force(Kind.POLICY, subject, now)
    return subject if policy is None else f"{subject} v{policy.statement.version}"

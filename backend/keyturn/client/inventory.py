"""Models and nodes, as the server reports them: display data, marked where the log proves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.base.times import parse_time
from keyturn.client.answers import optional_integer, optional_text, optional_texts
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState, InForce

STALE_SECONDS = 10
"""Two of the control plane's usual heartbeats: without a word for longer, nothing is *attested*."""
FORGOTTEN_SECONDS = 60
"""Without a word for longer, nothing is known."""


@dataclass(frozen=True, slots=True)
class Model:
    """A sealed model in the inventory. `admission` is from the replayed log, not the server."""

    digest: Digest
    model_id: str
    name: str
    version: str
    files: int
    size: int  # bytes
    ingest_key: str
    tag: str
    registered: str
    has_wrapped_key: bool
    admission: InForce | None


class NodeState(Enum):
    """I10; what the server calls otherwise is unknown."""

    PENDING = "pending"
    ATTESTED = "attested"
    STALE = "stale"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    WIPED = "wiped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """One failed check of a refusal (our protocol §5.4)."""

    check: str
    reason: str
    found: str
    expected: str
    statement: str | None
    hint: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `granted` and `refused` are its newest log entries, with their indexes."""

    name: str
    state: NodeState
    age_seconds: int | None
    last_seen: str | None
    last_attested: str | None
    model: str | None
    lease: str | None
    lease_until: str | None
    platform: str | None
    reasons: tuple[Reason, ...]
    simulated: bool
    caveats: tuple[str, ...]
    time_to_wipe_ms: int | None
    granted: tuple[int, GrantEntry] | None
    refused: tuple[int, RefusalEntry] | None


def read_model(fields: Fields, state: AuthorityState, now: datetime) -> Model:
    """Raises MalformedAnswer."""
    digest = fields.digest("digest")
    return Model(
        digest,
        fields.text("model_id", limit=200),
        fields.text("name", limit=200),
        fields.text("version", limit=100),
        fields.integer("files"),
        fields.integer("bytes"),
        fields.text("ingest_key", limit=64, empty=True),
        fields.text("tag", limit=64, empty=True),
        optional_text(fields, "registered") or "",
        fields.boolean("has_kek_wrapped"),
        state.in_force(Kind.MODEL, digest, now),
    )


def read_node(
    fields: Fields, leaves: Sequence[bytes], authority: AuthorityState, now: datetime
) -> Node:
    """One node of the server's list. `authority` is what `leaves` say. Raises MalformedAnswer.

    The state is the server's word only as far as the log and the time allow (I10).
    """
    name = fields.text("name", limit=64)
    granted, refused = _newest(name, leaves)
    claimed = fields.text("state", limit=40)
    last_seen, last_attested = (optional_text(fields, n) for n in ("last_seen", "last_attested"))
    age = _age(optional_integer(fields, "age_seconds"), last_seen, now)
    model, platform = optional_text(fields, "model"), optional_text(fields, "platform")
    targets = {
        (TargetKind.NODE, name),
        (TargetKind.PLATFORM, granted[1].platform if granted else platform),
        (TargetKind.MODEL, granted[1].model if granted else model),
    }
    roster = authority.roster
    caveats = optional_texts(fields, "caveats")
    simulated = fields.boolean("simulated") or (roster is not None and roster.simulation)
    return Node(
        name,
        _judged(
            NodeState(claimed) if claimed in _STATES else NodeState.UNKNOWN,
            revoked=not targets.isdisjoint(authority.revoked),
            granted=granted,
            refused=refused,
            age=age,
            now=now,
        ),
        age,
        last_seen,
        last_attested,
        model,
        optional_text(fields, "lease"),
        optional_text(fields, "lease_until"),
        platform,
        _reasons(fields),
        simulated
        or Caveat.SIMULATED.value in caveats
        or (granted is not None and Caveat.SIMULATED.value in granted[1].caveats),
        caveats,
        optional_integer(fields, "time_to_wipe_ms"),
        granted,
        refused,
    )


def _age(claimed: int | None, last_seen: str | None, now: datetime) -> int | None:
    """Seconds since the node spoke: what the server says, or by its own times if that is more."""
    if last_seen is None:
        return claimed
    silence = int((now - parse_time(last_seen, what="node: last_seen")).total_seconds())
    return max(silence, 0, claimed or 0)


def _judged(
    claimed: NodeState,
    *,
    revoked: bool,
    granted: tuple[int, GrantEntry] | None,
    refused: tuple[int, RefusalEntry] | None,
    age: int | None,
    now: datetime,
) -> NodeState:
    """Worse than claimed where the log or the time says so, never better."""
    if claimed is NodeState.WIPED:  # nothing is served there, which says more than the rest
        return claimed
    if revoked:
        return NodeState.QUARANTINED
    if refused is not None and (granted is None or granted[0] < refused[0]):
        return claimed if claimed is NodeState.QUARANTINED else NodeState.REFUSED
    if claimed not in {NodeState.ATTESTED, NodeState.STALE}:
        return claimed
    if granted is None or granted[1].until <= now or age is None or age > FORGOTTEN_SECONDS:
        return NodeState.UNKNOWN
    return NodeState.STALE if age > STALE_SECONDS else claimed


_STATES = {each.value for each in NodeState}


def _newest(
    node: str, leaves: Sequence[bytes]
) -> tuple[tuple[int, GrantEntry] | None, tuple[int, RefusalEntry] | None]:
    """A node's last grant or renewal, and its last refusal."""
    granted: tuple[int, GrantEntry] | None = None
    refused: tuple[int, RefusalEntry] | None = None
    needle = f'"node":"{node}"'.encode()  # our own writer's spelling: a filter, then it is parsed
    for index in range(len(leaves) - 1, -1, -1):
        if needle not in leaves[index]:
            continue
        entry = parse_entry(leaves[index])
        if entry.kind is EntryKind.GRANT and granted is None:
            grant = read_grant(entry)
            granted = (index, grant) if grant.node == node else None
        elif entry.kind is EntryKind.REFUSAL and refused is None:
            refusal = read_refusal(entry)
            refused = (index, refusal) if refusal.node == node else None
        if granted and refused:
            break
    return granted, refused


def _reasons(fields: Fields) -> tuple[Reason, ...]:
    if not fields.has("reasons"):
        return ()
    try:
        return tuple(_reason(each) for each in fields.objects("reasons", limit=1000))
    except MalformedError:  # an older server sends texts
        return tuple(Reason("", each, "", "", None, "") for each in fields.texts("reasons"))


def _reason(fields: Fields) -> Reason:
    return Reason(
        check=optional_text(fields, "check") or "",
        reason=optional_text(fields, "reason") or "",
        found=optional_text(fields, "found") or "",
        expected=optional_text(fields, "expected") or "",
        statement=optional_text(fields, "statement"),
        hint=optional_text(fields, "hint") or "",
    )

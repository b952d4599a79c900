"""Models and nodes, as the server reports them: display data, marked where the log proves it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.base.times import parse_time
from keyturn.client.answers import optional_integer, optional_text, optional_texts
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.client.nodeindex import Granted, Newest, NodeIndex, Refused
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState, InForce

STALE_SECONDS = 10
"""Two of the control plane's usual heartbeats: without a word for longer, nothing is *attested*."""
FORGOTTEN_SECONDS = 60
"""Without a word for longer, nothing is known."""
_LONGEST = 300  # characters of a name, an id or a time
_LONG_AGO = 10**9  # seconds; whatever is older is as good as that


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
    kek: str | None = None
    """Under which KEK the server says that the DEK lies; None where it does not."""


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
    """A node. `granted` and `refused` are its newest log entries, with their indexes.

    `heard` is when it spoke last, by this machine's clock; state and age are of the time of
    judging, and `judged_at` tells them of a later time.
    """

    name: str
    state: NodeState
    age_seconds: int | None
    heard: datetime | None
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
    granted: Granted | None
    refused: Refused | None
    kept: frozenset[str] = frozenset()
    """Digests of its evidence that the server says it keeps."""


def read_model(fields: Fields, state: AuthorityState, now: datetime) -> Model:
    """An admitted model is called as its quorum signed it, whatever the server calls it.

    Raises MalformedAnswer, and ServerLied when the server shows another tag than the admission's.
    """
    digest = fields.digest("digest")
    admission = state.in_force(Kind.MODEL, digest, now)
    signed = None if admission is None else admission.statement.body
    model = Model(
        digest,
        _shown(fields, "model_id", fields.text("model_id", limit=200)),
        _shown(fields, "name", fields.text("name", limit=200)),
        _shown(fields, "version", fields.text("version", limit=100)),
        fields.integer("files"),
        fields.integer("bytes"),
        fields.text("ingest_key", limit=64, empty=True),
        fields.text("tag", limit=64, empty=True),
        optional_text(fields, "registered") or "",
        fields.boolean("has_kek_wrapped"),
        admission,
        _kek(fields),
    )
    if not isinstance(signed, Admission):
        return model
    if model.tag not in ("", signed.tag.hex()):
        raise ServerLied(
            f"the server shows the model {signed.name} with another tag than its admission",
            found=model.tag,
            expected=signed.tag.hex(),
        )
    return replace(model, name=signed.name, version=signed.version)


def _kek(fields: Fields) -> str | None:
    """Raises MalformedError for what is no KEK id."""
    return None if optional_text(fields, "kek") is None else fields.hex("kek", size=32).hex()


def check_once(names: Iterable[str], what: str) -> None:
    """Raises ServerLied when one is listed twice: it would be counted and shown as two."""
    seen: set[str] = set()
    for each in names:
        if each in seen:
            raise ServerLied(f"the server lists a {what} twice", found=each, expected="each once")
        seen.add(each)


def read_node(fields: Fields, index: NodeIndex, authority: AuthorityState, now: datetime) -> Node:
    """One node of the server's list; `index` and `authority` are of one log.

    The state is the server's word only as far as the log and the time allow (I10).
    Raises MalformedAnswer.
    """
    name = _name(fields)
    newest = index.newest(name)
    granted = newest.granted
    claimed = fields.text("state", limit=40)
    last_seen, last_attested = (optional_text(fields, n) for n in ("last_seen", "last_attested"))
    heard = _heard(optional_integer(fields, "age_seconds"), last_seen, now)
    model, platform, lease, lease_until = (
        _optional(fields, each) for each in ("model", "platform", "lease", "lease_until")
    )
    targets = {
        (TargetKind.NODE, name),
        (TargetKind.PLATFORM, granted[1].platform if granted else platform),
        (TargetKind.MODEL, granted[1].model if granted else model),
    }
    roster = authority.roster
    caveats = tuple(_shown(fields, "caveats", e) for e in optional_texts(fields, "caveats"))
    simulated = fields.boolean("simulated") or (roster is not None and roster.simulation)
    node = Node(
        name,
        _by_the_log(
            NodeState(claimed) if claimed in _STATES else NodeState.UNKNOWN,
            newest,
            revoked=not targets.isdisjoint(authority.revoked)
            or _rests_on_revoked(granted, authority),
        ),
        None,
        heard,
        last_seen,
        last_attested,
        model,
        lease,
        lease_until,
        platform,
        _reasons(fields),
        simulated
        or Caveat.SIMULATED.value in caveats
        or (granted is not None and Caveat.SIMULATED.value in granted[1].caveats),
        caveats,
        optional_integer(fields, "time_to_wipe_ms"),
        granted,
        newest.refused,
        _kept(fields),
    )
    return judged_at(node, now)


def _kept(fields: Fields) -> frozenset[str]:
    names = ("granted_evidence", "refused_evidence")
    return frozenset(
        parse_digest(text, what=f"node: {each}")
        for each in names
        if (text := optional_text(fields, each)) is not None
    )


def _name(fields: Fields) -> str:
    """As the keyholder takes names: one that looks like another could stand in for it."""
    name = fields.text("name", limit=64)
    if not name.isascii() or not name.replace("-", "").replace(".", "").isalnum():
        raise MalformedAnswer(
            "node: name", found=ascii(name)[:80], expected="letters, digits, '-' and '.'"
        )
    return name


def _optional(fields: Fields, name: str) -> str | None:
    text = optional_text(fields, name)
    return text and _shown(fields, name, text)


def _shown(fields: Fields, name: str, text: str) -> str:
    """A text that is what it looks like: no honest server has another one here."""
    if not text.isprintable() or len(text) > _LONGEST:
        raise MalformedAnswer(
            f"{fields.what}: {name}", found=ascii(text)[:80], expected="printable characters"
        )
    return text


def _rests_on_revoked(granted: Granted | None, authority: AuthorityState) -> bool:
    """Whether the policy that the grant names is revoked; which measurement it had, it does not."""
    revoked = {target for kind, target in authority.revoked if kind is TargetKind.POLICY}
    if granted is None or not revoked:
        return False
    rests_on = (authority.by_digest.get(each) for each in granted[1].statements)
    return any(
        each is not None
        and each.statement.kind is Kind.POLICY
        and each.statement.subject in revoked
        for each in rests_on
    )


def standing(node: Node, now: datetime) -> tuple[NodeState, int | None]:
    """A node's state and age in seconds at a time, without asking anybody (I10).

    Neither is ever better than the node's own: attested turns stale, stale turns unknown, and
    a clock that goes back brings nothing back.
    """
    age = node.age_seconds
    if node.heard is not None:
        age = max(age or 0, int((now - node.heard).total_seconds()))
    if node.state not in {NodeState.ATTESTED, NodeState.STALE}:
        return node.state, age
    granted = node.granted
    if granted is None or granted[1].until <= now or age is None or age > FORGOTTEN_SECONDS:
        return NodeState.UNKNOWN, age
    return NodeState.STALE if age > STALE_SECONDS else node.state, age


def judged_at(node: Node, now: datetime) -> Node:
    """The node as it stands at `now`: the same object where nothing has changed. See `standing`."""
    state, age = standing(node, now)
    if (state, age) == (node.state, node.age_seconds):
        return node
    return replace(node, state=state, age_seconds=age)


def _heard(claimed: int | None, last_seen: str | None, now: datetime) -> datetime | None:
    """When the node spoke: as long ago as the server says, or by its own times if that is more."""
    age = None if claimed is None else timedelta(seconds=min(max(claimed, 0), _LONG_AGO))
    by_age = None if age is None else now - age
    if last_seen is None:
        return by_age
    return min(parse_time(last_seen, what="node: last_seen"), by_age or now)


def _by_the_log(claimed: NodeState, newest: Newest, *, revoked: bool) -> NodeState:
    """Worse than claimed where the log says so, never better."""
    if claimed is NodeState.WIPED:  # nothing is served there, which says more than the rest
        return claimed
    if revoked:
        return NodeState.QUARANTINED
    if newest.refused is not None and newest.last is newest.refused:
        return claimed if claimed is NodeState.QUARANTINED else NodeState.REFUSED
    return claimed


_STATES = {each.value for each in NodeState}


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

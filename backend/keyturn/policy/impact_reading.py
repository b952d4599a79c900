"""An impact preview read back from its document (our protocol §8.9). Reading proves nothing."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.policy.impact import Group, LogPosition
from keyturn.quorum.kinds import Kind

TYPE = "impact-preview"
MAX_PREVIEW = 64 << 20
MAX_NODES = 200_000


@dataclass(frozen=True, slots=True)
class SaidDecisive:
    check: str
    reason: str | None
    statement: Digest | None


@dataclass(frozen=True, slots=True)
class SaidNode:
    node: str
    model: Digest
    evidence: Digest | None
    outcome: Group
    decisive: tuple[SaidDecisive, ...]


@dataclass(frozen=True, slots=True)
class SaidModel:
    model: Digest
    before: int
    after: int
    not_measurable: int


@dataclass(frozen=True, slots=True)
class SaidPreview:
    """What a document says. `statement` None: of a body that was not proposed."""

    authority: Digest
    kind: Kind
    subject: str
    statement: Digest | None
    body: Digest
    position: LogPosition
    time: datetime
    counts: tuple[tuple[Group, int], ...]
    models: tuple[SaidModel, ...]
    nodes: tuple[SaidNode, ...]


def read_preview(raw: bytes) -> SaidPreview:
    """Raises MalformedError; also where counts are not those of the nodes or order is another."""
    fields = parse_object(raw, limit=MAX_PREVIEW, what="impact preview")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    said = SaidPreview(
        fields.digest("authority"),
        fields.choice("kind", Kind),
        fields.text("subject", limit=400),
        fields.nullable("statement", fields.digest),
        fields.digest("body"),
        LogPosition(fields.integer("size"), fields.hex("root", size=32).hex()),
        fields.time("time"),
        _counts(fields.fields("counts")),
        tuple(_model(each) for each in fields.objects("models", limit=MAX_NODES)),
        tuple(_node(each) for each in fields.objects("nodes", limit=MAX_NODES)),
    )
    fields.done()
    _check(said)
    return said


def differences(said: SaidPreview, made: SaidPreview) -> list[str]:
    """In few words, what a document says otherwise than one made now."""
    found = [
        f"{name} {was}, now {now}"
        for name, was, now in (
            ("authority", said.authority, made.authority),
            ("statement", said.statement or said.body, made.statement or made.body),
            ("log size", said.position.size, made.position.size),
            ("log root", said.position.root, made.position.root),
        )
        if was != now
    ]
    before = {(each.node, each.model): each for each in said.nodes}
    after = {(each.node, each.model): each for each in made.nodes}
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was != now:
            found.append(_of_node(key[0], was, now))
    return found


def _of_node(name: str, was: SaidNode | None, now: SaidNode | None) -> str:
    if was is None or now is None:
        return f"node {name} {'is new' if was is None else 'is gone'}"
    if was.evidence != now.evidence:
        return f"node {name} shows other evidence"
    if was.outcome is not now.outcome:
        return f"node {name} {was.outcome.value}, now {now.outcome.value}"
    return f"node {name} for other reasons"


def _check(said: SaidPreview) -> None:
    keys = [(each.node, each.model) for each in said.nodes]
    models = [each.model for each in said.models]
    if keys != sorted(set(keys)) or models != sorted(set(models)):
        raise MalformedError("impact preview: nodes or models out of order")
    counted = tuple((g, sum(each.outcome is g for each in said.nodes)) for g in Group)
    if counted != said.counts:
        raise MalformedError(
            "impact preview: counts are not those of its nodes",
            found=str([count for _, count in said.counts]),
            expected=str([count for _, count in counted]),
        )


def _counts(fields: Fields) -> tuple[tuple[Group, int], ...]:
    found = tuple((group, fields.integer(group.value)) for group in Group)
    fields.done()
    return found


def _model(fields: Fields) -> SaidModel:
    found = SaidModel(
        fields.digest("model"),
        fields.integer("before"),
        fields.integer("after"),
        fields.integer("not_measurable"),
    )
    fields.done()
    return found


def _node(fields: Fields) -> SaidNode:
    found = SaidNode(
        fields.text("node", limit=400),
        fields.digest("model"),
        fields.nullable("evidence", fields.digest),
        fields.choice("outcome", Group),
        tuple(_decisive(each) for each in fields.objects("decisive", limit=10_000)),
    )
    fields.done()
    return found


def _decisive(fields: Fields) -> SaidDecisive:
    found = SaidDecisive(
        fields.text("check", limit=400),
        fields.nullable("reason", lambda name: fields.text(name, limit=100)),
        fields.nullable("statement", fields.digest),
    )
    fields.done()
    return found

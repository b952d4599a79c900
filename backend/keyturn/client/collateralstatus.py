"""What a server says of the collateral that it has: to look at, and proof of nothing (§7.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.collateral.staleness import State

PATH = "/v1/collateral/status"
MAX_DOCUMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Said:
    """Of one document. `held`: the keyholder that runs now keeps it."""

    fetched: datetime
    source: str
    state: State
    held: bool


@dataclass(frozen=True, slots=True)
class NotFetched:
    kind: str
    scope: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class ServerSays:
    """`documents` by the digest of their data."""

    fetching: bool
    fetched: datetime | None
    due: datetime | None
    documents: Mapping[Digest, Said]
    failed: tuple[NotFetched, ...]


def read_status(answer: Fields) -> ServerSays:
    """Raises MalformedError."""
    found = ServerSays(
        answer.boolean("fetching"),
        answer.nullable("fetched", answer.time),
        answer.nullable("next", answer.time),
        dict(_said(each) for each in answer.objects("documents", limit=MAX_DOCUMENTS)),
        tuple(_failed(each) for each in answer.objects("failed", limit=MAX_DOCUMENTS)),
    )
    answer.done()
    return found


def _said(fields: Fields) -> tuple[Digest, Said]:
    """Kind, scope and dates are read of the document itself."""
    for name in ("kind", "scope", "issued"):
        fields.text(name, limit=300)
    for name in ("until", "number"):
        fields.nullable(name, lambda each: fields.text(each, limit=60))
    digest = fields.digest("digest")
    said = Said(
        fields.time("fetched"),
        fields.text("source", limit=400, empty=True),
        fields.choice("state", State),
        fields.boolean("held"),
    )
    fields.done()
    return digest, said


def _failed(fields: Fields) -> NotFetched:
    found = NotFetched(
        fields.text("kind", limit=40),
        fields.text("scope", limit=300),
        fields.text("reason", limit=400, empty=True),
        fields.text("hint", limit=400, empty=True),
    )
    fields.done()
    return found

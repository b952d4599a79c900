"""The documents of the HTTP API, strict in both directions: unknown fields are refused.

What is signed travels as base64 of its exact bytes; these models never stand in for it.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from keyturn.base.times import format_time

MAX_B64_ENVELOPE = 1_500_000
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"

MAX_BATCH = 100

DigestText = Annotated[str, Field(pattern=DIGEST_PATTERN)]
B64 = Annotated[str, Field(max_length=MAX_B64_ENVELOPE)]
BigB64 = Annotated[str, Field(max_length=24_000_000)]
Time = Annotated[datetime, PlainSerializer(format_time, return_type=str)]
"""Written as RFC 3339 in UTC with whole seconds."""

JsonDocument = dict[str, Any]
"""A document of the protocol, passed through as it came."""


class ApiModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ErrorBody(ApiModel):
    kind: str
    message: str
    found: str
    expected: str
    hint: str


class ErrorDocument(ApiModel):
    error: ErrorBody


class HelloView(ApiModel):
    software: str
    fingerprint: str
    origin: str
    simulation: bool
    time: Time
    roster_index: int | None
    sealed: bool | None


class AuthorityView(ApiModel):
    bundle: str


class NonceView(ApiModel):
    nonce: str
    expires: Time


class EnvelopeBody(ApiModel):
    envelope: B64


class CeremonyQuestion(ApiModel):
    """A question of our protocol §10.7, with its `op`."""

    request: JsonDocument


class CeremonyAnswer(ApiModel):
    answer: JsonDocument


class SessionView(ApiModel):
    token: str
    officer: str
    roles: list[str]
    expires: Time


class UnsealView(ApiModel):
    """The keyholder's answer, passed on; a client verifies it (our protocol §10.12)."""

    session: str
    sealed: bool
    host: str
    evidence: str | None
    record: str
    shares: list[JsonDocument]
    entered: list[str]
    missing: int


class ShareBody(ApiModel):
    envelope: B64
    attached: Annotated[list[B64], Field(max_length=1)]


class ShareView(ApiModel):
    entered: list[str]
    missing: int
    sealed: bool


class SealView(ApiModel):
    index: int


class EnrolmentTaken(ApiModel):
    """`until`: when the server forgets it."""

    digest: str
    until: Time


class EnrolmentView(ApiModel):
    envelope: B64
    received: Time


class EnrolmentList(ApiModel):
    enrolments: list[EnrolmentView]


class EnrolmentGone(ApiModel):
    digest: str


class NewProposal(ApiModel):
    statement: B64
    key: B64 | None
    manifest: BigB64 | None


class ProposalView(ApiModel):
    digest: str
    kind: str
    subject: str
    version: int
    proposer: str
    time: Time
    proposal_lapses: Time
    expires: Time | None
    reason: str
    status: str
    approved_by: list[str]
    rejected_by: list[str]
    needed: int
    index: int | None
    receipt: JsonDocument | None
    refusal: ErrorBody | None
    statement: str
    approvals: list[str]


class ProposalList(ApiModel):
    proposals: list[ProposalView]


class ProposalExport(ApiModel):
    type: str
    format: int
    statement: str
    approvals: list[str]
    bundle: str


class NewModel(ApiModel):
    manifest: BigB64
    key: B64


class ModelView(ApiModel):
    digest: str
    model_id: str
    name: str
    version: str
    files: int
    bytes: int
    ingest_key: str
    tag: str
    admitted: bool
    admission: str | None
    policy: str | None
    has_kek_wrapped: bool
    kek: str | None  # under which the DEK lies, where that was noted
    registered: Time


class ManifestView(ApiModel):
    """The exact `keyturn.json`, base64; its SHA-256 is the model digest."""

    manifest: BigB64


class ModelList(ApiModel):
    models: list[ModelView]


class NodeView(ApiModel):
    name: str
    state: str
    age_seconds: int | None
    last_seen: Time | None
    last_attested: Time | None
    model: str | None
    lease: str | None
    lease_until: Time | None
    platform: str | None
    reasons: list[JsonDocument]
    simulated: bool
    caveats: list[str]
    time_to_wipe_ms: int | None
    granted_evidence: str | None
    refused_evidence: str | None


class NodeList(ApiModel):
    nodes: list[NodeView]


class EventView(ApiModel):
    seq: int
    time: Time
    kind: str
    data: JsonDocument


class EventPage(ApiModel):
    events: list[EventView]
    last: int


class CheckpointView(ApiModel):
    note: str


class CosignaturesView(ApiModel):
    notes: list[str]


class CosignedBody(ApiModel):
    note: Annotated[str, Field(min_length=1, max_length=1 << 16)]


class CosignedView(ApiModel):
    witnesses: int


class EntriesView(ApiModel):
    start: int
    leaves: list[str]
    size: int


class ReceiptView(ApiModel):
    receipt: JsonDocument


class ProofView(ApiModel):
    proof: list[str]


class ObjectView(ApiModel):
    data: str


class EvidenceBatch(ApiModel):
    """Each once; whoever asks for more asks again."""

    digests: Annotated[list[DigestText], Field(min_length=1, max_length=MAX_BATCH)]


class EvidenceView(ApiModel):
    digest: str
    data: str


class EvidenceList(ApiModel):
    """`left`: kept, but no room was left for them in this answer."""

    found: list[EvidenceView]
    left: list[str]


class RevocationDocument(ApiModel):
    """One revocation as a heartbeat's answer carries it; the node verifies all three itself."""

    statement: str
    approvals: list[str]
    receipt: JsonDocument


class HeartbeatAnswer(ApiModel):
    revocations: list[RevocationDocument]


class CollateralBody(ApiModel):
    """Documents of our protocol §4.7, each as JSON."""

    documents: Annotated[list[JsonDocument], Field(max_length=64)]


class HsmView(ApiModel):
    """`inventory`: our protocol §10.16; `preflight`: base64 of the report of §10.11, or null."""

    inventory: JsonDocument
    preflight: str | None


class CollateralPage(ApiModel):
    """`next`: what to ask behind, or null at the end."""

    documents: list[JsonDocument]
    next: str | None


class CollateralStanding(ApiModel):
    """One kept document, as the server sees it; `held`: whether the keyholder of now keeps it."""

    kind: str
    scope: str
    digest: str
    issued: str
    until: str | None
    number: str | None
    fetched: str
    source: str
    state: str
    held: bool


class CollateralFailure(ApiModel):
    kind: str
    scope: str
    reason: str
    hint: str


class CollateralStatus(ApiModel):
    """`fetching`: whether this server asks vendors; `fetched`, `next`: when it did and will."""

    fetching: bool
    fetched: str | None
    next: str | None
    documents: list[CollateralStanding]
    failed: list[CollateralFailure]


class CollateralRefusal(ApiModel):
    kind: str
    scope: str
    reason: str
    found: str
    expected: str


class CollateralTaken(ApiModel):
    """The keyholder's answer; `kept` are digests of the documents' data."""

    kept: list[str]
    refused: list[CollateralRefusal]

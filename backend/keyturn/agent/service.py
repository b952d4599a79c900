"""What a node serves, apart from HTTP: the gate in front of the engine, and the proof it shows.

The gate is asked for each request and again before the answer leaves: a vector computed while
the lease ended or the model was wiped goes to nobody.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from keyturn.agent.engine import EmbeddingEngine, Embeddings
from keyturn.agent.errors import NotServing, Overloaded, RequestInvalid
from keyturn.agent.openai import EmbeddingRequest, embedding_response
from keyturn.base.encoding import Digest, b64
from keyturn.keyrelease.grant import GrantBody, ReleaseAnswer
from keyturn.keyrelease.request import ReleaseRequest

MAX_WAITING = 64
"""Requests in the engine or waiting for it; beyond, a client is told to come back."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The newest release or renewal that this node lives by."""

    request: ReleaseRequest
    answer: ReleaseAnswer
    grant: GrantBody

    def to_document(self) -> dict[str, object]:
        """What `/.well-known/keyturn` shows. Public bytes only: the sealed DEK stays out."""
        return {
            "type": "node-proof",
            "format": 1,
            "request": b64(self.request.raw),
            "grant": b64(self.answer.grant),
            "ear": self.answer.ear,
            "receipt": b64(self.answer.receipt),
            "statements": list(self.grant.statements),
        }


@dataclass(frozen=True, slots=True)
class Open:
    """The gate is open until `until`, in seconds of the gate's clock."""

    engine: EmbeddingEngine
    until: float


@dataclass(frozen=True, slots=True)
class Closed:
    reason: str


@dataclass(slots=True)
class Service:
    """One node's service. `clock` runs in suspend; every method may be called by any thread."""

    clock: Callable[[], float]
    model_name: str
    model_digest: Digest
    gate: Open | Closed = field(default_factory=lambda: Closed("starting"))
    proof: Proof | None = None
    _waiting: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MAX_WAITING)
    )

    @property
    def names(self) -> tuple[str, ...]:
        """What a request may call the model."""
        return (self.model_name, self.model_digest)

    def enter(self) -> EmbeddingEngine:
        """The engine, if a request may be answered now. Raises NotServing."""
        gate = self.gate
        if isinstance(gate, Closed):
            raise NotServing(f"not serving: {gate.reason}")
        if self.clock() >= gate.until:
            raise NotServing("not serving: the lease has ended")
        return gate.engine

    def extend(self, until: float) -> None:
        if isinstance(self.gate, Open):
            self.gate = Open(self.gate.engine, until)

    def answer(self, request: EmbeddingRequest) -> bytes:
        """The response body. Raises NotServing, Overloaded, RequestInvalid. Blocks."""
        engine = self.enter()
        if request.model not in self.names:
            raise RequestInvalid(
                "'model' is not served here", param="model", expected=self.model_name
            )
        if request.dimensions not in (None, engine.dimensions):
            raise RequestInvalid(
                "'dimensions' cannot be chosen",
                param="dimensions",
                expected=str(engine.dimensions),
            )
        found = self._compute(engine, request.texts)
        self.enter()
        return embedding_response(
            found.vectors, found.tokens, self.model_name, as_base64=request.as_base64
        )

    def _compute(self, engine: EmbeddingEngine, texts: Sequence[str]) -> Embeddings:
        if not self._waiting.acquire(blocking=False):
            raise Overloaded("too many requests are waiting")
        try:
            return engine.embed(texts)
        finally:
            self._waiting.release()

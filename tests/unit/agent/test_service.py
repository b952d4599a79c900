"""The gate: asked before the work and again before its result leaves."""

import numpy as np
import pytest

from keyturn.agent.engine import Embeddings
from keyturn.agent.errors import NotServing, Overloaded
from keyturn.agent.openai import EmbeddingRequest
from keyturn.agent.service import MAX_WAITING, Closed, Open, Service
from keyturn.base.encoding import Digest

ASK = EmbeddingRequest(("a",), "mini", as_base64=False, dimensions=None)


class Engine:
    dimensions = 2

    def __init__(self, during=lambda: None) -> None:
        self.during = during

    def embed(self, texts) -> Embeddings:
        self.during()
        return Embeddings(np.zeros((1, 2), np.float32), 1)


def made(engine: Engine) -> Service:
    gate = Open(engine, 60.0)  # type: ignore[arg-type]
    return Service(lambda: 0.0, "mini", Digest("sha256:" + "00" * 32), gate=gate)


def test_a_result_of_a_lease_that_ended_meanwhile_goes_to_nobody() -> None:
    service = made(Engine())
    times = iter([0.0, 60.0])
    service.clock = lambda: next(times)

    with pytest.raises(NotServing, match="lease has ended"):
        service.answer(ASK)


def test_a_result_of_a_gate_that_closed_meanwhile_goes_to_nobody() -> None:
    engine = Engine()
    service = made(engine)

    def close() -> None:
        service.gate = Closed("revoked")

    engine.during = close

    with pytest.raises(NotServing, match="revoked"):
        service.answer(ASK)


def test_it_holds_only_so_many() -> None:
    service = made(Engine())
    for _ in range(MAX_WAITING):
        assert service._waiting.acquire(blocking=False)

    with pytest.raises(Overloaded):
        service.answer(ASK)
    service._waiting.release()
    assert b"embedding" in service.answer(ASK)


def test_a_closed_gate_is_not_extended() -> None:
    service = made(Engine())
    service.gate = Closed("wiped")

    service.extend(100.0)

    assert service.gate == Closed("wiped")

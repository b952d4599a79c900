"""What officers ask a ceremony's host, handed on to the keyholder as it came (our protocol §10.7).

The control plane understands the question's form, so that nothing else passes here, and nothing of
the answer: who signed what is proved at both ends. What the last signature of a step starts may
take a while, and does not wait in the queue of everybody's questions.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from keyturn.base.strictjson import Fields, JsonObject
from keyturn.control.context import Context
from keyturn.control.errors import NotFound
from keyturn.wire.ceremonies import (
    AskCeremonies,
    AskCeremony,
    AskCeremonyFile,
    OpenCeremony,
    PutCeremonyFile,
    SayInCeremony,
    SignStep,
    parse_ceremony_request,
)
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.requests import Request

FORWARDED = frozenset(
    each.op
    for each in (
        AskCeremonies,
        AskCeremony,
        AskCeremonyFile,
        OpenCeremony,
        PutCeremonyFile,
        SayInCeremony,
        SignStep,
    )
)
STEP_SECONDS = 280.0
"""What a step may take; the officer's own program gives up after 300."""


@dataclass(frozen=True, slots=True)
class Forwarded(Request[JsonObject]):
    """A question as it is sent on; its answer is not read."""

    op: ClassVar[str] = "ceremony"
    repeatable: ClassVar[bool] = False
    question: JsonObject

    def document(self) -> JsonObject:
        return self.question

    def read(self, answer: Fields) -> JsonObject:
        return {name: answer.raw(name) for name in answer.names() if name != "ok"}


async def forward(context: Context, document: JsonObject) -> JsonObject:
    """The keyholder's answer. Raises MalformedError, NotFound, PeerRefused, PeerUnreachable."""
    fields = Fields(document, "ceremony request")
    op = fields.text("op", limit=40)
    request = parse_ceremony_request(op, fields) if op in FORWARDED else None
    if request is None:
        raise NotFound("no such question to a ceremony's host", found=repr(op))
    fields.done()
    forwarded = Forwarded(request.document())
    if not isinstance(request, SignStep):
        return await context.urgent.ask(forwarded)
    ask = partial(ask_once, context.config.keyholder, forwarded, seconds=STEP_SECONDS)
    return await asyncio.to_thread(ask)

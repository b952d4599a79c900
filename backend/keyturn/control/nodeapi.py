"""The nodes' hot routes, without a session and without pydantic: bytes in, one call, bytes out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.base.encoding import b64
from keyturn.base.strictjson import parse_object
from keyturn.control.heartbeats import Heartbeats
from keyturn.control.http import StrictJsonResponse, check_few_values
from keyturn.control.releasing import Releasing
from keyturn.wire.keyholder import read_tpm_credential

MAX_CREDENTIAL = 72 << 10
"""Bytes of what a node asks to activate its AK."""


def node_routes(releasing: Releasing, heartbeats: Heartbeats) -> list[Route]:
    """`/v1/challenges`, `/v1/tpm-credentials`, `/v1/releases`, `/v1/heartbeats`."""

    async def challenge(_request: Request) -> Response:
        issued = await releasing.challenge()
        return StrictJsonResponse(
            {"challenge": issued.challenge, "valid_seconds": issued.valid_seconds}
        )

    async def tpm_credential(request: Request) -> Response:
        raw = await request.body()
        check_few_values(raw)
        fields = parse_object(raw, limit=MAX_CREDENTIAL, what="TPM's keys")
        question = read_tpm_credential(fields)
        fields.done()
        made = await releasing.tpm_credential(question)
        return StrictJsonResponse({"blob": b64(made.blob), "secret": b64(made.secret)})

    async def release(request: Request) -> Response:
        raw = await request.body()
        check_few_values(raw)
        released = await releasing.release(raw)
        return StrictJsonResponse(released.answer, 200 if released.granted else 403)

    async def heartbeat(request: Request) -> Response:
        answer = await heartbeats.take(await request.body())
        return StrictJsonResponse(answer.model_dump())

    return [
        Route("/v1/challenges", challenge, methods=["POST"]),
        Route("/v1/tpm-credentials", tpm_credential, methods=["POST"]),
        Route("/v1/releases", release, methods=["POST"]),
        Route("/v1/heartbeats", heartbeat, methods=["POST"]),
    ]

"""Routes of newcomers' requests: anybody sends one, officers read them."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.control.routing import (
    ERRORS,
    DigestPath,
    PartsHere,
    StrictRoute,
    parts_of,
    signed_router,
)
from keyturn.wire import api


class BoundedRoute(StrictRoute):
    """Asks the address's allowance before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            address = request.client.host if request.client else ""
            parts_of(request).enrolling.admit(address)
            return await handler(request)

        return bounded


strangers = APIRouter(route_class=BoundedRoute, responses=ERRORS)
officers = signed_router()


@strangers.post("/v1/enrolments")
async def send(parts: PartsHere, body: api.EnvelopeBody) -> api.EnrolmentTaken:
    """A request to become an officer, signed by its keys; kept for officers to look at."""
    digest, until = await parts.enrolling.take(unb64(body.envelope, what="envelope"))
    return api.EnrolmentTaken(digest=digest, until=until)


@officers.get("/v1/enrolments")
async def pending(parts: PartsHere) -> api.EnrolmentList:
    """Requests that wait; each must be verified by whoever reads it."""
    found = await parts.enrolling.every()
    return api.EnrolmentList(
        enrolments=[
            api.EnrolmentView(envelope=b64(each.envelope), received=each.received) for each in found
        ]
    )


@officers.delete("/v1/enrolments/{digest}")
async def dismiss(parts: PartsHere, digest: DigestPath) -> api.EnrolmentGone:
    """Forget a request; its maker can send another."""
    await parts.enrolling.dismiss(Digest(digest))
    return api.EnrolmentGone(digest=digest)


routes = APIRouter()
routes.include_router(strangers)
routes.include_router(officers)

"""What all routes for people share: strict JSON bodies, the session, the documented errors."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from keyturn.base.errors import KeyturnError
from keyturn.control import access, signin
from keyturn.control.errors import NotSignedIn
from keyturn.control.http import read_json
from keyturn.control.parts import Parts
from keyturn.control.signin import Session
from keyturn.wire import api

DigestPath = Annotated[str, Path(pattern=api.DIGEST_PATTERN)]
Index = Annotated[int, Path(ge=0, le=2**53 - 1)]
Number = Annotated[int, Query(ge=0, le=2**53 - 1)]


class StrictRequest(Request):
    """A request whose JSON is read by our own strict parser (our protocol §1.2)."""

    async def json(self) -> Any:
        return await read_json(await self.body())


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            try:
                return await handler(StrictRequest(request.scope, request.receive))
            except HTTPException as error:
                if isinstance(error.__cause__, KeyturnError):  # FastAPI hides what a body lacks
                    raise error.__cause__ from None
                raise

        return strict


class SignedRoute(StrictRoute):
    """Finds the session before a byte of the body is read: strangers cost a header.

    Then asks the table of `control.access` whether the officer's roles include this.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        method = min(self.methods or ())  # one each: HEAD and OPTIONS are not ours
        roles = access.roles_for(method, self.path_format)

        async def signed(request: Request) -> Response:
            context = parts_of(request).context
            header = request.headers.get("authorization")
            session = await signin.find_session(context, header)
            access.check(session.officer, roles)
            request.state.session = session
            return await handler(request)

        return signed


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": api.ErrorDocument, "description": text}
    for status, text in (
        (400, "Malformed"),
        (401, "No session"),
        (403, "Not allowed"),
        (404, "Nothing there"),
        (408, "Too slow"),
        (409, "Conflict"),
        (413, "Too large"),
        (429, "Too many"),
        (502, "The keyholder said no"),
        (503, "The keyholder or the database is out of reach"),
    )
}


PARTS = "keyturn.parts"
"""Where in a request's scope its server's services are."""


def parts_of(request: Request) -> Parts:
    """The services of the server that this request reached."""
    parts = request.scope.get(PARTS)
    if not isinstance(parts, Parts):
        raise TypeError("the request came past the server")
    return parts


PartsHere = Annotated[Parts, Depends(parts_of)]


async def session_of(request: Request) -> Session:
    """The officer who asks, whom SignedRoute has found. Raises NotSignedIn."""
    session = getattr(request.state, "session", None)
    if not isinstance(session, Session):
        raise NotSignedIn("no session", expected="Authorization: Bearer TOKEN")
    return session


Signed = Annotated[Session, Depends(session_of)]


def open_router() -> APIRouter:
    """Routes that need no session."""
    return APIRouter(route_class=StrictRoute, responses=ERRORS)


def signed_router() -> APIRouter:
    """Routes of officers; who of them, `control.access` says."""
    return APIRouter(route_class=SignedRoute, responses=ERRORS, dependencies=[Depends(session_of)])

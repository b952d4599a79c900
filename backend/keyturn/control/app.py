"""One server put together: its tasks, its routes, its life from start to stop."""

import asyncio
import contextlib
import html
import logging
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from keyturn import __version__
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.control import (
    routes_ceremonies,
    routes_collateral,
    routes_enrolments,
    routes_events,
    routes_hsm,
    routes_inventory,
    routes_log,
    routes_open,
    routes_proposals,
    routes_unseal,
)
from keyturn.control.errors import MalformedQuery, TaskFailed
from keyturn.control.http import (
    Edge,
    StrictJsonResponse,
    error_response,
    tell_http_error,
    tell_keyturn_error,
)
from keyturn.control.nodeapi import node_routes
from keyturn.control.parts import Parts
from keyturn.control.proposing import Proposing
from keyturn.control.routing import PARTS

log = logging.getLogger("keyturn.control")

RETRY_SECONDS = 1.0


@cache
def officers_api() -> FastAPI:
    """The officers' routes, one for a process: FastAPI takes a tenth of a second to make them.

    They find the server that was asked in the request's scope, as `routing.parts_of` says.
    """
    officers = FastAPI(
        title="Keyturn control plane",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        default_response_class=StrictJsonResponse,
        exception_handlers={
            KeyturnError: tell_keyturn_error,
            HTTPException: tell_http_error,
            RequestValidationError: _tell_validation_error,
        },
    )
    for module in (
        routes_open,
        routes_enrolments,
        routes_proposals,
        routes_inventory,
        routes_events,
        routes_log,
        routes_collateral,
        routes_hsm,
        routes_ceremonies,
        routes_unseal,
    ):
        officers.include_router(module.routes)
    return officers


def _docs(_request: Request) -> Response:
    """On a thread of its own: the description takes half a second to make, once."""
    return HTMLResponse(_docs_page(officers_api().openapi()))


def make_app(parts: Parts) -> ASGIApp:
    """The ASGI application. Its tasks are run by `running`."""

    async def officers(scope: Scope, receive: Receive, send: Send) -> None:
        await officers_api()({**scope, PARTS: parts}, receive, send)

    async def health(_request: Request) -> Response:
        failure = parts.follower.failure
        ready = parts.follower.ready
        body = {
            "status": "ok" if ready else "starting" if failure is None else "degraded",
            "reason": None if failure is None else failure.message,
            "sealed": parts.follower.sealed,
            "log_size": parts.context.mirror.size,
            "rebuilds": parts.follower.rebuilds,
            "rebuilt_from_nothing": parts.follower.rebuilt is not None
            and parts.follower.rebuilt.empty,
            "models_without_key": parts.proposing.without_key,
            "unlogged_refusals": parts.releasing.unlogged,
            "witnesses": parts.witnessing.told(),
            "collateral": parts.collateral_job.health(),
        }
        return StrictJsonResponse(body, 200 if ready else 503)

    routes = [
        *node_routes(parts.releasing, parts.heartbeats),
        Route("/healthz", health),
        Route("/docs", _docs),
        Mount("/", officers),
    ]
    handlers: Any = {KeyturnError: tell_keyturn_error, HTTPException: tell_http_error}
    return Edge(Starlette(routes=routes, exception_handlers=handlers))


@contextlib.asynccontextmanager
async def running(parts: Parts, stop: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Follow the log and commit heartbeats while the block runs.

    A task that ends by a fault calls `stop`, and the block's end raises TaskFailed.
    """
    faults: list[TaskFailed] = []

    def watch(task: "asyncio.Task[None]") -> None:
        fault = None if task.cancelled() else task.exception()
        if fault is None:
            return
        log.critical("the task '%s' failed", task.get_name(), exc_info=fault)
        faults.append(
            TaskFailed(
                f"the server's task '{task.get_name()}' failed", found=repr(type(fault).__name__)
            )
        )
        stop()

    tasks = [
        asyncio.create_task(parts.follower.run(), name="follower"),
        asyncio.create_task(parts.heartbeats.run(), name="heartbeats"),
        asyncio.create_task(_retrying(parts.proposing), name="retries"),
        asyncio.create_task(parts.witnessing.run(), name="witnesses"),
        asyncio.create_task(parts.reporting.run(), name="reports"),
        asyncio.create_task(parts.collaterals.run(), name="collateral"),
        asyncio.create_task(parts.collateral_job.run(), name="collateral-ages"),
        asyncio.create_task(parts.rewrap_job.run(), name="rewrapping"),
    ]
    for task in tasks:
        task.add_done_callback(watch)
    try:
        yield
    finally:
        parts.context.hub.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.context.keyholder.aclose()
        await parts.context.urgent.aclose()
    if faults:
        raise faults[0]


async def _retrying(proposing: Proposing) -> None:
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        try:
            await proposing.retry()
        except KeyturnError as error:
            log.warning("proposals could not be handed in again", extra={"reason": str(error)})


async def _tell_validation_error(_request: Request, error: Exception) -> Response:
    """Pydantic's findings in our form, without the input itself (it may be a token)."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
    if any(each["loc"][:1] == ("body",) for each in error.errors()):
        return error_response(MalformedError("the request's body is wrong", found="; ".join(found)))
    return error_response(MalformedQuery("the request is wrong", found="; ".join(found)))


def _docs_page(description: dict[str, Any]) -> str:
    """A plain page of all operations: no script, nothing from elsewhere."""
    rows = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            text = html.escape(operation.get("description", ""))
            rows.append(f"<tr><td>{method.upper()}</td><td>{html.escape(path)}</td><td>{text}</td>")
    for path in ("/v1/challenges", "/v1/tpm-credentials", "/v1/releases", "/v1/heartbeats"):
        rows.append(f"<tr><td>POST</td><td>{path}</td><td>Nodes; see the protocol, §5.</td>")
    return (
        "<!doctype html><meta charset=utf-8><title>Keyturn API</title>"
        "<style>body{font:16px sans-serif;margin:2em}td{padding:.3em 1em;text-align:left}</style>"
        "<h1>Keyturn control plane</h1><p>Machine-readable: /openapi.json</p>"
        f"<table><tr><th>Method<th>Path<th>What{''.join(rows)}</table>"
    )

"""The route of events: pages, or a stream with resume."""

from typing import Annotated, Any

from fastapi import Header, Query, Request
from starlette.responses import StreamingResponse

from keyturn.control import eventstream
from keyturn.control.routing import Number, PartsHere, Signed, signed_router
from keyturn.wire import api

routes = signed_router()


@routes.get(
    "/v1/events",
    response_model=api.EventPage,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    parts: PartsHere,
    signed: Signed,
    request: Request,
    after: Number | None = None,
    limit: Annotated[int, Query(ge=1, le=eventstream.MAX_PAGE)] = 200,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Any:
    """A page with `after`; otherwise a stream, resumed behind `Last-Event-ID`."""
    wants_stream = "text/event-stream" in request.headers.get("accept", "")
    if after is not None and not wants_stream:
        return await eventstream.page(parts.context, signed, after, limit)
    start = await eventstream.start_of(parts.context, last_event_id)
    if last_event_id is None and after is not None:
        start = after
    return StreamingResponse(
        eventstream.stream(parts.context, signed, start), media_type="text/event-stream"
    )

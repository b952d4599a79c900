"""The one route of ceremonies: questions to their host, forwarded."""

from keyturn.control.ceremonies import forward
from keyturn.control.routing import PartsHere, signed_router
from keyturn.wire import api

routes = signed_router()


@routes.post("/v1/ceremonies/ask")
async def ask(parts: PartsHere, body: api.CeremonyQuestion) -> api.CeremonyAnswer:
    """Ask the keyholder about a ceremony, or hand in what was signed for one."""
    return api.CeremonyAnswer(answer=await forward(parts.context, body.request))

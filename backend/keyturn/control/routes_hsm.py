"""The route of the HSM page: what the keyholder tells of its token, handed on."""

from typing import cast

from keyturn.base.encoding import b64
from keyturn.ceremony.tokeninventory import inventory_document
from keyturn.control.routing import PartsHere, signed_router
from keyturn.wire import api
from keyturn.wire.keyholder import AskHsm

routes = signed_router()


@routes.get("/v1/hsm")
async def told(parts: PartsHere) -> api.HsmView:
    """The token, its keys and workers as the token says, and the newest pre-flight report."""
    found = await parts.context.keyholder.ask(AskHsm())
    return api.HsmView(
        inventory=cast("api.JsonDocument", inventory_document(found.inventory)),
        preflight=None if found.preflight is None else b64(found.preflight),
    )

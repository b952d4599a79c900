"""Routes of unseal and seal: forwarded to the keyholder, never interpreted.

What passes here is signed by officers and sealed to the keyholder's own key: this server can
withhold it, and no more.
"""

from keyturn.base.encoding import unb64
from keyturn.control.routing import PartsHere, signed_router
from keyturn.wire import api
from keyturn.wire.unsealing import AskSeal, AskUnseal, HandShare

routes = signed_router()


@routes.get("/v1/unseal")
async def unseal(parts: PartsHere) -> api.UnsealView:
    """How the keyholder stands, and what a custodian's program checks before it seals a share."""
    news = await parts.context.urgent.ask(AskUnseal())
    return api.UnsealView.model_validate(news.document())


@routes.post("/v1/unseal/shares")
async def share(parts: PartsHere, body: api.ShareBody) -> api.ShareView:
    """One custodian's share, sealed to the keyholder's key of this session."""
    attached = tuple(unb64(each, what="attached") for each in body.attached)
    handed = HandShare(unb64(body.envelope, what="envelope"), attached)
    taken = await parts.context.urgent.ask(handed)
    parts.follower.poke()
    return api.ShareView.model_validate(taken.document())


@routes.post("/v1/seal")
async def seal(parts: PartsHere, body: api.EnvelopeBody) -> api.SealView:
    """One signature, and the keyholder lets its HSM go."""
    index = await parts.context.urgent.ask(AskSeal(unb64(body.envelope, what="envelope")))
    parts.follower.poke()
    return api.SealView(index=index)

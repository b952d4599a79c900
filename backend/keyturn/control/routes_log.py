"""Routes of the log: the keyholder's own answers, for clients that check them."""

from keyturn.base.encoding import b64
from keyturn.control.routing import DigestPath, Index, Number, PartsHere, signed_router
from keyturn.wire import api
from keyturn.wire.keyholder import (
    MAX_ENTRIES,
    AskCheckpoint,
    AskConsistency,
    AskCosignatures,
    AskEntries,
    AskObject,
    AskReceipt,
    HandCosigned,
    Under,
)

routes = signed_router()


@routes.get("/v1/log/checkpoint")
async def checkpoint(parts: PartsHere) -> api.CheckpointView:
    """The newest signed checkpoint."""
    return api.CheckpointView(note=await parts.context.keyholder.ask(AskCheckpoint()))


@routes.get("/v1/log/entries")
async def entries(parts: PartsHere, start: Number, end: Number) -> api.EntriesView:
    """Leaves from `start`, up to and without `end`, perhaps fewer than asked."""
    bounded = max(start, min(end, start + MAX_ENTRIES))
    found = await parts.context.keyholder.ask(AskEntries(start, bounded))
    return api.EntriesView(
        start=start, leaves=[b64(each) for each in found.leaves], size=found.size
    )


@routes.get("/v1/log/receipts/{index}")
async def receipt(parts: PartsHere, index: Index) -> api.ReceiptView:
    """Entry, inclusion proof and checkpoint, the largest that enough witnesses cosigned."""
    asked = AskReceipt(index, Under.COSIGNED)
    return api.ReceiptView(receipt=await parts.context.keyholder.ask(asked))


@routes.get("/v1/log/cosignatures")
async def cosignatures(parts: PartsHere) -> api.CosignaturesView:
    """What each witness cosigned last."""
    return api.CosignaturesView(notes=list(await parts.context.keyholder.ask(AskCosignatures())))


@routes.post("/v1/log/cosignatures")
async def cosigned(parts: PartsHere, body: api.CosignedBody) -> api.CosignedView:
    """Hand in a checkpoint that a witness cosigned. The keyholder judges it."""
    return api.CosignedView(witnesses=await parts.context.keyholder.ask(HandCosigned(body.note)))


@routes.get("/v1/log/consistency")
async def consistency(parts: PartsHere, old: Number, new: Number) -> api.ProofView:
    """That the tree of size `new` extends the one of size `old`."""
    return api.ProofView(proof=list(await parts.context.keyholder.ask(AskConsistency(old, new))))


@routes.get("/v1/log/objects/{digest}")
async def stored_object(parts: PartsHere, digest: DigestPath) -> api.ObjectView:
    """The bytes that an entry names by digest."""
    return api.ObjectView(data=b64(await parts.context.keyholder.ask(AskObject(digest))))

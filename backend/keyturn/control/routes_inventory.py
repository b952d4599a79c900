"""Routes of sealed models and of nodes."""

from typing import Annotated

from fastapi import Path

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.control import evidence as kept
from keyturn.control import fleetview, modeling
from keyturn.control.routing import DigestPath, PartsHere, signed_router
from keyturn.wire import api

routes = signed_router()


@routes.get("/v1/models")
async def models(parts: PartsHere) -> api.ModelList:
    """All sealed models."""
    return api.ModelList(models=await modeling.every(parts.context))


@routes.post("/v1/models")
async def register(parts: PartsHere, body: api.NewModel) -> api.ModelView:
    """Enter a sealed model's two documents."""
    manifest = unb64(body.manifest, what="manifest")
    return await modeling.register(parts.context, manifest, unb64(body.key, what="key"))


@routes.get("/v1/models/{digest}")
async def model(parts: PartsHere, digest: DigestPath) -> api.ModelView:
    """One sealed model."""
    return await modeling.one(parts.context, digest)


@routes.get("/v1/models/{digest}/manifest")
async def manifest(parts: PartsHere, digest: DigestPath) -> api.ManifestView:
    """A sealed model's list of files, as it was registered."""
    return await modeling.manifest(parts.context, digest)


@routes.get("/v1/nodes")
async def nodes(parts: PartsHere) -> api.NodeList:
    """All nodes, each with its state and the age of that state."""
    return api.NodeList(nodes=await fleetview.every(parts.context))


@routes.get("/v1/nodes/{name}")
async def node(parts: PartsHere, name: Annotated[str, Path(max_length=400)]) -> api.NodeView:
    """One node."""
    return await fleetview.one(parts.context, name)


@routes.get("/v1/evidence/{digest}")
async def evidence(parts: PartsHere, digest: DigestPath) -> api.ObjectView:
    """The request that a node's newest grant or refusal names."""
    return api.ObjectView(data=b64(await kept.one(parts.context, Digest(digest))))


@routes.post("/v1/evidence/batch")
async def evidence_batch(parts: PartsHere, body: api.EvidenceBatch) -> api.EvidenceList:
    """Several of them, as many as fit into one answer."""
    return await kept.several(parts.context, [Digest(each) for each in body.digests])

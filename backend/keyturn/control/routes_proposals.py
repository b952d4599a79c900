"""Routes of proposals, approvals and withdrawals."""

from typing import Annotated

from fastapi import Query

from keyturn.base.encoding import b64, unb64
from keyturn.control.routing import DigestPath, PartsHere, Signed, signed_router
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Role
from keyturn.wire import api

routes = signed_router()


@routes.get("/v1/proposals")
async def proposals(
    parts: PartsHere, status: Annotated[str | None, Query(max_length=20)] = None
) -> api.ProposalList:
    """All proposals, newest first."""
    return api.ProposalList(proposals=await parts.proposing.all(status))


@routes.post("/v1/proposals")
async def propose(parts: PartsHere, signed: Signed, body: api.NewProposal) -> api.ProposalView:
    """Enter a signed statement."""
    signed.require(Role.PROPOSER)
    return await parts.proposing.propose(
        signed.officer,
        unb64(body.statement, what="statement"),
        None if body.key is None else unb64(body.key, what="key"),
        None if body.manifest is None else unb64(body.manifest, what="manifest"),
    )


@routes.get("/v1/proposals/{digest}")
async def proposal(parts: PartsHere, digest: DigestPath) -> api.ProposalView:
    """One proposal with its exact envelopes."""
    return await parts.proposing.one(digest)


@routes.post("/v1/proposals/{digest}/approvals")
async def approve(parts: PartsHere, digest: DigestPath, body: api.EnvelopeBody) -> api.ProposalView:
    """Enter an approval or a rejection, signed by anyone: the envelope is what counts."""
    return await parts.proposing.approve(digest, unb64(body.envelope, what="envelope"))


@routes.post("/v1/proposals/{digest}/withdrawal")
async def withdraw(
    parts: PartsHere, digest: DigestPath, body: api.EnvelopeBody
) -> api.ProposalView:
    """End an open proposal for ever."""
    return await parts.proposing.withdraw(digest, unb64(body.envelope, what="envelope"))


@routes.get("/v1/proposals/{digest}/export")
async def export(parts: PartsHere, digest: DigestPath) -> api.ProposalExport:
    """Everything that an officer without network needs to judge and sign."""
    view = await parts.proposing.one(digest)
    return api.ProposalExport(
        type="proposal-export",
        format=1,
        statement=view.statement,
        approvals=view.approvals,
        bundle=b64(make_bundle(parts.context.mirror.state)),
    )

"""Routes of proposals, approvals and withdrawals."""

from typing import Annotated

from fastapi import Query

from keyturn.base.encoding import b64, unb64
from keyturn.control import access
from keyturn.control.errors import NotFound
from keyturn.control.proposalview import Status
from keyturn.control.routing import DigestPath, PartsHere, Signed, signed_router
from keyturn.control.signin import Session
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.wire import api

routes = signed_router()


@routes.get("/v1/proposals")
async def proposals(
    parts: PartsHere, signed: Signed, status: Annotated[str | None, Query(max_length=20)] = None
) -> api.ProposalList:
    """All proposals, newest first; of a witness the open revocations."""
    found = await parts.proposing.all(status)
    return api.ProposalList(proposals=[each for each in found if _readable(signed, each)])


@routes.post("/v1/proposals")
async def propose(parts: PartsHere, signed: Signed, body: api.NewProposal) -> api.ProposalView:
    """Enter a signed statement."""
    return await parts.proposing.propose(
        signed.officer,
        unb64(body.statement, what="statement"),
        None if body.key is None else unb64(body.key, what="key"),
        None if body.manifest is None else unb64(body.manifest, what="manifest"),
    )


@routes.get("/v1/proposals/{digest}")
async def proposal(parts: PartsHere, signed: Signed, digest: DigestPath) -> api.ProposalView:
    """One proposal with its exact envelopes."""
    found = await parts.proposing.one(digest)
    if not _readable(signed, found):
        raise NotFound("no such proposal", found=digest)
    return found


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


_UNDECIDED = {Status.OPEN.value, Status.REFUSED.value}


def _readable(signed: Session, view: api.ProposalView) -> bool:
    if access.all_proposals(signed.officer):
        return True
    return view.kind == Kind.REVOCATION.value and view.status in _UNDECIDED

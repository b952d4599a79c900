"""Routes of collateral: handed in for the keyholder to judge, and read by who verifies it."""

from typing import Annotated

from fastapi import Query

from keyturn.base.collateral import read_collateral
from keyturn.base.strictjson import Fields
from keyturn.control.routing import PartsHere, signed_router
from keyturn.wire import api

routes = signed_router()


@routes.get("/v1/collateral")
async def kept(
    parts: PartsHere, after: Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")] = ""
) -> api.CollateralPage:
    """Some of what was handed in and kept, from behind `after` on."""
    found = await parts.collaterals.page(after)
    return api.CollateralPage(
        documents=[each.to_document() for each in found.documents], next=found.following
    )


@routes.get("/v1/collateral/status")
async def status(parts: PartsHere) -> api.CollateralStatus:
    """How old each kept document is, and what could not be fetched: to look at, no proof."""
    return api.CollateralStatus(**parts.collateral_job.status())  # type: ignore[arg-type]


@routes.post("/v1/collateral")
async def hand_in(parts: PartsHere, body: api.CollateralBody) -> api.CollateralTaken:
    """Hand in documents that vendors signed. The keyholder judges each."""
    documents = [
        read_collateral(Fields(each, f"documents[{place}]"))
        for place, each in enumerate(body.documents)
    ]
    answer = await parts.collaterals.hand_in(documents)
    return api.CollateralTaken(
        kept=list(answer.kept),
        refused=[
            api.CollateralRefusal(
                kind=each.kind,
                scope=each.scope,
                reason=each.reason,
                found=each.found,
                expected=each.expected,
            )
            for each in answer.refused
        ],
    )

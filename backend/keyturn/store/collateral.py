"""Collateral that the keyholder kept when it was handed in here: of each place the newest (§4.7).

The keyholder judges; this is for replicas, for officers' clients, and for a keyholder that starts
without its documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import b64, unb64
from keyturn.store.schema import collateral


@dataclass(frozen=True, slots=True)
class CollateralRow:
    """`place`: 64 hex digits that name what the document is the newest of."""

    place: str
    document: CollateralDocument


def keep(connection: Connection, rows: Sequence[CollateralRow], now: datetime) -> None:
    """Each in place of what stands there."""
    if not rows:
        return
    connection.execute(
        delete(collateral).where(collateral.c.place.in_([each.place for each in rows]))
    )
    connection.execute(
        collateral.insert(),
        [
            {
                "place": each.place,
                "kind": each.document.kind.value,
                "scope": each.document.scope,
                "digest": each.document.digest,
                "received": now,
                "data": each.document.data,
                "chain": [b64(certificate) for certificate in each.document.chain],
            }
            for each in rows
        ],
    )


def page(connection: Connection, after: str, limit: int) -> list[CollateralRow]:
    """In the order of their places, those behind `after`."""
    query = (
        select(collateral)
        .where(collateral.c.place > after)
        .order_by(collateral.c.place)
        .limit(limit)
    )
    return [_row(row._mapping) for row in connection.execute(query)]


def _row(found: RowMapping) -> CollateralRow:
    chain = tuple(unb64(each, what="collateral") for each in found["chain"])
    document = CollateralDocument(
        CollateralKind(found["kind"]), found["scope"], found["data"], chain
    )
    return CollateralRow(found["place"], document)

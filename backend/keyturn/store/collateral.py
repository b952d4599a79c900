"""Collateral that the keyholder kept when it was handed in here: of each place the newest (§4.7).

The keyholder judges; this is for replicas, for officers' clients, and for a keyholder that starts
without its documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select, update

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import Digest, b64, unb64
from keyturn.store.schema import collateral


@dataclass(frozen=True, slots=True)
class CollateralRow:
    """`place`: 64 hex digits that name what the document is the newest of."""

    place: str
    document: CollateralDocument


@dataclass(frozen=True, slots=True)
class Listed:
    """A row without its bytes."""

    place: str
    digest: Digest
    received: datetime


def keep(connection: Connection, rows: Sequence[CollateralRow], now: datetime) -> None:
    """Each in place of what stands there; the same again keeps its time of receipt."""
    if not rows:
        return
    places = [each.place for each in rows]
    known = select(collateral.c.place, collateral.c.digest, collateral.c.received).where(
        collateral.c.place.in_(places)
    )
    received = {(place, digest): at for place, digest, at in connection.execute(known)}
    connection.execute(delete(collateral).where(collateral.c.place.in_(places)))
    connection.execute(
        collateral.insert(),
        [
            {
                "place": each.place,
                "kind": each.document.kind.value,
                "scope": each.document.scope,
                "digest": each.document.digest,
                "received": received.get((each.place, each.document.digest), now),
                "data": each.document.data,
                "chain": [b64(certificate) for certificate in each.document.chain],
            }
            for each in rows
        ],
    )


def renew(connection: Connection, digests: Sequence[Digest], now: datetime) -> None:
    """The vendor gave these again, unchanged: they are as good as received now."""
    if digests:
        connection.execute(
            update(collateral).where(collateral.c.digest.in_(digests)).values(received=now)
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


def listed(connection: Connection) -> list[Listed]:
    """All that is kept, by name."""
    query = select(collateral.c.place, collateral.c.digest, collateral.c.received)
    return [Listed(*each) for each in connection.execute(query)]


def several(connection: Connection, places: Sequence[str]) -> list[CollateralRow]:
    """Those that are there."""
    query = select(collateral).where(collateral.c.place.in_(places))
    return [_row(row._mapping) for row in connection.execute(query)]


def _row(found: RowMapping) -> CollateralRow:
    chain = tuple(unb64(each, what="collateral") for each in found["chain"])
    document = CollateralDocument(
        CollateralKind(found["kind"]), found["scope"], found["data"], chain
    )
    return CollateralRow(found["place"], document)

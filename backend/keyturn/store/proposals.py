"""Proposals and the approvals collected for them. What is in force, only the log says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from keyturn.store.absent import insert_absent
from keyturn.store.errors import StoreConflict
from keyturn.store.schema import approvals, proposals, wrapped_keys


@dataclass(frozen=True, slots=True)
class ProposalRow:
    digest: str
    kind: str
    subject: str
    version: int
    proposer: str
    time: datetime
    proposal_lapses: datetime
    expires: datetime | None
    reason: str
    ticket: str | None
    envelope: bytes
    key: bytes | None = None
    manifest: bytes | None = None
    index: int | None = None
    receipt: Any = None
    refusal: Any = None
    withdrawal: bytes | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    digest: str
    statement: str
    officer: str
    decision: str
    time: datetime
    envelope: bytes


def insert(connection: Connection, row: ProposalRow) -> bool:
    """Keep a proposal; False when its digest is here already."""
    return insert_absent(connection, proposals, asdict(row))


def find(connection: Connection, digest: str) -> ProposalRow | None:
    row = connection.execute(select(proposals).where(proposals.c.digest == digest)).first()
    return None if row is None else ProposalRow(**row._mapping)


def all_proposals(connection: Connection, *, limit: int = 10_000) -> list[ProposalRow]:
    """Newest first."""
    query = select(proposals).order_by(proposals.c.time.desc(), proposals.c.digest).limit(limit)
    return [ProposalRow(**row._mapping) for row in connection.execute(query)]


def still_open(connection: Connection, now: datetime) -> list[ProposalRow]:
    """Neither in the log nor lapsed at `now`."""
    query = select(proposals).where(
        proposals.c.index.is_(None),
        proposals.c.withdrawn.is_(False),
        proposals.c.proposal_lapses > now,
    )
    return [ProposalRow(**row._mapping) for row in connection.execute(query)]


def admissions_without_key(connection: Connection) -> list[ProposalRow]:
    """Logged admissions whose model has no KEK-wrapped DEK here, newest first."""
    query = (
        select(proposals)
        .where(
            proposals.c.kind == "model",
            proposals.c.index.is_not(None),
            proposals.c.subject.not_in(select(wrapped_keys.c.model)),
        )
        .order_by(proposals.c.index.desc())
    )
    return [ProposalRow(**row._mapping) for row in connection.execute(query)]


def without_receipt(connection: Connection, *, limit: int = 10_000) -> list[tuple[str, int]]:
    """(digest, index) of statements in the log whose receipt is not here yet."""
    query = (
        select(proposals.c.digest, proposals.c.index)
        .where(proposals.c.index.is_not(None), proposals.c.receipt.is_(None))
        .order_by(proposals.c.index)
        .limit(limit)
    )
    return [(digest, index) for digest, index in connection.execute(query)]


def receipts_not_under(connection: Connection, origin: str) -> list[tuple[str, int]]:
    """(digest, index) of statements whose receipt stands under another origin than this."""
    query = select(proposals.c.digest, proposals.c.index, proposals.c.receipt).where(
        proposals.c.index.is_not(None), proposals.c.receipt.is_not(None)
    )
    return [
        (digest, index)
        for digest, index, receipt in connection.execute(query)
        if not str(receipt.get("checkpoint")).startswith(f"{origin}\n")
    ]


def mark_in_force(connection: Connection, digest: str, index: int) -> None:
    """The log has it at `index`; whatever was refused before is past."""
    _one(
        connection,
        update(proposals).where(proposals.c.digest == digest).values(index=index, refusal=None),
    )


def set_receipt(connection: Connection, digest: str, receipt: Any) -> None:
    _one(connection, update(proposals).where(proposals.c.digest == digest).values(receipt=receipt))


def set_refusal(connection: Connection, digest: str, refusal: Any) -> None:
    """What the keyholder last said against it; never against one that the log has."""
    connection.execute(
        update(proposals)
        .where(proposals.c.digest == digest, proposals.c.index.is_(None))
        .values(refusal=refusal)
    )


def mark_withdrawn(connection: Connection, digest: str, withdrawal: bytes) -> None:
    _one(
        connection,
        update(proposals)
        .where(proposals.c.digest == digest)
        .values(withdrawn=True, withdrawal=withdrawal),
    )


def insert_approval(connection: Connection, row: ApprovalRow) -> bool:
    """Keep an approval; False when exactly these bytes are here already."""
    return insert_absent(connection, approvals, asdict(row))


def approvals_of(connection: Connection, statements: Sequence[str]) -> dict[str, list[ApprovalRow]]:
    """The approvals of each statement, oldest first."""
    found: dict[str, list[ApprovalRow]] = {digest: [] for digest in statements}
    for start in range(0, len(statements), 500):
        query = (
            select(approvals)
            .where(approvals.c.statement.in_(statements[start : start + 500]))
            .order_by(approvals.c.time, approvals.c.digest)
        )
        for row in connection.execute(query):
            found[row.statement].append(ApprovalRow(**row._mapping))
    return found


def _one(connection: Connection, change: Any) -> None:
    if connection.execute(change).rowcount != 1:
        raise StoreConflict("no such proposal in the database")

"""Is the database what the log says, and making it so (DESIGN §7: the log is the truth).

Comparing projects the log into an empty database in memory and lists every row that differs.
Rebuilding keeps what the log does not know: open proposals and approvals, events already told,
heartbeats, keys that nodes showed, wrapped DEKs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.control.projection import approval_row, project, proposal_row
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.statements import parse_statement
from keyturn.store import evidence
from keyturn.store import proposals as proposal_store
from keyturn.store.database import open_database
from keyturn.store.migrate import make_tables
from keyturn.store.proposals import ApprovalRow
from keyturn.store.schema import approvals, leases, log_entries, nodes, proposals

_OURS = {
    "leases": {"tls_spki", "counter"},
    "nodes": {"last_seen", "reported", "wiped_ms", "lost", "reasons"},
    "proposals": {"key", "manifest", "receipt", "refusal"},
}
"""Columns that the log does not determine."""


@dataclass(frozen=True, slots=True)
class LogContent:
    """Every leaf in order, and the objects that they name."""

    leaves: Sequence[bytes]
    objects: Mapping[Digest, bytes]


def differences(connection: Connection, log: LogContent) -> list[str]:
    """Where the database says something else than the log, in words."""
    found = [*_edited_proposals(connection), *_edited_approvals(connection)]
    fresh = open_database("sqlite://")
    try:
        make_tables(fresh)
        with fresh.write() as truth:
            for index, leaf in enumerate(log.leaves):
                project(truth, index, leaf, log.objects)
            for table in (log_entries, leases, nodes):
                found.extend(_compare(connection, truth, table))
            found.extend(_compare(connection, truth, proposals, logged_only=True))
            for table in (proposals, approvals):  # of decisions that the log has
                found.extend(_missing(connection, truth, table))
    finally:
        fresh.close()
    return found


def rebuild(connection: Connection, log: LogContent) -> None:
    """Write everything that the log determines anew, in the caller's transaction."""
    kept_leases = connection.execute(select(leases)).all()
    kept_nodes = connection.execute(select(nodes)).all()
    kept_proposals = connection.execute(select(proposals)).all()
    for table in (leases, nodes, log_entries):
        connection.execute(delete(table))
    logged = {row.digest for row in kept_proposals if row.index is not None or row.withdrawn}
    _drop_proposals(connection, logged | _broken(kept_proposals))
    _mend_approvals(connection)
    for index, leaf in enumerate(log.leaves):
        project(connection, index, leaf, log.objects)
    _restore(connection, leases, kept_leases, "lease", ("tls",))
    _restore(connection, nodes, kept_nodes, "name", ())
    evidence.drop_unnamed(connection)
    _restore(connection, proposals, kept_proposals, "digest", ())
    _mend_open(connection)


def _drop_proposals(connection: Connection, digests: Iterable[str]) -> None:
    for digest in digests:
        connection.execute(delete(proposals).where(proposals.c.digest == digest))


def _restore(
    connection: Connection, table: Table, kept: Sequence[Any], key: str, same: tuple[str, ...]
) -> None:
    """Put the columns back that are ours, where the log's part of the row is still the same."""
    for row in kept:
        values = {name: getattr(row, name) for name in _OURS[table.name]}
        if table is nodes:
            values.pop("reasons")
        change = update(table).where(table.c[key] == getattr(row, key))
        for name in same:
            change = change.where(table.c[name] == getattr(row, name))
        connection.execute(change.values(values))


def _mend_open(connection: Connection) -> None:
    """Rewrite the columns of proposals from their own envelopes."""
    for row in connection.execute(select(proposals)).all():
        expected = _from_envelope(row.envelope)
        if expected is not None:
            connection.execute(
                update(proposals).where(proposals.c.digest == row.digest).values(expected)
            )


def _broken(rows: Sequence[Any]) -> set[str]:
    """Proposals whose bytes are not a statement of their digest: nobody can ever use them."""
    broken = set()
    for row in rows:
        expected = _from_envelope(row.envelope)
        if expected is None or expected["digest"] != row.digest:
            broken.add(row.digest)
    return broken


def _edited_proposals(connection: Connection) -> Iterable[str]:
    for row in connection.execute(select(proposals)).all():
        expected = _from_envelope(row.envelope)
        if expected is None:
            yield f"proposals {row.digest}: its envelope is not a statement"
            continue
        for name, value in expected.items():
            if getattr(row, name) != value:
                yield f"proposals {row.digest}: {name} is not what its envelope says"


def _edited_approvals(connection: Connection) -> Iterable[str]:
    for row in connection.execute(select(approvals)).all():
        if _approval_values(row.envelope) != dict(row._mapping):
            yield f"approvals {row.digest}: it is not what its envelope says"


def _mend_approvals(connection: Connection) -> None:
    """Drop those that are not what their envelopes say; of the log's, projecting makes new ones."""
    for row in connection.execute(select(approvals)).all():
        values = _approval_values(row.envelope)
        if values == dict(row._mapping):
            continue
        connection.execute(delete(approvals).where(approvals.c.digest == row.digest))
        if values is not None:
            proposal_store.insert_approval(connection, ApprovalRow(**values))


def _approval_values(envelope: bytes) -> dict[str, Any] | None:
    try:
        return asdict(approval_row(parse_approval(envelope)))
    except KeyturnError:
        return None


def _missing(connection: Connection, truth: Connection, table: Table) -> Iterable[str]:
    key = next(iter(table.primary_key.columns))
    here = set(connection.scalars(select(key)))
    for each in sorted(set(truth.scalars(select(key))) - here):
        yield f"{table.name} {each}: missing"


def _from_envelope(envelope: bytes) -> dict[str, Any] | None:
    try:
        values = asdict(proposal_row(parse_statement(envelope)))
    except KeyturnError:
        return None
    ours = _OURS["proposals"] | {"index", "withdrawal", "withdrawn"}
    return {name: value for name, value in values.items() if name not in ours}


def _compare(
    connection: Connection, truth: Connection, table: Table, *, logged_only: bool = False
) -> Iterable[str]:
    columns = [each.name for each in table.c if each.name not in _OURS.get(table.name, ())]
    here = _rows(connection, table, columns, logged_only=logged_only)
    there = _rows(truth, table, columns, logged_only=logged_only)
    for key in sorted(here.keys() | there.keys(), key=str):
        if key not in here:
            yield f"{table.name} {key}: missing"
        elif key not in there:
            if table is not nodes or here[key]["last_index"] is not None:
                yield f"{table.name} {key}: not in the log"
        else:
            for name in columns:
                if here[key][name] != there[key][name]:
                    yield f"{table.name} {key}: {name} is not what the log says"


def _rows(
    connection: Connection, table: Table, columns: list[str], *, logged_only: bool
) -> dict[Any, dict[str, Any]]:
    query = select(*(table.c[name] for name in columns))
    if logged_only:
        query = query.where(table.c.index.is_not(None) | table.c.withdrawn)
    key = next(iter(table.primary_key.columns)).name
    return {row._mapping[key]: dict(row._mapping) for row in connection.execute(query)}

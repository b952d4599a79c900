"""From log entries to rows: the only writer of what the log determines.

A pure function of the entry and its objects, so that the same log always gives the same rows, and
`keyturn db check` can compare the database with a fresh projection.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, read_grant, read_refusal
from keyturn.quorum.approvals import Approval, parse_approval
from keyturn.quorum.entries import (
    CeremonyEntry,
    DecisionEntry,
    Entry,
    EntryKind,
    StatementEntry,
    WithdrawalEntry,
    parse_entry,
    read_ceremony,
    read_decision,
    read_statement,
    read_withdrawal,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    ConfigurationEntry,
    ReportEntry,
    read_configuration,
    read_report,
)
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.store import events, fleet, logcopy, models, proposals
from keyturn.store.logcopy import LogRow
from keyturn.store.proposals import ApprovalRow, ProposalRow


def project(
    connection: Connection, index: int, leaf: bytes, objects: Mapping[Digest, bytes]
) -> None:
    """Enter leaf `index` and everything that follows from it. Raises MalformedError, StoreError."""
    entry = parse_entry(leaf)
    row = LogRow(index, leaf, entry.kind.value, entry.time)
    match entry.kind:
        case EntryKind.STATEMENT:
            row = _statement(connection, row, read_statement(entry), objects)
        case EntryKind.WITHDRAWAL:
            row = _withdrawal(connection, row, read_withdrawal(entry), objects)
        case EntryKind.GRANT:
            row = _grant(connection, row, entry)
        case EntryKind.REFUSAL:
            row = _refusal(connection, row, entry)
        case EntryKind.DECISION:
            row = _decision(connection, row, read_decision(entry), objects)
        case EntryKind.REPORT:
            _report(connection, row, read_report(entry))
        case EntryKind.CONFIGURATION:
            _configuration(connection, row, read_configuration(entry))
        case EntryKind.CEREMONY:
            row = _ceremony(connection, row, read_ceremony(entry))
        case EntryKind.ORIGIN | EntryKind.START:
            pass
    logcopy.append(connection, row)


def proposal_row(statement: Statement) -> ProposalRow:
    """The row of a proposal as its proposer signed it."""
    return ProposalRow(
        digest=statement.digest,
        kind=statement.kind.value,
        subject=statement.subject,
        version=statement.version,
        proposer=statement.proposer,
        time=statement.time,
        proposal_lapses=statement.proposal_lapses,
        expires=statement.expires,
        reason=statement.reason,
        ticket=statement.ticket,
        envelope=statement.raw,
    )


def approval_row(approval: Approval) -> ApprovalRow:
    return ApprovalRow(
        digest=digest_of(approval.raw),
        statement=approval.statement,
        officer=approval.officer,
        decision=approval.decision.value,
        time=approval.time,
        envelope=approval.raw,
    )


def _statement(
    connection: Connection, row: LogRow, entry: StatementEntry, objects: Mapping[Digest, bytes]
) -> LogRow:
    statement = parse_statement(objects[entry.envelopes[0]])
    if proposals.find(connection, statement.digest) is None:
        proposals.insert(connection, proposal_row(statement))
    for digest in entry.envelopes[1:]:
        proposals.insert_approval(connection, approval_row(parse_approval(objects[digest])))
    proposals.mark_in_force(connection, statement.digest, row.index)
    kind = "revocation" if entry.kind is Kind.REVOCATION else "in-force"
    data = {
        "digest": entry.statement,
        "kind": entry.kind.value,
        "subject": entry.subject,
        "version": entry.version,
        "index": row.index,
    }
    events.append(connection, kind, data, row.time, log_index=row.index)
    return replace(
        row,
        statement=entry.statement,
        statement_kind=entry.kind.value,
        subject=entry.subject,
        model=entry.subject if entry.kind is Kind.MODEL else None,
    )


def _ceremony(connection: Connection, row: LogRow, entry: CeremonyEntry) -> LogRow:
    data = {
        "ceremony": entry.ceremony,
        "kind": entry.ceremony_kind,
        "seq": entry.seq,
        "event": entry.event,
        "index": row.index,
    }
    events.append(connection, "ceremony", data, row.time, log_index=row.index)
    if entry.destroys is not None:
        models.forget_keys(connection, entry.destroys)
    return replace(row, subject=entry.ceremony, model=entry.destroys)


def _withdrawal(
    connection: Connection, row: LogRow, entry: WithdrawalEntry, objects: Mapping[Digest, bytes]
) -> LogRow:
    statement = parse_statement(objects[entry.envelopes[0]])
    if proposals.find(connection, statement.digest) is None:
        proposals.insert(connection, proposal_row(statement))
    proposals.mark_withdrawn(connection, statement.digest, objects[entry.envelopes[1]])
    data = {"digest": entry.statement, "withdrawn": True, "index": row.index}
    events.append(connection, "proposal", data, row.time, log_index=row.index)
    return replace(
        row,
        statement=entry.statement,
        statement_kind=statement.kind.value,
        subject=statement.subject,
    )


def _decision(
    connection: Connection, row: LogRow, entry: DecisionEntry, objects: Mapping[Digest, bytes]
) -> LogRow:
    statement = parse_statement(objects[entry.envelopes[0]])
    if proposals.find(connection, statement.digest) is None:
        proposals.insert(connection, proposal_row(statement))
    proposals.insert_approval(connection, approval_row(parse_approval(objects[entry.envelopes[1]])))
    data = {
        "digest": entry.statement,
        "officer": entry.officer,
        "decision": entry.decision.value,
        "index": row.index,
    }
    events.append(connection, "decision", data, row.time, log_index=row.index)
    return replace(
        row,
        statement=entry.statement,
        statement_kind=statement.kind.value,
        subject=statement.subject,
    )


def _report(connection: Connection, row: LogRow, entry: ReportEntry) -> None:
    data = {**entry.document(), "index": row.index}
    events.append(connection, "report", data, row.time, log_index=row.index)


def _configuration(connection: Connection, row: LogRow, entry: ConfigurationEntry) -> None:
    data = {
        "program": entry.program.value,
        "changed": list(entry.changed),
        "software": entry.software,
        "index": row.index,
    }
    events.append(connection, "configuration", data, row.time, log_index=row.index)


def _grant(connection: Connection, row: LogRow, raw: Entry) -> LogRow:
    grant = read_grant(raw)
    before = fleet.find_node(connection, grant.node)
    if grant.purpose is Purpose.RELEASE:
        fleet.begin_lease(connection, _lease(row.index, grant))
        fleet.update_node(connection, grant.node, reported=None, wiped_ms=None)
    else:
        fleet.extend_lease(connection, grant.lease, grant.until, grant.evidence)
    fleet.update_node(
        connection,
        grant.node,
        platform=grant.platform,
        model=grant.model,
        lease=grant.lease,
        lease_until=grant.until,
        lease_seconds=int((grant.until - row.time).total_seconds()),
        last_attested=row.time,
        last_refused=None,
        reasons=[],
        caveats=list(grant.caveats),
        last_index=row.index,
        lost=False,
    )
    kind = "grant" if grant.purpose is Purpose.RELEASE else "renewal"
    told = events.append(
        connection, kind, _node_event(grant, row.index), row.time, log_index=row.index
    )
    if told is not None:
        _tell_platform(connection, before, grant.platform, row)
    return replace(row, model=grant.model, node=grant.node, lease=grant.lease)


def _lease(index: int, grant: GrantEntry) -> fleet.LeaseRow:
    return fleet.LeaseRow(
        lease=grant.lease,
        node=grant.node,
        model=grant.model,
        platform=grant.platform,
        tls=grant.tls,
        began=index,
        evidence=grant.evidence,
        until=grant.until,
    )


def _node_event(grant: GrantEntry, index: int) -> dict[str, Any]:
    return {
        "node": grant.node,
        "platform": grant.platform,
        "model": grant.model,
        "lease": grant.lease,
        "index": index,
    }


def _refusal(connection: Connection, row: LogRow, raw: Entry) -> LogRow:
    refusal = read_refusal(raw)
    before = fleet.find_node(connection, refusal.node)
    fleet.update_node(
        connection,
        refusal.node,
        platform=refusal.platform,
        last_refused=row.time,
        reasons=[{"reason": each} for each in refusal.reasons],
        last_index=row.index,
    )
    data = {
        "node": refusal.node,
        "platform": refusal.platform,
        "model": refusal.model,
        "reasons": list(refusal.reasons),
        "index": row.index,
    }
    told = events.append(connection, "refusal", data, row.time, log_index=row.index)
    if told is not None:
        _tell_platform(connection, before, refusal.platform, row)
    return replace(row, model=refusal.model, node=refusal.node)


def _tell_platform(
    connection: Connection, before: fleet.NodeRow | None, platform: str | None, row: LogRow
) -> None:
    """A node's name is its own word: tell when another machine comes under it.

    Once, because it follows an event that this entry makes once.
    """
    if before is None or before.platform is None or before.platform == platform:
        return
    data = {
        "node": before.name,
        "before": before.platform,
        "platform": platform,
        "index": row.index,
    }
    events.append(connection, "platform-changed", data, row.time)

"""Ceremonies as the log has them, and a transcript made of it (our protocol §10.10).

The log is replayed and proved by the client; what comes out is a file that proves itself again
anywhere, with every record's receipt beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest, digest_of
from keyturn.ceremony.sessions import is_session, verify_session
from keyturn.ceremony.transcript import make_transcript, parse_transcript, verify_transcript
from keyturn.client.connection import Connection
from keyturn.client.errors import NotFound, ServerLied
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import EntryKind, parse_entry, read_ceremony


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """One record's entry."""

    index: int
    time: datetime
    event: str
    record: Digest


@dataclass(frozen=True, slots=True)
class LoggedCeremony:
    """A ceremony by its entries, in their order."""

    ceremony: str
    kind: str
    records: tuple[LoggedRecord, ...]

    @property
    def began(self) -> datetime:
        return self.records[0].time


def ceremonies_in(leaves: Iterable[bytes]) -> tuple[LoggedCeremony, ...]:
    """Those of a proved log, in the order of their first entries."""
    found: dict[str, LoggedCeremony] = {}
    for index, leaf in enumerate(leaves):
        entry = parse_entry(leaf)
        if entry.kind is not EntryKind.CEREMONY:
            continue
        said = read_ceremony(entry)
        record = LoggedRecord(index, entry.time, said.event, said.record)
        before = found.get(said.ceremony)
        records = (*before.records, record) if before else (record,)
        found[said.ceremony] = LoggedCeremony(said.ceremony, said.ceremony_kind, records)
    return tuple(found.values())


def logged_ceremonies(client: Connection) -> tuple[LoggedCeremony, ...]:
    """All that the server's log has, which is replayed and proved first."""
    seen = client.seen()
    return ceremonies_in(client.entries(0, seen.checkpoint.checkpoint.size))


def transcript_from_log(client: Connection, ceremony: str) -> bytes:
    """A transcript file of a ceremony that is in the log, proved before it is given out.

    Raises NotFound where the log has no such ceremony, ServerLied where the server has not the
    records that the log names, and what proving it raises.
    """
    state = client.seen().state
    every = {each.ceremony: each for each in logged_ceremonies(client)}
    found = every.get(ceremony)
    if found is None:
        raise NotFound(
            "the log has no such ceremony",
            found=ceremony,
            expected=", ".join(list(every)[-5:]) or "one that is no rehearsal",
        )
    records = [_object(client, each) for each in found.records]
    receipts = [client.receipt_document(each.index)[1] for each in found.records]
    raw = make_transcript(records, make_bundle(state), receipts)
    transcript = parse_transcript(raw)
    (verify_session if is_session(transcript) else verify_transcript)(transcript, state.fingerprint)
    return raw


def _object(client: Connection, entry: LoggedRecord) -> bytes:
    raw = client.read_object(entry.record)
    if raw is None or digest_of(raw) != entry.record:
        raise ServerLied(
            "the server has not the record that the log names",
            found="nothing" if raw is None else digest_of(raw),
            expected=f"{entry.record}, of entry {entry.index}",
        )
    return raw

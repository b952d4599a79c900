"""Is every record of a ceremony in the authority's log? (our protocol §10.10)."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import ScriptKind
from keyturn.quorum.bundle import Authority
from keyturn.quorum.entries import CeremonyEntry, EntryKind, parse_entry, read_ceremony
from keyturn.tlog.receipts import VerifiedEntry, parse_receipt, verify_receipt


@dataclass(frozen=True, slots=True)
class LoggedAs:
    """What is looked for: a ceremony's records, under its id and kind."""

    ceremony: str
    kind: ScriptKind
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class LogLooked:
    """Every record stands in the log `origin`, from index `first` to index `last`."""

    origin: str
    first: int
    last: int
    size: int
    """Of the newest checkpoint that the receipts bring."""
    destroys: Digest | None
    """The model that the entries say has no key any more."""


def look_in_log(
    of: LoggedAs, authority: Authority | None, receipts: Sequence[bytes]
) -> LogLooked | None:
    """None where there is no bundle or no receipt. Raises CeremonyRefused, or what receipts do."""
    if authority is None or not receipts:
        return None
    found: dict[int, tuple[VerifiedEntry, CeremonyEntry]] = {}
    for raw in receipts:
        entry, ceremony = _entry(raw, authority)
        if ceremony.ceremony != of.ceremony or ceremony.seq in found:
            raise _not_logged(f"a receipt is of another ceremony or record: {ceremony.ceremony}")
        found[ceremony.seq] = entry, ceremony
    indexes = [_index(of, each.seq, found) for each in of.records]
    if indexes != sorted(set(indexes)):
        raise _not_logged("the log holds the records in another order")
    if len(found) != len(of.records):
        raise _not_logged("the log holds more records of this ceremony than the transcript")
    destroyed = [each.destroys for _, each in found.values() if each.destroys]
    sizes = [each.checkpoint.checkpoint.size for each, _ in found.values()]
    return LogLooked(
        authority.origin, indexes[0], indexes[-1], max(sizes), destroyed[0] if destroyed else None
    )


def _entry(raw: bytes, authority: Authority) -> tuple[VerifiedEntry, CeremonyEntry]:
    try:
        entry = verify_receipt(parse_receipt(raw), authority.log_key(), authority.origin)
    except UntrustedError as error:
        raise _not_logged(f"a receipt does not prove its entry: {error.message}") from error
    read = parse_entry(entry.leaf)
    if read.kind is not EntryKind.CEREMONY:
        raise _not_logged(f"a receipt is of an entry '{read.kind.value}'")
    return entry, read_ceremony(read)


def _index(of: LoggedAs, seq: int, found: dict[int, tuple[VerifiedEntry, CeremonyEntry]]) -> int:
    record = of.records[seq]
    pair = found.get(seq)
    if pair is None:
        raise _not_logged(f"record {seq} has no receipt")
    entry, ceremony = pair
    said = (ceremony.record, ceremony.event, ceremony.ceremony_kind)
    if said != (record.digest, record.event.value, of.kind.value):
        raise _not_logged(
            f"record {seq}: the log holds another one", record.digest, ceremony.record
        )
    return entry.index


def _not_logged(message: str, found: str = "", expected: str = "") -> CeremonyRefused:
    return CeremonyRefused(CeremonyReason.BROKEN_CHAIN, message, found=found, expected=expected)

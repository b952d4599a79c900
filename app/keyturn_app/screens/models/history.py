"""What the log says of one model: the entries that concern it, found by one pass. No Qt here."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.client.seen import at_hand, leaf_at_hand
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import read_grant, read_refusal
from keyturn.quorum.entries import Entry, EntryKind, parse_entry, read_statement, read_withdrawal
from keyturn.quorum.kinds import Kind
from keyturn_app.i18n import _
from keyturn_app.screens.models.admission import subject_of_revocation

SHOWN = 200
"""Grants and refusals shown of one model; the log's page has all of them."""

_NAMED = re.compile(rb'"(?:model|subject|statement)":"(?:model:)?(sha256:[0-9a-f]{64})"')
"""Our own writer's spelling, as below: a filter, then the leaf is parsed."""
_RELEASE = b'"purpose":"'
_RENEWAL = b'"purpose":"renewal"'


class EventKind(Enum):
    ADMITTED = "admitted"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"
    GRANTED = "granted"
    RENEWED = "renewed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One log entry. `text` says what it is about: a node, a version, reasons."""

    index: int
    time: datetime
    kind: EventKind
    text: str
    count: int = 1  # of renewals: this one is the last


@dataclass(slots=True)
class _Indexes:
    """Log indexes, oldest first."""

    changes: list[int] = field(default_factory=list)  # statements and withdrawals: few
    releases: list[int] = field(default_factory=list)  # grants and refusals
    renewals: list[int] = field(default_factory=list)  # as many as there are minutes


class Concerning:
    """Which leaves name which digest, of a log that only grows; another log needs another."""

    def __init__(self) -> None:
        self._named: dict[str, _Indexes] = defaultdict(_Indexes)
        self._size = 0
        self._last = b""

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Read what is new and at hand; starts over when it is not the log that it was, or when
        so much is new that something between would be left out."""
        before = leaf_at_hand(leaves, self._size - 1)
        if self._size and (len(leaves) < self._size or before != self._last):
            self._named.clear()
            self._size = 0
        for index, leaf in at_hand(leaves, self._size):
            for found in set(_NAMED.findall(leaf)):
                _list_of(self._named[found.decode()], leaf).append(index)
        self._size = len(leaves)
        self._last = leaf_at_hand(leaves, len(leaves) - 1) or b""

    def of(self, digest: str) -> _Indexes:
        return self._named.get(digest) or _Indexes()


def _list_of(indexes: _Indexes, leaf: bytes) -> list[int]:
    if _RENEWAL in leaf:
        return indexes.renewals
    return indexes.releases if _RELEASE in leaf else indexes.changes


def events_of(
    digest: Digest, proposals: Sequence[Digest], leaves: Sequence[bytes], index: Concerning
) -> tuple[Event, ...]:
    """The newest first. `proposals`: statements about the model, to find their withdrawals by.

    All changes of authority, the newest SHOWN grants and refusals, and of renewals the last.
    """
    own = index.of(digest)
    changes = {place for each in (digest, *proposals) for place in index.of(each).changes}
    places = sorted({*changes, *own.releases[-SHOWN:]}, reverse=True)
    found = [_read_at(leaves, place, digest, proposals) for place in places]
    if own.renewals:
        last = _read_at(leaves, own.renewals[-1], digest, proposals)
        if last is not None:
            found.append(replace(last, count=len(own.renewals)))
    events = [each for each in found if each is not None]
    return tuple(sorted(events, key=lambda each: each.index, reverse=True))


def _read_at(
    leaves: Sequence[bytes], index: int, digest: Digest, proposals: Sequence[Digest]
) -> Event | None:
    """None for one that is not on this machine any more."""
    leaf = leaf_at_hand(leaves, index)
    return None if leaf is None else _read(index, leaf, digest, proposals)


def _read(index: int, leaf: bytes, digest: Digest, proposals: Sequence[Digest]) -> Event | None:
    try:
        return _event(index, parse_entry(leaf), digest, proposals)
    except MalformedError:  # of another kind, which only looked like one of these
        return None


def _event(index: int, entry: Entry, digest: Digest, proposals: Sequence[Digest]) -> Event | None:
    if entry.kind is EntryKind.STATEMENT:
        return _of_statement(index, entry, digest)
    if entry.kind is EntryKind.GRANT:
        grant = read_grant(entry)
        kind = EventKind.RENEWED if grant.purpose is Purpose.RENEWAL else EventKind.GRANTED
        return Event(index, entry.time, kind, grant.node) if grant.model == digest else None
    if entry.kind is EntryKind.REFUSAL:
        refusal = read_refusal(entry)
        text = f"{refusal.node}: {', '.join(refusal.reasons)}"
        return (
            Event(index, entry.time, EventKind.REFUSED, text) if refusal.model == digest else None
        )
    if entry.kind is EntryKind.WITHDRAWAL and read_withdrawal(entry).statement in proposals:
        return Event(index, entry.time, EventKind.WITHDRAWN, "")
    return None


def _of_statement(index: int, entry: Entry, digest: Digest) -> Event | None:
    named = read_statement(entry)
    version = _("version {version}").format(version=named.version)
    if (named.kind, named.subject) == (Kind.MODEL, digest):
        return Event(index, entry.time, EventKind.ADMITTED, version)
    if (named.kind, named.subject) == (Kind.REVOCATION, subject_of_revocation(digest)):
        return Event(index, entry.time, EventKind.REVOKED, "")
    return None

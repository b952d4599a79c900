"""What a keyholder knows from its log alone: the authority, live leases, settings, shares.

Built leaf by leaf, every quorum verified again; a keyholder that was sealed goes on from what it
replayed then.
"""

from dataclasses import dataclass, field
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.ceremony.records import Event
from keyturn.keyrelease.entries import GrantEntry, read_grant, read_refusal
from keyturn.keyrelease.leases import LeaseBook
from keyturn.quorum.continuation import CheckPrevious
from keyturn.quorum.entries import Entry, EntryKind, parse_entry, read_ceremony
from keyturn.quorum.reports import ConfigurationEntry, Program, read_configuration
from keyturn.quorum.state import AuthorityState, ReadObject

FEW_LEASES = 16
"""So many, over or not, are kept without looking."""

Configured = dict[Program, tuple[int, ConfigurationEntry]]
"""The last `configuration` entry of each program, and its index."""


@dataclass(slots=True)
class Replay:
    """After `state.size` leaves."""

    state: AuthorityState
    leases: LeaseBook = field(default_factory=LeaseBook)
    configured: Configured = field(default_factory=dict)
    done: list[Digest] = field(default_factory=list)
    """Records of ceremonies' steps that were done, in their order."""
    recorded: dict[Digest, int] = field(default_factory=dict)
    """By the digest of a ceremony's record, the index of its entry."""
    _prune_beyond: int = FEW_LEASES

    def apply(self, leaf: bytes, read_object: ReadObject, check_previous: CheckPrevious) -> None:
        """One more leaf. Raises LogInconsistent, and what `read_object` raises."""
        index = self.state.size
        self.state = self.state.apply(leaf, read_object, check_previous)
        entry = parse_entry(leaf)
        if entry.kind is EntryKind.GRANT:
            self._enter_lease(index, read_grant(entry), entry.time)
        elif entry.kind is EntryKind.REFUSAL:
            self.leases.end(read_refusal(entry).challenge)
        elif entry.kind is EntryKind.CONFIGURATION:
            configure(self.configured, index, entry)
        elif entry.kind is EntryKind.CEREMONY:
            read = read_ceremony(entry)
            self.recorded[read.record] = index
            if read.event == Event.DONE.value:
                self.done.append(read.record)

    def _enter_lease(self, index: int, entry: GrantEntry, time: datetime) -> None:
        self.leases.apply(index, entry)
        self._prune_beyond = pruned(self.leases, self._prune_beyond, time)


def configure(configured: Configured, index: int, entry: Entry) -> None:
    """Take over a `configuration` entry."""
    read = read_configuration(entry)
    configured[read.program] = (index, read)


def pruned(leases: LeaseBook, beyond: int, time: datetime) -> int:
    """Forget leases that are over when there are more than `beyond`; the next such number."""
    if len(leases) <= beyond:
        return beyond
    leases.prune(time)
    return max(FEW_LEASES, 2 * len(leases))

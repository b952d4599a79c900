"""Leases that live, from the log's grant entries alone (our protocol §5.8).

Rebuilt from the log at start, so a restart of the keyholder neither forgets nor invents one.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a key and until when, as the keyholder sees it."""

    id: str
    model: Digest
    node: str
    platform: str
    tls: Digest
    since_index: int
    until: datetime


class LeaseBook:
    """Live leases by id. Not thread-safe; its owner locks."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._ended_by: dict[str, int] = {}  # the index of the entry that set a lease's end

    def apply(self, index: int, entry: GrantEntry) -> None:
        """Enter a grant, or move a lease's end by a renewal.

        Renewals of one lease may come in any order: the last one in the log counts.
        """
        known = self._leases.get(entry.lease)
        if entry.purpose is Purpose.RENEWAL and known is not None:
            if index < self._ended_by[entry.lease]:
                return
            self._ended_by[entry.lease] = index
            self._leases[entry.lease] = replace(known, until=entry.until)
        elif entry.purpose is Purpose.RELEASE:
            self._ended_by[entry.lease] = index
            self._leases[entry.lease] = Lease(
                entry.lease, entry.model, entry.node, entry.platform, entry.tls, index, entry.until
            )

    def live(self, lease_id: str, now: datetime) -> Lease | None:
        """The lease, unless it is unknown or over."""
        lease = self._leases.get(lease_id)
        return lease if lease is not None and now < lease.until else None

    def prune(self, now: datetime) -> None:
        """Forget leases that are over."""
        self._leases = {key: each for key, each in self._leases.items() if now < each.until}
        self._ended_by = {key: self._ended_by[key] for key in self._leases}

    def __len__(self) -> int:
        return len(self._leases)

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
        self._begun_by: dict[bytes, str] = {}  # the challenge of the release that began a lease
        self._announced: dict[str, dict[bytes, datetime]] = {}  # by lease and challenge

    def apply(self, index: int, entry: GrantEntry) -> None:
        """Enter a grant, or move a lease's end by a renewal.

        Renewals of one lease may come in any order: the last one in the log counts.
        """
        self.retract(entry)
        known = self._leases.get(entry.lease)
        if entry.purpose is Purpose.RENEWAL and known is not None:
            if index < self._ended_by[entry.lease]:
                return
            self._ended_by[entry.lease] = index
            self._leases[entry.lease] = replace(known, until=entry.until)
        elif entry.purpose is Purpose.RELEASE:
            self._begun_by[entry.challenge] = entry.lease
            self._ended_by[entry.lease] = index
            self._leases[entry.lease] = Lease(
                entry.lease, entry.model, entry.node, entry.platform, entry.tls, index, entry.until
            )

    def announce(self, entry: GrantEntry) -> None:
        """A renewal has its place in the log, but is not durable yet: until it is applied or
        retracted, its lease ends no later than it says."""
        if entry.purpose is Purpose.RENEWAL:
            self._announced.setdefault(entry.lease, {})[entry.challenge] = entry.until

    def retract(self, entry: GrantEntry) -> None:
        """An announced renewal was applied, or never came into the log."""
        announced = self._announced.get(entry.lease)
        if announced is not None:
            announced.pop(entry.challenge, None)
            if not announced:
                del self._announced[entry.lease]

    def end(self, challenge: bytes) -> None:
        """A refusal followed the release that this challenge was for: its key never left."""
        lease_id = self._begun_by.pop(challenge, None)
        if lease_id is not None:
            self._leases.pop(lease_id, None)
            self._ended_by.pop(lease_id, None)

    def live(self, lease_id: str, now: datetime) -> Lease | None:
        """The lease, unless it is unknown or over."""
        lease = self._leases.get(lease_id)
        if lease is None:
            return None
        until = min((lease.until, *self._announced.get(lease_id, {}).values()))
        return replace(lease, until=until) if now < until else None

    def prune(self, now: datetime) -> None:
        """Forget leases that are over."""
        self._leases = {key: each for key, each in self._leases.items() if now < each.until}
        self._ended_by = {key: self._ended_by[key] for key in self._leases}
        self._begun_by = {by: key for by, key in self._begun_by.items() if key in self._leases}

    def __len__(self) -> int:
        return len(self._leases)

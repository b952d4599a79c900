"""What every node showed last, fetched from a server that is not trusted and verified here.

Raw requests stay on disk by their digest; what was made of them stays in memory, so that asking
again after one node changed costs one node. Whatever the server withholds, changes, mixes up or
has only of an older entry is an `Observed` without anything shown that says so.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from keyturn.attest.anchors import TrustAnchors
from keyturn.base.encoding import Digest
from keyturn.client.seen import Seen
from keyturn.keyrelease.observing import Logged
from keyturn.policy.observed import Observed

Step = Callable[[int, int], None]
"""Told how many of how many nodes are done; stops it all by raising."""
FetchEvidence = Callable[[Sequence[Digest]], Mapping[Digest, bytes]]
"""Requests that the server keeps, of at most BATCH digests; what it has not is left out."""

BATCH = 100


class FleetEvidence:
    """One authority's fleet. Not thread-safe; verifying uses threads of its own."""

    def raw(self, digest: Digest) -> bytes | None:
        """The exact request that an entry names; None: nobody has it."""
        raise NotImplementedError

    def observe_node(self, name: str, seen: Seen, now: datetime) -> Observed | None:
        """None: the log knows neither a grant nor a refusal of it."""
        raise NotImplementedError

    def observe_fleet(
        self,
        seen: Seen,
        now: datetime,
        *,
        nodes: Collection[str] | None = None,
        anchors: TrustAnchors | None = None,
        step: Step = lambda _done, _total: None,
    ) -> tuple[Observed, ...]:
        """Of every node that the log knows, or of `nodes`, by name: its newest entry's evidence.

        `anchors` None: those in force. Raises what fetching and `step` raise; what was verified
        until then is kept.
        """
        raise NotImplementedError

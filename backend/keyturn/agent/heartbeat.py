"""Heartbeats: signed by the attested TLS key, each with a number of its own (our protocol §5.9)."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.agent.keys import NodeKeys
from keyturn.agent.leaseparts import LeaseId
from keyturn.base.encoding import Digest
from keyturn.wire.heartbeat import HEARTBEAT_TYPE, NodeReport, heartbeat_payload


@dataclass(slots=True)
class Heartbeats:
    """The beats of one node process. `counter` only grows; each beat uses one number."""

    keys: NodeKeys
    node: str
    model: Digest
    counter: int = 0

    def beat(
        self,
        state: NodeReport,
        lease: LeaseId,
        now: datetime,
        *,
        wiped_after_ms: int | None = None,
    ) -> bytes:
        """The next envelope's bytes. `wiped_after_ms`: milliseconds, in the last beat only."""
        self.counter += 1
        payload = heartbeat_payload(
            node=self.node,
            lease=lease,
            model=self.model,
            state=state,
            counter=self.counter,
            time=now,
            wiped_after_ms=wiped_after_ms,
        )
        return self.keys.sign(HEARTBEAT_TYPE, payload).to_bytes()

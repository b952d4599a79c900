"""Heartbeats: signed by the attested TLS key, counted, one payload a beat (our protocol §5.9)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.agent.keys import NodeKeys
from keyturn.agent.lease import LeaseId
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time

PAYLOAD_TYPE = "application/vnd.keyturn.heartbeat.v1+json"


class NodeState(Enum):
    STARTING = "starting"
    SERVING = "serving"
    WIPED = "wiped"


@dataclass(slots=True)
class Heartbeats:
    """The beats of one node process. `counter` only grows; each beat uses one number."""

    keys: NodeKeys
    node: str
    model: Digest
    counter: int = 0

    def beat(
        self,
        state: NodeState,
        lease: LeaseId | None,
        now: datetime,
        *,
        wiped_after_ms: int | None = None,
    ) -> bytes:
        """The next envelope's bytes. `wiped_after_ms`: milliseconds, in the last beat only."""
        self.counter += 1
        payload = dump(
            {
                "type": "heartbeat",
                "format": 1,
                "node": self.node,
                "lease": lease,
                "model": self.model,
                "state": state.value,
                "counter": self.counter,
                "time": format_time(now),
                "wiped_after_ms": wiped_after_ms,
            }
        )
        return self.keys.sign(PAYLOAD_TYPE, payload).to_bytes()

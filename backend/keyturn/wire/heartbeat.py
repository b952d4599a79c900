"""Heartbeats: a node's signed word about itself, counted against replay (our protocol §5.9)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time

HEARTBEAT_TYPE = "application/vnd.keyturn.heartbeat.v1+json"
MAX_HEARTBEAT = 16 << 10


class NodeReport(Enum):
    SERVING = "serving"
    WIPED = "wiped"
    STARTING = "starting"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A parsed heartbeat. Only the lease's TLS key proves it."""

    node: str
    lease: str  # 16 bytes in hex
    model: Digest
    state: NodeReport
    counter: int
    time: datetime
    wiped_after_ms: int | None
    envelope: Envelope


def heartbeat_payload(
    *,
    node: str,
    lease: str,
    model: Digest,
    state: NodeReport,
    counter: int,
    time: datetime,
    wiped_after_ms: int | None = None,
) -> bytes:
    """The payload to sign by the node's TLS key under HEARTBEAT_TYPE."""
    return dump(
        {
            "type": "heartbeat",
            "format": 1,
            "node": node,
            "lease": lease,
            "model": model,
            "state": state.value,
            "counter": counter,
            "time": format_time(time),
            "wiped_after_ms": wiped_after_ms,
        }
    )


def parse_heartbeat(raw: bytes) -> Heartbeat:
    """Raises MalformedError. Proves nothing."""
    envelope = parse_envelope(raw, limit=MAX_HEARTBEAT)
    if envelope.payload_type != HEARTBEAT_TYPE:
        raise MalformedError(
            "not a heartbeat", found=repr(envelope.payload_type), expected=HEARTBEAT_TYPE
        )
    fields = parse_object(envelope.payload, limit=MAX_HEARTBEAT, what="heartbeat")
    fields.literal("type", "heartbeat")
    fields.literal("format", 1)
    heartbeat = Heartbeat(
        fields.text("node", limit=64),
        fields.hex("lease", size=16).hex(),
        fields.digest("model"),
        fields.choice("state", NodeReport),
        fields.integer("counter"),
        fields.time("time"),
        fields.nullable("wiped_after_ms", fields.integer),
        envelope,
    )
    fields.done()
    return heartbeat

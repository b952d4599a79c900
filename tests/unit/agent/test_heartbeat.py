"""Beats: signed by the TLS key, and no number twice."""

from datetime import UTC, datetime

from keyturn.agent.heartbeat import Heartbeats
from keyturn.agent.keys import NodeKeys
from keyturn.agent.leaseparts import LeaseId
from keyturn.base.dsse import verified_signers
from keyturn.base.encoding import Digest
from keyturn.base.signatures import load_verify_key
from keyturn.wire.heartbeat import NodeReport, parse_heartbeat

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LEASE = LeaseId("ab" * 16)


def test_each_beat_is_signed_and_counted(node_keys: NodeKeys) -> None:
    beats = Heartbeats(node_keys, "node-1", Digest("sha256:" + "00" * 32))
    key = load_verify_key(node_keys.tls_spki)

    one = parse_heartbeat(beats.beat(NodeReport.SERVING, LEASE, NOW))
    two = parse_heartbeat(beats.beat(NodeReport.WIPED, LEASE, NOW, wiped_after_ms=7))

    for each in (one, two):
        verified_signers(each.envelope, {key.key_id: key})
    assert (one.counter, two.counter) == (1, 2)
    assert (one.wiped_after_ms, two.wiped_after_ms) == (None, 7)
    assert (two.node, two.lease, two.time) == ("node-1", LEASE, NOW)

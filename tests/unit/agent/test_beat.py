"""What heartbeats bring: proved revocations become events, once; the rest changes nothing."""

from dataclasses import replace

import pytest

from keyturn.agent.beat import Beater
from keyturn.agent.heartbeat import Heartbeats
from keyturn.agent.keys import NodeKeys
from keyturn.agent.leaseparts import Event, LeaseId, RenewalWanted, RevocationReceived
from keyturn.agent.revocation import Self
from keyturn.quorum.kinds import Kind
from keyturn.wire.heartbeat import NodeReport


@pytest.fixture
def posted() -> list[Event]:
    return []


@pytest.fixture
def beater(world, node_keys: NodeKeys, posted: list[Event]) -> Beater:
    beats = Heartbeats(node_keys, "node-1", world.digest)
    made = Beater(world.control, beats, world.authority(), world.system.clock, posted.append)
    made.lease = LeaseId("ab" * 16)
    made.us = Self("node-1", world.digest, "amd:00", "00" * 48, gpus=1)
    return made


def test_a_revocation_counts_once(world, beater: Beater, posted: list[Event]) -> None:
    world.control.revocations.append(world.revoke("node", "node-1"))

    beater.beat_once()
    beater.beat_once()

    assert posted == [RevocationReceived()]


def test_an_unproved_one_changes_nothing_until_it_is_proved(
    world, beater: Beater, posted: list[Event]
) -> None:
    good = world.revoke("node", "node-1")
    world.control.revocations = [replace(good, approvals=())]
    beater.beat_once()
    assert posted == []

    world.control.revocations = [good]
    beater.beat_once()
    assert posted == [RevocationReceived()]


def test_what_only_the_keyholder_can_judge_asks_for_a_renewal(
    world, beater: Beater, posted: list[Event]
) -> None:
    world.control.revocations.append(world.revoke("policy", "another"))

    beater.beat_once()

    assert posted == [RenewalWanted()]


def test_officers_who_came_later_can_revoke(world, beater: Beater, posted: list[Event]) -> None:
    """The roster changed after this node started: it fetches the newer bundle and verifies it."""
    authority = world.system.authority
    authority.people["zoe"] = replace(authority.people["bela"], id="zoe")
    del authority.people["bela"]
    world.system.enact(Kind.ROSTER, "roster", authority.roster_body())
    world.control.revocations.append(world.revoke("node", "node-1"))

    beater.beat_once()

    assert posted == [RevocationReceived()]


def test_silence_is_not_an_error(world, beater: Beater, posted: list[Event]) -> None:
    world.control.down = True

    beater.beat_once()

    assert posted == []


def test_no_beat_before_there_is_a_lease(world, beater: Beater) -> None:
    beater.lease = None

    beater.beat_once()
    beater.report_wiped(1)

    assert world.control.beats == []


def test_the_last_beat_tells_how_long_the_wipe_took(world, beater: Beater) -> None:
    beater.report_wiped(12)

    assert [(b.state, b.wiped_after_ms) for b in world.control.beats] == [(NodeReport.WIPED, 12)]

"""A node's whole life against a real keyholder: serve, renew, refuse, revoke, wipe."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from keyturn.agent.driver import Driver, Node, Outcome
from keyturn.agent.engine import EmbeddingEngine
from keyturn.agent.errors import NotServing
from keyturn.agent.keys import NodeKeys
from keyturn.agent.lease import Timing
from keyturn.agent.leaseparts import EndReason, Tick
from keyturn.agent.model import ModelInMemory
from keyturn.agent.openai import EmbeddingRequest
from keyturn.agent.revocation import VerifiedRevocation
from keyturn.agent.service import Open, Service
from keyturn.base.errors import KeyturnError
from keyturn.keyrelease.grant import RefusalDocument
from keyturn.vault.hygiene import UNLOCKED_MEMORY
from keyturn.wire.heartbeat import NodeReport

ASK = EmbeddingRequest(("abc",), "tiny", as_base64=False, dimensions=None)
SOON = 20.0


class Boot:
    """CLOCK_BOOTTIME that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Life:
    """One driver in a test: what it said, and how to wait for it without sleeping long."""

    driver: Driver
    node: Node
    boot: Boot
    states: list[str] = field(default_factory=list)

    async def until(self, done: Callable[[], object]) -> None:
        async with asyncio.timeout(SOON):
            while not done():
                await asyncio.sleep(0.005)

    async def serving(self) -> None:
        await self.until(lambda: isinstance(self.node.service.gate, Open))

    def move(self, seconds: float) -> None:
        self.boot.now += seconds
        self.driver.post(Tick())


@pytest.fixture
def life(world, node_keys: NodeKeys) -> Life:
    boot = Boot()
    service = Service(boot, "tiny", world.digest)
    model = ModelInMemory(
        world.sealed.directory, world.digest, caveats=frozenset({UNLOCKED_MEMORY}), workers=1
    )
    node = Node(
        world.identity(),
        node_keys,
        world.control,
        world.source,
        world.authority(),
        model,
        service,
        boot,
        world.system.clock,
    )
    states: list[str] = []
    driver = Driver(node, Timing(retry_first=0.01), 0.01, lambda name, _: states.append(name))
    return Life(driver, node, boot, states)


def play(life: Life, script: Callable[[], Awaitable[None]]) -> Outcome:
    async def both() -> Outcome:
        running = asyncio.create_task(life.driver.run())
        try:
            await script()
        except BaseException:
            running.cancel()
            raise
        async with asyncio.timeout(SOON):
            return await running

    return asyncio.run(both())


def test_it_serves_and_stops_when_asked(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        assert b'"embedding"' in await asyncio.to_thread(life.node.service.answer, ASK)
        life.driver.stop()

    outcome = play(life, script)

    assert outcome.reason is EndReason.STOPPED
    assert outcome.milliseconds is not None
    assert life.states == ["attesting", "opening", "serving", "wiping", "wiped"]
    assert life.node.model.engine is None
    with pytest.raises(NotServing):
        life.node.service.answer(ASK)
    last = world.control.beats[-1]
    assert (last.state, last.wiped_after_ms) == (NodeReport.WIPED, outcome.milliseconds)


def test_a_listener_that_fails_neither_stops_the_wipe_nor_loses_the_last_beat(
    life: Life, world, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str, _: object) -> None:
        life.states.append(name)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(life.driver, "_on_state", fail)

    async def script() -> None:
        await life.serving()
        life.driver.stop()

    outcome = play(life, script)

    assert (outcome.reason, life.states[-1]) == (EndReason.STOPPED, "wiped")
    last = world.control.beats[-1]
    assert (last.state, last.wiped_after_ms) == (NodeReport.WIPED, outcome.milliseconds)


def test_what_it_serves_equals_the_plaintext_model(life: Life, tiny_model, in_memory) -> None:
    memory = in_memory(tiny_model)
    plain = EmbeddingEngine(memory.files, memory.wipe, workers=1)
    found = {}

    async def script() -> None:
        await life.serving()
        engine = life.node.model.engine
        assert engine is not None
        found["sealed"] = await asyncio.to_thread(engine.embed, ["hello", "a", "xyz"])
        life.driver.stop()

    play(life, script)

    expected = plain.embed(["hello", "a", "xyz"]).vectors
    plain.wipe()
    assert np.array_equal(found["sealed"].vectors, expected)


def test_it_renews_at_half_and_serves_on(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.system.clock.advance(seconds=30)
        life.move(30)
        await life.until(lambda: gate(life).until == 1090)
        life.driver.stop()

    assert play(life, script).reason is EndReason.STOPPED
    assert world.control.releases == 2


def gate(life: Life) -> Open:
    found = life.node.service.gate
    assert isinstance(found, Open)
    return found


def test_a_revocation_of_this_node_wipes_it(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.control.revocations.append(world.revoke("node", "node-1"))

    outcome = play(life, script)

    assert outcome.reason is EndReason.REVOKED
    assert isinstance(outcome.failure, VerifiedRevocation)
    assert outcome.failure.target == "node-1"
    assert world.control.beats[-1].wiped_after_ms == outcome.milliseconds


def test_a_revocation_of_another_changes_nothing(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.control.revocations.append(world.revoke("node", "node-2"))
        beats = len(world.control.beats)
        await life.until(lambda: len(world.control.beats) > beats + 3)
        assert isinstance(life.node.service.gate, Open)
        life.driver.stop()

    assert play(life, script).reason is EndReason.STOPPED


def test_a_revoked_policy_is_found_out_by_renewing_at_once(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.control.revocations.append(world.revoke("policy", "serving"))

    outcome = play(life, script)

    assert outcome.reason is EndReason.RENEWAL_REFUSED
    assert isinstance(outcome.failure, RefusalDocument)
    assert "revoked" in {each.reason for each in outcome.failure.reasons}


def test_a_wrong_machine_is_refused_with_the_reasons(life: Life, world) -> None:
    world.source.sim = world.source.sim.with_firmware(b"\x66" * 48)

    async def script() -> None:
        pass

    outcome = play(life, script)

    assert outcome.reason is EndReason.REFUSED
    assert isinstance(outcome.failure, RefusalDocument)
    assert any("66" * 48 in each.found for each in outcome.failure.reasons)
    assert world.control.beats == []


def test_a_lost_control_plane_ends_the_service_with_the_lease(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.control.down = True
        life.move(59)
        await life.until(lambda: life.driver._machine.wake_at() is not None)
        assert isinstance(life.node.service.gate, Open)
        life.move(1)

    outcome = play(life, script)

    assert outcome.reason is EndReason.LEASE_ENDED


def test_a_request_at_the_very_end_is_refused_although_nobody_told_the_gate(life: Life) -> None:
    async def script() -> None:
        await life.serving()
        life.boot.now += 60
        with pytest.raises(NotServing, match="lease has ended"):
            life.node.service.enter()
        life.driver.stop()

    play(life, script)


def test_a_forged_renewal_wipes(life: Life, world) -> None:
    async def script() -> None:
        await life.serving()
        world.control.tamper = lambda answer: {**answer, "ear": str(answer["ear"])[:-4] + "AAAA"}
        life.move(30)

    outcome = play(life, script)

    assert outcome.reason is EndReason.CHECK_FAILED
    assert isinstance(outcome.failure, KeyturnError)


def test_a_restarted_keyholder_only_costs_another_try(life: Life, world) -> None:
    """Its challenges are void, the lease is not."""
    challenge = world.control.challenge
    old = [world.control.challenge()]
    world.system.restart()
    world.control.challenge = lambda: old.pop() if old else challenge()

    async def script() -> None:
        await life.until(lambda: world.control.releases == 1)
        while not isinstance(life.node.service.gate, Open):
            life.move(0.01)
            await asyncio.sleep(0.01)
        life.driver.stop()

    assert play(life, script).reason is EndReason.STOPPED
    assert world.control.releases == 2


def test_a_damaged_sealed_file_opens_nothing(life: Life, world) -> None:
    path = world.sealed.directory / "model.safetensors.sealed"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)

    async def script() -> None:
        pass

    outcome = play(life, script)

    assert outcome.reason is EndReason.OPEN_FAILED
    assert isinstance(outcome.failure, KeyturnError)
    assert "model.safetensors" in str(outcome.failure)
    assert world.control.beats[-1].state is NodeReport.WIPED


def test_a_bug_wipes_and_shows_itself(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script() -> None:
        await life.serving()
        monkeypatch.setattr(life.node.control, "challenge", lambda: 1 / 0)
        life.move(30)

    with pytest.raises(ZeroDivisionError):
        play(life, script)

    assert life.node.model.engine is None
    assert life.states[-1] == "wiped"

"""The server looks how old its collateral is; it asks vendors only where it was told to."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.collateral.cache import Cache
from keyturn.collateral.fetching import Fetcher, Trust
from keyturn.collateral.keeping import Collateral
from keyturn.collateral.scopes import Wanted
from keyturn.control import collateraljob as module
from keyturn.control.collateraljob import CollateralJob
from keyturn.control.config import CollateralSettings, ControlConfig
from keyturn.store import events, facts
from support.collateral import IntelDesk
from support.control import World, running_world
from support.vendoranswers import NOW, PCK_LIST, PCK_PATH, TCB, Clockwork, Recorded, services
from support.vendorserver import Answer, VendorServer

LOOPS: list[asyncio.AbstractEventLoop] = []


def job_of(world: World) -> CollateralJob:
    return world.server.parts.collateral_job


def told(world: World) -> list[dict[str, Any]]:
    with world.server.parts.context.database.read() as connection:
        found = events.after(connection, 0, limit=1000)
    return [each.data for each in found if each.kind == "collateral"]


def step(world: World, job: CollateralJob) -> None:
    """One step, in the server's own loop."""
    with httpx.Client(trust_env=False) as client:
        asyncio.run_coroutine_threadsafe(job.step(client), LOOPS[-1]).result(60)


@pytest.fixture
def still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world whose own job waits; tests take its steps."""
    started = threading.Event()

    async def wait(self: CollateralJob) -> None:
        LOOPS.append(asyncio.get_running_loop())
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(CollateralJob, "run", wait)
    with running_world(tmp_path) as world:
        assert started.wait(30)
        yield world


def hand_in(world: World, *documents: Any) -> None:
    with world.sign_in() as client:
        body = {"documents": [each.to_document() for each in documents]}
        assert client.post("/v1/collateral", json=body).status_code == 200


def test_by_default_no_vendor_is_asked(still: World) -> None:
    job = job_of(still)
    assert not still.server.parts.context.config.collateral.fetch
    job.make = lambda *_: pytest.fail("a vendor was asked")
    step(still, job)
    with still.sign_in() as client:
        found = client.get("/v1/collateral/status").json()
    assert (found["fetching"], found["fetched"], found["next"]) == (False, None, None)
    assert (found["documents"], found["failed"]) == ([], [])


def test_each_state_is_told_once_for_all_replicas(still: World) -> None:
    job, context = job_of(still), still.server.parts.context
    still.until(lambda: job.collaterals.handed_to == still.keyholder.boot)
    hand_in(still, *IntelDesk().everything(context.clock()))
    step(still, job)
    assert told(still) == []
    with still.sign_in() as client:
        shown = client.get("/v1/collateral/status").json()["documents"]
        health = client.get("/healthz").json()["collateral"]
    assert {(each["state"], each["held"]) for each in shown} == {("fresh", True)}
    assert health == {
        "fetching": False,
        "states": {"fresh": 4, "due": 0, "stale": 0, "expired": 0},
        "failed": 0,
    }
    still.clock.advance(days=2)
    step(still, job)
    step(still, job)
    assert [each["what"] for each in told(still)] == ["due", "due"]
    other = CollateralJob(context, job.collaterals)  # a replica: it is not its turn
    step(still, other)
    assert len(told(still)) == 2
    still.clock.advance(minutes=10)  # the first one is gone
    step(still, other)
    with context.database.read() as connection:
        assert str(facts.read_fact(connection, module.TURN)).startswith(other.name)
    assert len(told(still)) == 2


def test_what_is_due_is_fetched_handed_in_and_told(
    still: World, vectors_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, clockwork = Recorded(vectors_dir), Clockwork()
    job, context = job_of(still), still.server.parts.context
    context.config = replace(context.config, collateral=CollateralSettings(True, seconds=60.0))

    async def wanted() -> tuple[Wanted, ...]:
        return (TCB, PCK_LIST)

    monkeypatch.setattr(CollateralJob, "_wanted", lambda self: wanted())
    monkeypatch.setattr(context, "clock", lambda: NOW)
    server = VendorServer()
    recorded.speak(server)
    server.say(PCK_PATH, Answer(b"", 404))

    def make(config: ControlConfig, client: httpx.Client) -> Collateral:
        fetcher = Fetcher(
            client,
            Trust(anchors=HARDWARE_ANCHORS),
            services=services(server),
            around=clockwork.around(),
        )
        return Collateral(Cache(config.collateral_cache), fetcher)

    job.make = make
    still.until(lambda: job.collaterals.handed_to == still.keyholder.boot)
    with server.running():
        step(still, job)
        asked = len(server.asked)
        step(still, job)  # not due before the interval is over
        assert len(server.asked) == asked
    (kept,) = [each for each in told(still) if each["what"] == "kept"]
    assert (kept["kind"], kept["scope"]) == ("intel-tcb-info", TCB.scope)
    status = job.status()
    documents: Any = status["documents"]
    (document,) = documents
    assert document["held"]
    assert document["source"].startswith("http://127.0.0.1")
    failures: Any = status["failed"]
    (failed,) = failures
    assert (failed["kind"], bool(failed["hint"])) == ("intel-pck-crl", True)
    assert (context.config.collateral_cache).is_dir()

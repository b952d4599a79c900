"""A rotation that waits is found and fed; what waits for something else is left alone."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from keyturn.control.hub import Hub
from keyturn.control.rewrapjob import RewrapJob, waits_for_keys
from keyturn.control.rewrapping import Direct
from keyturn.hsm.client import HsmWorker
from keyturn.store.errors import StoreUnreachable
from keyturn.wire.ceremonies import (
    AskCeremonies,
    CeremonyList,
    CeremonyRow,
    CeremonyState,
    RewrapKeys,
)
from support.rotating import CEREMONY, Rotation, asking, make_rotation, rewraps_of

ROW = CeremonyRow(
    CEREMONY, "kek-rotation", False, CeremonyState.RUNNING, "rewrap", 4, "2026-11-29T12:00:00Z"
)


@dataclass
class Keyholder:
    """Lists ceremonies, and answers batches with a real token."""

    rotation: Rotation
    worker: HsmWorker
    rows: tuple[CeremonyRow, ...] = (ROW,)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rewraps = rewraps_of(self.worker, self.rotation.new, self.rotation.state)
        self._answer = asking(rewraps, self.rotation.new)

    async def ask(self, request: Any) -> Any:
        self.asked.append(request.op)
        if isinstance(request, AskCeremonies):
            return CeremonyList(b"host", self.rows)
        assert isinstance(request, RewrapKeys)
        return self._answer(request)


@pytest.fixture(scope="module")
def rotation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    rotation = make_rotation(tmp_path_factory.mktemp("rotation"), 3)
    yield rotation
    rotation.close()


@pytest.fixture(scope="module")
def worker(rotation: Rotation) -> Iterator[HsmWorker]:
    with rotation.desk.worker() as worker:
        yield worker


def _job(keyholder: Keyholder, ceremonies: dict[str, int]) -> RewrapJob:
    direct = Direct(keyholder.rotation.database)
    context = SimpleNamespace(
        urgent=keyholder,
        mirror=SimpleNamespace(state=SimpleNamespace(ceremonies=ceremonies)),
        read=direct.read,
        write=direct.write,
    )
    return RewrapJob(context)  # type: ignore[arg-type]


def test_without_a_ceremony_in_the_log_nothing_is_asked(
    rotation: Rotation, worker: HsmWorker
) -> None:
    keyholder = Keyholder(rotation, worker)
    asyncio.run(_job(keyholder, {}).step())
    assert keyholder.asked == []


def test_a_rotation_is_fed_once_and_not_asked_about_again(
    rotation: Rotation, worker: HsmWorker
) -> None:
    keyholder = Keyholder(rotation, worker)
    ceremonies = {CEREMONY: 4}
    job = _job(keyholder, ceremonies)
    asyncio.run(job.step())
    assert job.feeding is not None
    assert (job.feeding.done, job.feeding.total) == (True, 3)
    before = len(keyholder.asked)
    asyncio.run(job.step())
    assert len(keyholder.asked) == before


def test_one_that_is_not_done_is_looked_at_again(rotation: Rotation, worker: HsmWorker) -> None:
    keyholder = Keyholder(rotation, worker)
    more = replace(
        rotation, models=[*rotation.models, replace(rotation.models[0], digest=bytes(32))]
    )
    keyholder._answer = asking(rewraps_of(worker, rotation.new, more.state), rotation.new)
    job = _job(keyholder, {CEREMONY: 4})
    asyncio.run(job.step())
    assert job.feeding is not None
    assert job.feeding.left == 1
    before = len(keyholder.asked)
    asyncio.run(job.step())
    assert len(keyholder.asked) > before


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "backup"},
        {"state": CeremonyState.INTERRUPTED},
        {"state": CeremonyState.DONE, "step": None},
        {"step": "make-kek"},
    ],
)
def test_what_waits_for_something_else_is_left_alone(changed: dict[str, Any]) -> None:
    assert waits_for_keys(ROW)
    assert not waits_for_keys(replace(ROW, **changed))


def test_a_database_that_is_away_at_any_moment_ends_no_job(
    rotation: Rotation, worker: HsmWorker
) -> None:
    """The server ends with any of its tasks; the next event, or the next look, tries again."""
    keyholder = Keyholder(rotation, worker)
    job = _job(keyholder, {CEREMONY: 4})
    hub, away = Hub(), [True]
    job.context.hub = hub
    read = job.context.read

    async def reading(work: Any) -> Any:
        if away[0]:
            hub.tell(hub.newest + 1)
            away[0] = False
            raise StoreUnreachable("the database failed")
        found = await read(work)
        hub.close()
        return found

    job.context.read = reading  # type: ignore[method-assign]
    asyncio.run(asyncio.wait_for(job.run(), 10))
    assert not away[0]
    assert job.feeding is not None
    assert job.feeding.done

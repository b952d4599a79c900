"""The database is asked off the event loop; what is written is written whole, one at a time."""

import asyncio
import threading

import pytest
from sqlalchemy import Connection

from keyturn.store import events
from support.control import World


def test_reading_and_writing_leave_the_event_loop_alone(standing: World) -> None:
    context = standing.server.parts.context

    async def play() -> set[str]:
        return {
            await context.read(lambda _: threading.current_thread().name),
            await context.write(lambda _: threading.current_thread().name),
        }

    here = threading.current_thread().name
    found = asyncio.run(play())
    assert here not in found
    assert {name.split("_")[0] for name in found} == {"store-read", "store-write"}


def test_one_writes_at_a_time(standing: World) -> None:
    context = standing.server.parts.context
    busy, most = 0, 0

    def work(_connection: Connection) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        threading.Event().wait(0.002)
        busy -= 1

    async def play() -> None:
        await asyncio.gather(*(context.write(work) for _ in range(10)))

    asyncio.run(play())
    assert most == 1


def test_a_write_that_fails_leaves_nothing(standing: World) -> None:
    context = standing.server.parts.context

    def work(connection: Connection) -> None:
        events.append(connection, "model", {}, context.clock())
        raise ValueError("half-way")

    async def play() -> tuple[int, int]:
        before = await context.read(events.last)
        with pytest.raises(ValueError, match="half-way"):
            await context.write(work)
        return before, await context.read(events.last)

    before, after = asyncio.run(play())
    assert before == after > 0

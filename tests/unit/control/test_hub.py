"""Waking streams: none is missed, none waits for ever."""

import asyncio

from keyturn.control.hub import Hub

LONG = 30.0


def test_a_higher_number_wakes_everyone_who_waits() -> None:
    async def play() -> list[bool]:
        hub = Hub()
        waiting = [asyncio.create_task(hub.wait(3, LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        hub.tell(4)
        return await asyncio.gather(*waiting)

    assert asyncio.run(play()) == [True, True, True]


def test_what_came_before_the_waiting_is_not_missed() -> None:
    async def play() -> bool:
        hub = Hub()
        hub.tell(4)
        return await hub.wait(3, LONG)

    assert asyncio.run(play())


def test_a_number_that_was_seen_wakes_nobody() -> None:
    async def play() -> tuple[bool, int]:
        hub = Hub()
        hub.tell(4)
        waiting = asyncio.create_task(hub.wait(4, 0.01))
        await asyncio.sleep(0)
        hub.tell(4)
        hub.tell(2)
        return await waiting, hub.newest

    assert asyncio.run(play()) == (False, 4)


def test_time_runs_out() -> None:
    assert asyncio.run(Hub().wait(0, 0)) is False


def test_closing_ends_every_wait_at_once() -> None:
    async def play() -> list[bool]:
        hub = Hub()
        waiting = [asyncio.create_task(hub.wait(0, LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        hub.close()
        return [*await asyncio.gather(*waiting), await hub.wait(0, LONG)]

    assert asyncio.run(play()) == [False] * 4

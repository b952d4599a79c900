"""Events as a stream: nothing lost, nothing twice, whatever breaks."""

import json
import threading

import httpx
import httpx_sse
import pytest

from keyturn.store import events
from support.control import World


def tell(world: World, count: int, start: int = 0) -> None:
    database = world.server.parts.context.database
    for place in range(start, start + count):
        with database.write() as connection:
            events.append(connection, "model", {"n": place}, world.clock())


def take(client: httpx.Client, after: int | None, count: int) -> list[httpx_sse.ServerSentEvent]:
    """The next `count` events of a fresh stream, then hang up."""
    headers = {"accept": "text/event-stream"}
    if after is not None:
        headers["last-event-id"] = str(after)
    found = []
    with httpx_sse.connect_sse(client, "GET", "/v1/events", headers=headers) as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        for each in source.iter_sse():
            if each.data:
                found.append(each)
            if len(found) == count:
                break
    return found


def test_a_stream_resumes_where_it_broke_while_events_are_written(world: World) -> None:
    writers = [threading.Thread(target=tell, args=(world, 20, 100 * n)) for n in range(3)]
    for each in writers:
        each.start()
    seen: list[int] = []
    with world.sign_in() as client:
        while len(seen) < 62:  # 60, and genesis
            after = seen[-1] if seen else 0
            seen += [int(each.id) for each in take(client, after, min(7, 62 - len(seen)))]
    for each in writers:
        each.join(30)
    assert seen == list(range(1, 63))


def test_a_stream_without_an_id_begins_now(world: World) -> None:
    with world.sign_in() as client:
        timer = threading.Timer(0.3, tell, (world, 1))
        timer.start()
        found = take(client, None, 1)
        timer.join()
    assert (found[0].id, found[0].event) == ("3", "model")
    assert json.loads(found[0].data)["n"] == 0


def test_a_page_says_how_far_it_goes(world: World) -> None:
    tell(world, 5)
    with world.sign_in() as client:
        page = client.get("/v1/events", params={"after": 3, "limit": 2}).json()
    assert [each["seq"] for each in page["events"]] == [4, 5]
    assert page["last"] == 7


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 20, "١"])
def test_a_last_id_that_is_no_number_is_refused(world: World, last: str) -> None:
    with world.sign_in() as client:
        headers = {"accept": "text/event-stream", "last-event-id": last.encode()}
        assert client.get("/v1/events", headers=headers).status_code == 400


def test_a_stream_ends_with_its_session(world: World) -> None:
    with world.sign_in() as client:
        headers = {"accept": "text/event-stream", "last-event-id": "0"}
        with client.stream("GET", "/v1/events", headers=headers) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            world.clock.advance(minutes=15)
            tell(world, 1)
            rest = list(lines)
    assert len([line for line in rest if line.startswith("id:")]) <= 3


def test_a_stream_needs_a_session(world: World) -> None:
    with world.client() as client:
        answer = client.get("/v1/events", headers={"accept": "text/event-stream"})
    assert answer.status_code == 401

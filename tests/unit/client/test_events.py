"""Events arrive in order and once, though connections break and servers repeat themselves."""

import httpx
import pytest

from keyturn.client.errors import MalformedAnswer, ServerRefused, ServerUnreachable
from keyturn.client.events import follow, page
from keyturn.client.transport import Transport


def sent(*ids: int) -> bytes:
    lines = [f'id: {i}\nevent: grant\ndata: {{"n": {i}}}\n\n' for i in ids]
    return (": keep-alive\n\n" + "".join(lines)).encode()


class Stream:
    """Answers each connection with the next script: bytes to send, or an error."""

    def __init__(self, *script: bytes | Exception | int) -> None:
        self.script = list(script)
        self.resumed_after: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.resumed_after.append(request.headers.get("Last-Event-ID"))
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, int):
            return httpx.Response(step)
        headers = {"Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=step)

    def transport(self) -> Transport:
        client = httpx.Client(transport=httpx.MockTransport(self), base_url="https://test")
        return Transport(client)


def test_broken_connections_are_resumed_without_loss_or_repetition() -> None:
    stream = Stream(
        sent(4, 5), httpx.ConnectError("gone"), sent(5, 6), httpx.ReadError("cut"), sent(7)
    )
    failures: list[int] = []

    def pause(count: int) -> bool:
        failures.append(count)
        return bool(stream.script)

    events = list(follow(stream.transport(), 3, pause))
    assert [event.id for event in events] == [4, 5, 6, 7]
    assert [event.data for event in events][-1] == {"n": 7}
    assert {event.kind for event in events} == {"grant"}
    assert stream.resumed_after == ["3", "5", "5", "6", "6"]
    assert failures == [1, 2, 1, 2, 1]  # an event in between means that it works


def test_from_now_on_sends_no_id() -> None:
    stream = Stream(sent(9))
    assert [event.id for event in follow(stream.transport(), None, lambda _: False)] == [9]
    assert stream.resumed_after == [None]


def test_giving_up_is_unreachable() -> None:
    stream = Stream(httpx.ConnectError("gone"))
    with pytest.raises(ServerUnreachable):
        list(follow(stream.transport(), None, lambda _: False))


def test_a_refusal_is_not_retried() -> None:
    stream = Stream(401, sent(1))
    with pytest.raises(ServerRefused):
        list(follow(stream.transport(), None, lambda _: True))
    assert stream.script


@pytest.mark.parametrize(
    "raw", [b"id: x\ndata: {}\n\n", b"data: {}\n\n", b"id: 1\ndata: []\n\n", b"id: 1\ndata: {\n\n"]
)
def test_other_events_are_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        list(follow(Stream(raw).transport(), None, lambda _: False))


def test_a_stream_of_another_type_is_malformed() -> None:
    def html(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Type": "text/html"}, content=b"hello")

    client = httpx.Client(transport=httpx.MockTransport(html), base_url="https://test")
    with pytest.raises(MalformedAnswer):
        list(follow(Transport(client), None, lambda _: False))


def test_a_page_is_asked_for_by_number() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        event = {"seq": 4, "time": "2026-11-23T08:00:00Z", "kind": "grant", "data": {"n": 1}}
        return httpx.Response(200, json={"events": [event], "last": 4})

    client = httpx.Client(transport=httpx.MockTransport(handler), base_url="https://test")
    (event,) = page(Transport(client), 3, 10)
    assert (event.id, event.kind, event.data) == (4, "grant", {"n": 1})
    assert seen == ["after=3&limit=10"]

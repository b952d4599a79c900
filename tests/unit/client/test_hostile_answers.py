"""A server that wants the client's memory, time or mind: what it sends is bounded and readable."""

import gzip
from collections.abc import Iterator

import httpx
import pytest

from keyturn.client import transport as transport_module
from keyturn.client.answers import MAX_ANSWER, load_answer, optional_integer, parse_answer
from keyturn.client.errors import MalformedAnswer, ServerRefused, ServerUnreachable
from keyturn.client.events import follow
from keyturn.client.transport import MAX_EVENT, Transport

URL = "https://control.test"


def served(response: httpx.Response) -> Transport:
    return Transport(httpx.Client(transport=httpx.MockTransport(lambda _: response), base_url=URL))


class Pieces(httpx.SyncByteStream):
    """Bytes as they come over a connection."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._data), 65536):
            yield self._data[at : at + 65536]


class Endless(httpx.SyncByteStream):
    """Gives the same bytes until nobody takes them any more; counts them."""

    def __init__(self, each: bytes, *, begin: bytes = b"", most: int = 4 * MAX_ANSWER) -> None:
        self._each, self._begin, self._most = each, begin, most
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self._begin
        while self.given < self._most:
            self.given += len(self._each)
            yield self._each
        pytest.fail("everything was taken")


def bomb(layers: int) -> bytes:
    body = b"[" + b" " * (32 << 20) + b"]"
    for _ in range(layers):
        body = gzip.compress(body, 1, mtime=0)
    return body


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_is_compressed_is_not_unpacked(layers: int) -> None:
    encoding = ", ".join(["gzip"] * layers)
    answer = httpx.Response(
        200, headers={"Content-Encoding": encoding}, stream=Pieces(bomb(layers))
    )
    with pytest.raises(MalformedAnswer, match="compressed"):
        served(answer).get("/v1/hello", "hello")
    with pytest.raises(MalformedAnswer, match="compressed"), served(answer).events("/e", None):
        pass


def test_no_compression_is_asked_for() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    transport = Transport(httpx.Client(transport=httpx.MockTransport(answer), base_url=URL))
    transport.get("/v1/hello", "hello")
    assert asked[0].headers["Accept-Encoding"] == "identity"


def test_an_event_without_an_end() -> None:
    stream = Endless(b"x" * 65536, begin=b"id: 1\nevent: grant\ndata: ")
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=stream)
    with pytest.raises(MalformedAnswer, match="too large"):
        next(iter(follow(served(answer), 0, lambda _: False)))
    assert stream.given <= 2 * MAX_EVENT


def test_an_event_of_lines_without_an_end() -> None:
    stream = Endless(b"data: x\n" * 8192, begin=b"id: 1\n")
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=stream)
    with pytest.raises(MalformedAnswer, match="too large"):
        next(iter(follow(served(answer), 0, lambda _: False)))
    assert stream.given <= 2 * MAX_EVENT


def test_many_events_are_no_large_one() -> None:
    count = 2 * MAX_EVENT // 1024
    body = b"".join(
        b'id: %d\nevent: grant\ndata: {"a":"%s"}\n\n' % (at, b"x" * 1024) for at in range(count)
    )
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Pieces(body))
    with served(answer).events("/e", None) as events:
        assert sum(1 for _ in events) == count


def test_a_refused_stream_without_an_end() -> None:
    stream = Endless(b"x" * (1 << 20))
    answer = httpx.Response(503, stream=stream)
    with pytest.raises((MalformedAnswer, ServerRefused)), served(answer).events("/e", None):
        pass
    assert stream.given <= MAX_ANSWER + (2 << 20)


def test_an_answer_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1_000_000, 29))
    monkeypatch.setattr(transport_module, "monotonic", lambda: float(next(ticks)))
    stream = Endless(b" ", most=1000)
    with pytest.raises(ServerUnreachable, match="too long"):
        served(httpx.Response(200, stream=stream)).get("/v1/nodes", "nodes")
    assert stream.given < 30


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_beyond_all_numbers(number: str) -> None:
    fields = parse_answer(b'{"age_seconds":' + number.encode() + b"}", "node")
    with pytest.raises(MalformedAnswer):
        optional_integer(fields, "age_seconds")


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(MalformedAnswer):
        load_answer(b'{"nodes":[{"name":"\\ud800"}]}', "nodes")
    assert load_answer(b'{"a":"\\ud83d\\ude00"}', "a") == {"a": "\U0001f600"}


@pytest.mark.parametrize("number", ["9" * 16, "9" * 5000])
def test_an_event_number_that_none_can_follow(number: str) -> None:
    body = f"id: {number}\nevent: grant\ndata: {{}}\n\n".encode()
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Pieces(body))
    with pytest.raises(MalformedAnswer):
        list(follow(served(answer), 0, lambda _: False))

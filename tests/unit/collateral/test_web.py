"""One exchange: what the transport may do to us (the rest: test_fetching.py)."""

import httpx
import pytest

from keyturn.base.errors import KeyturnError
from keyturn.collateral.errors import BadAnswer, VendorUnreachable
from keyturn.collateral.web import Refusal, Reply, Request, exchange

URL = "https://vendor.example/thing"


def ask(handler, request: Request | None = None, deadline: float = 10.0):  # type: ignore[no-untyped-def]
    transport = httpx.MockTransport(handler)
    with httpx.Client(transport=transport) as client:
        return exchange(client, request or Request(URL, 100), deadline, lambda: 0.0)


def test_a_reply_has_its_headers_in_lower_case() -> None:
    found = ask(lambda _: httpx.Response(200, content=iter([b"hello"]), headers={"X-Thing": "1"}))
    assert isinstance(found, Reply)
    assert (found.body, found.headers["x-thing"], found.url) == (b"hello", "1", URL)


def test_another_status_is_a_refusal_and_its_body_is_not_read() -> None:
    found = ask(lambda _: httpx.Response(429, content=b"x" * 10**6, headers={"Retry-After": "3"}))
    assert found == Refusal(429, "3")


def test_what_is_sent() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=iter([b"x"]))

    ask(handler)
    ask(handler, Request(URL, 100, b"question", "application/ocsp-request"))
    assert [each.method for each in seen] == ["GET", "POST"]
    assert seen[0].headers["accept-encoding"] == "identity"
    assert (seen[1].content, seen[1].headers["content-type"]) == (
        b"question",
        "application/ocsp-request",
    )


def test_exactly_the_limit_is_no_excess() -> None:
    assert isinstance(ask(lambda _: httpx.Response(200, content=iter([b"x" * 100]))), Reply)
    with pytest.raises(BadAnswer, match="too large"):
        ask(lambda _: httpx.Response(200, content=iter([b"x" * 101])))


def test_a_redirect_to_another_scheme_or_port_is_one_to_another_host() -> None:
    for target in ("http://vendor.example/thing", "https://vendor.example:8443/thing", "//x/y"):
        with pytest.raises(BadAnswer, match="redirects elsewhere"):
            ask(lambda _, to=target: httpx.Response(302, headers={"Location": to}))


def test_an_address_that_is_none() -> None:
    with pytest.raises(BadAnswer, match="cannot be read"):
        _ = Request("https://[bad/", 1).host
    with pytest.raises(BadAnswer, match="redirects elsewhere"):
        ask(lambda _: httpx.Response(302, headers={"Location": "https://[bad/"}))


def test_faults_of_the_transport_are_typed() -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(VendorUnreachable, match="ReadTimeout"):
        ask(fails)


def test_nothing_is_asked_after_the_deadline() -> None:
    with pytest.raises(VendorUnreachable, match="in time"):
        ask(lambda _: httpx.Response(200), deadline=0.0)


def test_credentials_of_a_mirror_are_neither_kept_nor_said() -> None:
    request = Request("https://user:hunter2@vendor.example:8443/thing?key=hunter2", 10)
    assert request.host == "vendor.example:8443"
    assert request.place == "https://vendor.example:8443/thing"

    def fails(asked: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=asked)

    handlers = (
        fails,
        lambda _: httpx.Response(302, headers={"Location": "https://user:hunter2@x/"}),
        lambda _: httpx.Response(200, content=iter([b"x" * 11])),
    )
    for handler in handlers:
        with pytest.raises(KeyturnError) as refused:
            ask(handler, request)
        assert "hunter2" not in f"{refused.value} {refused.value.hint}"

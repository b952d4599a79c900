"""One bounded HTTP exchange: size, time, no redirect to another host, no encoded bodies.

What a server says is believed nowhere here: content types are not looked at, bytes are proved
by whoever asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from keyturn.collateral.errors import BadAnswer, VendorUnreachable
from keyturn.collateral.pacing import Monotonic

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 307, 308})
_READ_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class Request:
    """`body` makes it a POST. `limit`: bytes of the answer."""

    url: str
    limit: int
    body: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    accept: str = "*/*"

    @property
    def host(self) -> str:
        """Name and port, without credentials. Raises BadAnswer where the address is none."""
        return _split(self.url).netloc.rpartition("@")[2]

    @property
    def place(self) -> str:
        """The address without credentials and query, for keeping and showing."""
        parts = _split(self.url)
        return f"{parts.scheme}://{self.host}{parts.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of status 200; header names in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    url: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of any other status."""

    status: int
    retry_after: str | None


def exchange(
    client: httpx.Client, request: Request, deadline: float, monotonic: Monotonic
) -> Reply | Refusal:
    """Ask once, following redirects within one host. `deadline` is a moment of `monotonic`.

    Raises VendorUnreachable, BadAnswer.
    """
    url = request.url
    for _ in range(MAX_REDIRECTS + 1):
        answer = _ask(client, request, url, deadline, monotonic)
        if not isinstance(answer, str):
            return answer
        url = _same_host(url, answer)
    raise BadAnswer(
        "a service redirects in circles", found=request.host, expected=f"{MAX_REDIRECTS} at most"
    )


def _ask(
    client: httpx.Client, request: Request, url: str, deadline: float, monotonic: Monotonic
) -> Reply | Refusal | str:
    """A reply, a refusal, or where to ask instead."""
    left = deadline - monotonic()
    if left <= 0:
        raise _too_slow(request)
    headers = {"Accept": request.accept, "Accept-Encoding": "identity"}
    if request.content_type:
        headers["Content-Type"] = request.content_type
    try:
        with client.stream(
            "GET" if request.body is None else "POST",
            url,
            content=request.body,
            headers=headers,
            timeout=httpx.Timeout(min(_READ_TIMEOUT, left)),
            follow_redirects=False,
        ) as response:
            if response.status_code in _REDIRECTS:
                return str(response.headers.get("location", ""))[:2048]
            if response.status_code != 200:
                return Refusal(response.status_code, response.headers.get("retry-after"))
            body = _body(response, request, deadline, monotonic)
            return Reply(body, dict(response.headers), url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise VendorUnreachable(
            f"{request.host} cannot be asked: {type(error).__name__}",
            found=str(error)[:200],
            hint="name a mirror that this machine reaches, or import a bundle",
        ) from error


def _body(
    response: httpx.Response, request: Request, deadline: float, monotonic: Monotonic
) -> bytes:
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise BadAnswer(
            f"{request.host} sends an encoded body", found=encoding[:40], expected="identity"
        )
    announced = response.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:12]) > request.limit:
        raise _too_large(request, announced[:12])
    found = bytearray()
    for chunk in response.iter_raw(16 << 10):
        found += chunk
        if len(found) > request.limit:
            raise _too_large(request, f"more than {request.limit}")
        if monotonic() > deadline:
            raise _too_slow(request)
    return bytes(found)


def _same_host(url: str, location: str) -> str:
    here = _split(url)
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    there = _split(target)
    if not location or (here.scheme, here.netloc) != (there.scheme, there.netloc):
        host = here.netloc.rpartition("@")[2]
        raise BadAnswer(
            f"{host} redirects elsewhere", found=there.netloc.rpartition("@")[2], expected=host
        )
    return target


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise BadAnswer("an address cannot be read") from error


def _too_large(request: Request, found: str) -> BadAnswer:
    return BadAnswer(
        f"{request.host}: the answer is too large",
        found=f"{found} bytes",
        expected=f"at most {request.limit} bytes",
    )


def _too_slow(request: Request) -> VendorUnreachable:
    return VendorUnreachable(
        f"{request.host} did not answer in time",
        hint="name a mirror that this machine reaches, or import a bundle",
    )

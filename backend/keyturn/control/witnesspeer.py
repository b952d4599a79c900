"""One witness as the control plane reaches it: our protocol §9 over pinned HTTPS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import httpx

from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.control.config import WitnessPlace
from keyturn.wire import witness as wire
from keyturn.wire.errors import PeerRefused
from keyturn.wire.tls import pinned_async_client

MAX_ANSWER = 1 << 20
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Owed:
    """A revocation that the witness waits for."""

    statement: str
    subject: str
    version: int
    size: int  # of the log, as the witness knew it when this was handed in
    time: int  # when that was, by the witness's clock


@dataclass(frozen=True, slots=True)
class Known:
    """What a witness says it knows of a log. Nothing proves it; it only says what to send."""

    size: int
    roster: int
    pending: tuple[Owed, ...]


class WitnessUnreachable(UnreachableError):
    """The witness did not answer, or not in time."""


class WitnessPeer:
    """For one event loop. Raises WitnessUnreachable, PeerRefused (it said no), MalformedError."""

    def __init__(self, place: WitnessPlace) -> None:
        self.url = place.url
        self._http = pinned_async_client(place.url, place.pin, timeout=SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def log(self, origin: str) -> Known:
        status, raw = await self._ask("GET", wire.LOG, params={"origin": origin})
        return _known(status, raw)

    async def hand(self, path: str, document: Mapping[str, object]) -> Known:
        """A revocation, a receipt or a bundle."""
        return _known(*await self._ask("POST", path, content=dump(document)))

    async def cosign(self, request: wire.AddCheckpoint) -> bytes | int:
        """Signature lines, or the size that the witness knows instead of the one asked from."""
        status, raw = await self._ask("POST", wire.ADD_CHECKPOINT, content=request.to_bytes())
        if status == httpx.codes.CONFLICT:
            return wire.parse_size(raw)
        if status != httpx.codes.OK:
            raise _refusal(status, raw)
        return raw

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> tuple[int, bytes]:
        body = bytearray()
        try:
            async with self._http.stream(method, path, params=params, content=content) as answer:
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise WitnessUnreachable("the witness's answer is too large")
                return answer.status_code, bytes(body)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise WitnessUnreachable(
                f"the witness cannot be reached: {type(error).__name__}", found=self.url
            ) from error


def _known(status: int, raw: bytes) -> Known:
    if status != httpx.codes.OK:
        raise _refusal(status, raw)
    fields = parse_object(raw, limit=MAX_ANSWER, what="witness's answer")
    fields.text("origin", limit=255)
    pending = tuple(_owed(each) for each in fields.objects("pending"))
    return Known(fields.integer("size"), fields.integer("roster"), pending)


def _owed(fields: Fields) -> Owed:
    return Owed(
        fields.digest("statement"),
        fields.text("subject", limit=400),
        fields.integer("version", low=1),
        fields.integer("size"),
        fields.integer("time"),
    )


def _refusal(status: int, raw: bytes) -> PeerRefused:
    try:
        error = parse_object(raw, limit=MAX_ANSWER, what="witness's answer").fields("error")
        return PeerRefused(
            error.text("kind", limit=100),
            f"the witness refuses: {error.text('message', limit=4000)}",
            found=error.text("found", limit=4000, empty=True),
            expected=error.text("expected", limit=4000, empty=True),
            hint=error.text("hint", limit=4000, empty=True),
        )
    except KeyturnError:
        return PeerRefused("unknown", f"the witness answered with HTTP status {status}")

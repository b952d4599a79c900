"""The witness's HTTP: C2SP add-checkpoint as text, our own questions as JSON (our protocol §9)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.base.encoding import unb64, unhex
from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)
from keyturn.base.strictjson import Fields, Json, JsonObject, dump, parse_object
from keyturn.keyrelease.errors import BadProof, OtherSize, TooManyPending
from keyturn.quorum.bundle import MAX_BUNDLE, bundle_root
from keyturn.quorum.errors import SubmissionRefused
from keyturn.serving.allowance import AddressAllowance
from keyturn.tlog.merkle import HASH_SIZE, Hash
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import MAX_PROOF, Proof
from keyturn.tlog.receipts import MAX_RECEIPT, parse_receipt
from keyturn.wire import witness as wire
from keyturn.witness.errors import BodyTooLarge, TooMany, UnknownLog
from keyturn.witness.watched import WatchedLog

logger = logging.getLogger(__name__)

BODY_SECONDS = 20.0
BURST, PER_SECOND = 100, 20.0
LIMITS = {
    wire.ADD_CHECKPOINT: wire.MAX_REQUEST,
    wire.LOG: 0,
    wire.REVOCATIONS: wire.MAX_REVOCATION,
    wire.RECEIPTS: 2 * MAX_RECEIPT,
    wire.AUTHORITY: MAX_BUNDLE // 3 * 4 + 4096,
}

STATUS: tuple[tuple[type[KeyturnError], int], ...] = (
    (NotFoundError, 404),
    (OtherSize, 409),
    (BadProof, 422),
    (TooMany, 429),
    (TooManyPending, 429),
    (BodyTooLarge, 413),
    (SubmissionRefused, 403),
    (MalformedError, 400),
    (UntrustedError, 403),
    (UnreachableError, 503),
)
"""The first that fits; any other KeyturnError is a 400."""

Handler = Callable[[Request], Awaitable[Response]]


class WitnessHttp:
    """Answers for these logs, by the origins that they have now."""

    def __init__(
        self, logs: Mapping[str, WatchedLog], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._logs = tuple(logs.values())
        self._allowance = AddressAllowance(seconds, burst=BURST, per_second=PER_SECOND)

    def app(self) -> Starlette:
        def post(path: str, handler: Handler) -> Route:
            return Route(path, self._told(handler), methods=["POST"])

        return Starlette(
            routes=[
                post(wire.ADD_CHECKPOINT, self._add_checkpoint),
                Route(wire.LOG, self._told(self._log), methods=["GET"]),
                post(wire.REVOCATIONS, self._add_revocation),
                post(wire.RECEIPTS, self._add_receipt),
                post(wire.AUTHORITY, self._take_authority),
            ]
        )

    async def _add_checkpoint(self, request: Request) -> Response:
        asked = wire.parse_add_checkpoint(await _body(request))
        log = self._by_origin(parse_note(asked.note).text.partition("\n")[0])
        try:
            signature = await run_in_threadpool(log.add_checkpoint, asked)
        except OtherSize as error:
            return Response(f"{error.size}\n", 409, media_type=wire.SIZE_TYPE)
        return Response(signature.line, media_type="text/plain; charset=utf-8")

    async def _log(self, request: Request) -> Response:
        log = self._by_origin(request.query_params.get("origin", ""))
        return _json(_shown(log))

    async def _add_revocation(self, request: Request) -> Response:
        fields = await _fields(request)
        log = self._by_origin(fields.text("origin", limit=255))
        statement = fields.b64("statement", limit=1 << 20)
        approvals = [unb64(each, what="approval") for each in fields.texts("approvals", limit=200)]
        fields.done()
        await run_in_threadpool(log.add_revocation, statement, approvals)
        return _json(_shown(log))

    async def _add_receipt(self, request: Request) -> Response:
        fields = await _fields(request)
        log = self._by_origin(fields.text("origin", limit=255))
        receipt = parse_receipt(dump(_object(fields, "receipt")))
        proof = _proof(fields.items("proof", limit=MAX_PROOF))
        fields.done()
        await run_in_threadpool(log.add_receipt, receipt, proof)
        return _json(_shown(log))

    async def _take_authority(self, request: Request) -> Response:
        fields = await _fields(request)
        origin = fields.text("origin", limit=255)
        bundle = fields.b64("bundle", limit=MAX_BUNDLE)
        fields.done()
        log = await run_in_threadpool(self._for_bundle, origin, bundle)
        await run_in_threadpool(log.take_authority, bundle)
        return _json(_shown(log))

    def _by_origin(self, origin: str) -> WatchedLog:
        for log in self._logs:
            if log.origin == origin:
                return log
        raise UnknownLog("this witness does not watch that log", found=repr(origin[:80]))

    def _for_bundle(self, origin: str, bundle: bytes) -> WatchedLog:
        """By a name that is known, or the log that the bundle says it is of (§9.5)."""
        named = next((log for log in self._logs if log.origin == origin), None)
        if named is not None:
            return named
        root = bundle_root(bundle)
        for log in self._logs:
            if log.fingerprint == root:
                return log
        raise UnknownLog("this witness does not watch that log", found=repr(origin[:80]))

    def _told(self, handler: Handler) -> Handler:
        async def told(request: Request) -> Response:
            try:
                address = request.client.host if request.client else ""
                if not self._allowance.spend(address):
                    raise TooMany("too many requests from this address")
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except KeyturnError as error:
                logger.info("refused: %s: %s", type(error).__name__, error)
                return _refusal(error)

        return told


def _shown(log: WatchedLog) -> dict[str, object]:
    state = log.state
    return {
        "origin": state.origin,
        "size": state.size,
        "roster": log.roster_version,
        "pending": [
            {
                "statement": each.statement,
                "subject": each.subject,
                "version": each.version,
                "size": each.size,
                "time": each.time,
            }
            for each in state.pending
        ],
    }


async def _body(request: Request) -> bytes:
    """Raises BodyTooLarge, MalformedError when it is too slow."""
    limit = LIMITS[request.url.path]
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyTooLarge("the body is too large", expected=f"at most {limit} bytes")
    except TimeoutError as error:
        raise MalformedError("the body did not arrive in time") from error
    return bytes(body)


async def _fields(request: Request) -> Fields:
    return parse_object(await _body(request), limit=LIMITS[request.url.path], what="request")


def _object(fields: Fields, name: str) -> JsonObject:
    value = fields.raw(name)
    if not isinstance(value, dict):
        raise MalformedError(f"request: field '{name}' is not an object")
    return value


def _proof(items: Sequence[Json]) -> Proof:
    hashes = []
    for each in items:
        if not isinstance(each, str):
            raise MalformedError("request: proof holds something else than hashes")
        hashes.append(Hash(unhex(each, what="request: proof", size=HASH_SIZE)))
    return tuple(hashes)


def _json(document: Mapping[str, object], status: int = 200) -> Response:
    return Response(dump(document), status, media_type="application/json")


def _refusal(error: KeyturnError) -> Response:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 400)
    document = {
        "kind": type(error).__name__,
        "message": error.message,
        "found": error.found,
        "expected": error.expected,
        "hint": error.hint,
    }
    response = _json({"error": document}, status)
    if isinstance(error, TooMany):
        response.headers["retry-after"] = "1"
    if isinstance(error, BodyTooLarge):
        response.headers["connection"] = "close"
    return response

"""The control plane as a node sees it: challenge, release, heartbeat, authority.

HTTPS to one pinned key. It only forwards: nothing that it answers is believed before it has been
checked elsewhere (`exchange`, `revocation`). Calls block, at most `TIMEOUT` seconds a step.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import httpx

from keyturn.agent.errors import ControlAnswerMalformed, ControlRefused, ControlUnreachable
from keyturn.attest.tpm_credential import Credential
from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.keyrelease.binding import CHALLENGE_SIZE
from keyturn.keyrelease.grant import (
    RefusalDocument,
    ReleaseAnswer,
    parse_answer,
    parse_refusal,
)
from keyturn.wire.tls import Pin, pinned_client

TIMEOUT = 10.0
MAX_BUNDLE = 16 << 20
MAX_BODY = 24 << 20
MAX_REVOCATIONS = 1000


@dataclass(frozen=True, slots=True)
class RevocationDocument:
    """A revocation as it came down: nothing of it is verified."""

    statement: bytes
    approvals: tuple[bytes, ...]
    receipt: bytes


class Control(Protocol):
    """Every call raises ControlUnreachable, ControlRefused, ControlAnswerMalformed, PinMismatch."""

    def challenge(self) -> bytes:
        """56 bytes."""

    def release(self, request: bytes) -> ReleaseAnswer | RefusalDocument:
        """Send a release request's exact bytes."""

    def heartbeat(self, envelope: bytes) -> tuple[RevocationDocument, ...]:
        """Send a signed heartbeat; what was revoked since the lease began."""

    def authority(self) -> bytes:
        """The authority bundle as the server has it."""


class HttpControl:
    """The control plane at `url`, whose TLS key's SPKI has the SHA-256 `pin`."""

    def __init__(self, url: str, pin: Pin) -> None:
        self._client = pinned_client(url, pin, timeout=TIMEOUT)

    def challenge(self) -> bytes:
        with _reading("challenge"):
            fields = self._ask("POST", "/v1/challenges", b"{}")
            challenge = fields.hex("challenge", size=CHALLENGE_SIZE)
            fields.integer("valid_seconds", low=1)
            fields.done()
            return challenge

    def release(self, request: bytes) -> ReleaseAnswer | RefusalDocument:
        with _reading("release"):
            status, body = self._send("POST", "/v1/releases", request)
            if status == 200:
                return parse_answer(body)
            if status == 403:
                return parse_refusal(body)
            raise _failure("/v1/releases", status, body)

    def tpm_credential(self, ak: bytes, ek: bytes, chain: Sequence[bytes]) -> Credential:
        """A secret sealed to this EK for this AK (our protocol §4.6)."""
        question = {"ak": b64(ak), "ek": b64(ek), "chain": [b64(each) for each in chain]}
        with _reading("TPM credential"):
            fields = self._ask("POST", "/v1/tpm-credentials", dump(question))
            made = Credential(fields.b64("blob", limit=1024), fields.b64("secret", limit=1024))
            fields.done()
            return made

    def heartbeat(self, envelope: bytes) -> tuple[RevocationDocument, ...]:
        with _reading("heartbeat"):
            fields = self._ask("POST", "/v1/heartbeats", envelope)
            found = fields.objects("revocations", limit=MAX_REVOCATIONS)
            fields.done()
            return tuple(_revocation(each) for each in found)

    def authority(self) -> bytes:
        with _reading("authority"):
            fields = self._ask("GET", "/v1/authority", None)
            bundle = fields.b64("bundle", limit=MAX_BUNDLE)
            fields.done()
            return bundle

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> Fields:
        status, answer = self._send(method, path, body)
        if status != 200:
            raise _failure(path, status, answer)
        return parse_object(answer, limit=MAX_BODY, what=f"answer of {path}")

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        answer = bytearray()
        try:
            with self._client.stream(method, path, content=body, headers=headers) as response:
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > MAX_BODY:
                        raise ControlAnswerMalformed(f"answer of {path} is too large")
                return response.status_code, bytes(answer)
        except (httpx.HTTPError, OSError) as error:
            raise ControlUnreachable(
                f"the control plane does not answer: {error}",
                hint="Is it running, and reachable from this node?",
            ) from error


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except ControlAnswerMalformed:
        raise
    except MalformedError as error:
        raise ControlAnswerMalformed(
            f"{what}: {error.message}", found=error.found, expected=error.expected
        ) from error


def _failure(path: str, status: int, body: bytes) -> KeyturnError:
    """What an error answer means: 5xx, 408 and 429 may pass, the rest is a no."""
    message, found, expected, hint = f"HTTP status {status}", "", "", ""
    with suppress(MalformedError):
        error = parse_object(body, limit=64 << 10, what="error").fields("error")
        message, found, expected, hint = (
            error.text(name, limit=1 << 16, empty=True)
            for name in ("message", "found", "expected", "hint")
        )
    kind = ControlUnreachable if status >= 500 or status in (408, 429) else ControlRefused
    return kind(f"{path}: {message}", found=found, expected=expected, hint=hint)


def _revocation(fields: Fields) -> RevocationDocument:
    statement = fields.b64("statement", limit=2 << 20)
    approvals = tuple(
        unb64(str(each), what="approval") for each in fields.items("approvals", limit=200)
    )
    receipt = fields.raw("receipt")
    if not isinstance(receipt, dict):
        raise MalformedError("revocation: 'receipt' is not an object")
    fields.done()
    return RevocationDocument(statement, approvals, dump(receipt))

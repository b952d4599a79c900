"""Challenges and releases: forwarded to the keyholder as exact bytes, its answer passed through.

Nothing is decided here. The wrapped DEK is looked up by the digest that the request names; whether
it belongs there, the HSM finds out by the tag. What was decided is recorded after the node has its
answer, from the log entry that the keyholder made first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keyturn.base.encoding import digest_of
from keyturn.control.context import Context
from keyturn.control.errors import TooMany
from keyturn.control.follower import Detail, Follower
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.store import models
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder import (
    AskChallenge,
    AskRelease,
    AskTpmCredential,
    IssuedChallenge,
    Released,
    TpmCredential,
)
from keyturn.wire.keyholder_client import KeyholderBusy


@dataclass(slots=True)
class Releasing:
    """Forwards what nodes ask. `unlogged` counts refusals that made no log entry."""

    context: Context
    follower: Follower
    unlogged: int = 0

    async def challenge(self) -> IssuedChallenge:
        """Raises PeerUnreachable, TooMany."""
        try:
            return await self.context.keyholder.ask(AskChallenge())
        except KeyholderBusy as error:
            raise _busy(error) from error

    async def tpm_credential(self, question: AskTpmCredential) -> TpmCredential:
        """Raises PeerUnreachable, PeerRefused, TooMany."""
        try:
            return await self.context.keyholder.ask(question)
        except KeyholderBusy as error:
            raise _busy(error) from error

    async def release(self, raw: bytes) -> Released:
        """The keyholder's decision.

        Raises MalformedError, PeerUnreachable, PeerRefused, TooMany.
        """
        request = parse_request(raw)
        wrapped = await self.context.read(lambda c: models.wrapped_key(c, request.model))
        try:
            released = await self.context.keyholder.ask(AskRelease(raw, wrapped))
        except KeyholderBusy as error:
            raise _busy(error) from error
        if released.index is None:
            self.unlogged += 1
        else:
            self.follower.note(_detail(released.index, request, released))
        return released


def _detail(index: int, request: ReleaseRequest, released: Released) -> Detail:
    return Detail(
        index=index,
        node=request.claims.node,
        tls_digest=digest_of(request.keys.tls),
        tls_spki=request.keys.tls,
        granted=released.granted,
        model=request.model,
        request=request.raw,
        reasons=_reasons(released.answer),
    )


def _reasons(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("reasons")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _busy(error: PeerUnreachable) -> TooMany:
    return TooMany(error.message, found=error.found, expected=error.expected, hint="Try later.")

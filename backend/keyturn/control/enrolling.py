"""Newcomers' requests to become officers, kept for the officers to look at (our protocol §2.9).

Whoever sends one is a stranger: nothing is kept that its keys did not sign for this authority, and
of that only so much. What is kept gives no right; officers' clients verify each request again.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.control.context import Context
from keyturn.control.errors import Conflict, NotFound, TooMany
from keyturn.quorum.enrolment import LONGEST_WAIT, Enrolment, check_enrolment, parse_enrolment
from keyturn.quorum.state import AuthorityState
from keyturn.serving.allowance import AddressAllowance
from keyturn.store import enrolments
from keyturn.store.enrolments import EnrolmentRow

MAX_KEPT = 100
BURST, PER_SECOND = 5, 1 / 60


class TooManyKept(UnreachableError):
    """No room is left: officers must look at what is there first."""


class Enrolling:
    def __init__(self, context: Context, seconds: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._allowance = AddressAllowance(seconds, burst=BURST, per_second=PER_SECOND)

    def admit(self, address: str) -> None:
        """Before a byte of a stranger's body is read. Raises TooMany."""
        if not self._allowance.spend(address):
            raise TooMany(
                "too many enrolment requests from this address",
                expected=f"{BURST} at once, one a minute",
                hint="Wait, or hand the file to a colleague: keyturn officer enrol --output.",
            )

    async def take(self, raw: bytes) -> tuple[Digest, datetime]:
        """(its digest, when it is forgotten). Asking again about the same one changes nothing.

        Raises MalformedError, EnrolmentRefused, Conflict, TooManyKept, UnreachableError.
        """
        now, loop = self._context.clock(), asyncio.get_running_loop()
        request = await loop.run_in_executor(self._context.readers, parse_enrolment, raw)
        check_enrolment(request, self._state(), now)
        received = await self._context.write(lambda c: self._keep(c, request, now))
        return request.digest, received + LONGEST_WAIT

    async def every(self) -> list[EnrolmentRow]:
        """Those that the roster could still take in, the oldest first."""
        state, now = self._state(), self._context.clock()

        def work(connection: Connection) -> list[EnrolmentRow]:
            return [each for each in enrolments.every(connection) if _fits(each, state, now)]

        return await self._context.read(work)

    async def dismiss(self, digest: Digest) -> None:
        """Raises NotFound."""
        if not await self._context.write(lambda c: enrolments.remove(c, [digest])):
            raise NotFound("no such enrolment request", found=digest)

    def _state(self) -> AuthorityState:
        state = self._context.mirror.state
        if state.roster is None:
            raise UnreachableError("the authority is not read from the keyholder's log yet")
        return state

    def _keep(self, connection: Connection, request: Enrolment, now: datetime) -> datetime:
        enrolments.order_writers(connection)
        state = self._state()
        gone = []
        for each in enrolments.with_keys(connection, [k.key_id for k in request.officer.keys]):
            if each.digest == request.digest and _fits(each, state, now):
                return each.received
            if each.time >= request.time and _fits(each, state, now):
                raise Conflict(
                    "a later request names one of these keys",
                    found=str(each.digest),
                    expected="a request of its own for each key",
                )
            gone.append(each.digest)
        enrolments.remove(connection, gone)
        if enrolments.count(connection) >= MAX_KEPT:  # seldom: each is verified again
            kept = enrolments.every(connection)
            stale = [each.digest for each in kept if not _fits(each, state, now)]
            enrolments.remove(connection, stale)
        if enrolments.count(connection) >= MAX_KEPT:
            raise TooManyKept(
                "no further enrolment request is kept",
                expected=f"at most {MAX_KEPT}",
                hint="Hand the file to a colleague: keyturn officer enrol --output.",
            )
        row = EnrolmentRow(request.digest, request.officer.id, request.time, now, request.raw)
        enrolments.add(connection, row, {key.key_id for key in request.officer.keys})
        return now


def _fits(row: EnrolmentRow, state: AuthorityState, now: datetime) -> bool:
    """Whether it is still what it was when it was kept: not too old, not taken in, not edited."""
    try:
        if now - row.received > LONGEST_WAIT:
            return False
        check_enrolment(parse_enrolment(row.envelope), state, now)
    except KeyturnError:
        return False
    return True

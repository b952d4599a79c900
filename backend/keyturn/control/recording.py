"""Every approval and rejection into the log when it is given, before any quorum (§2.10).

Which ones are there, the mirror of the log says; so replicas, restarts and a keyholder that was
away need no memory of their own here.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from keyturn.base.errors import KeyturnError
from keyturn.control.context import Context
from keyturn.control.follower import Follower
from keyturn.quorum.approvals import parse_approval
from keyturn.store.proposals import ApprovalRow, ProposalRow
from keyturn.wire.errors import PeerRefused, PeerUnreachable
from keyturn.wire.keyholder import Record

log = logging.getLogger("keyturn.control")

ASK_AGAIN = timedelta(minutes=10)
"""After the keyholder's no: an officer's day may be full, or the disk."""
RECORD_SECONDS = 5.0
"""So long whoever decides waits for the entry; it is asked for again."""
_MANY = 4096


class Recording:
    """Hands decisions to the keyholder, each until it is logged or its proposal is closed."""

    def __init__(self, context: Context, follower: Follower) -> None:
        self._context = context
        self._follower = follower
        self._logged: set[str] = set()
        self._refused: dict[str, datetime] = {}  # until when not to ask again

    async def record(self, row: ProposalRow, rows: list[ApprovalRow]) -> None:
        """All decisions over an open proposal that the log does not have; what fails is left for
        the next time, and told to the server's own log."""
        for each in rows:
            if not self._due(each):
                continue
            try:
                async with asyncio.timeout(RECORD_SECONDS):
                    logged = await self._context.urgent.ask(Record(row.envelope, each.envelope))
            except TimeoutError:
                self._tell(each, PeerUnreachable("the keyholder took too long"))
                return
            except PeerRefused as error:
                self._forget_some()
                self._refused[each.digest] = self._context.clock() + ASK_AGAIN
                self._tell(each, error)
            except KeyturnError as error:
                self._tell(each, error)
                return
            else:
                self._forget_some()
                self._logged.add(each.digest)
                await self._follower.reach(logged.index)

    def _due(self, row: ApprovalRow) -> bool:
        if row.digest in self._logged:
            return False
        if self._context.mirror.state.recorded(parse_approval(row.envelope)) is not None:
            self._forget_some()
            self._logged.add(row.digest)
            return False
        until = self._refused.get(row.digest)
        return until is None or self._context.clock() >= until

    def _forget_some(self) -> None:
        """What is forgotten is only looked up, or asked, once more."""
        if len(self._logged) + len(self._refused) > _MANY:
            self._logged.clear()
            self._refused.clear()

    def _tell(self, row: ApprovalRow, error: KeyturnError) -> None:
        about = {"statement": row.statement, "officer": row.officer, "reason": str(error)}
        log.warning("a decision is not in the log yet", extra=about)

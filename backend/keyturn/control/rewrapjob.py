"""Feeds every KEK rotation that waits for the inventory, without being asked.

Looked for when the log has a new record of a ceremony, and again while one is not done. Several
replicas may feed one rotation: an answer for a row that is another by now changes nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.script import ScriptKind
from keyturn.control.context import Context
from keyturn.control.rewrapping import Feeding, feed
from keyturn.wire.ceremonies import (
    AskCeremonies,
    CeremonyRow,
    CeremonyState,
    RewrapKeys,
    Rewrapped,
)

log = logging.getLogger("keyturn.control")

LOOK_SECONDS = 5.0
STEPS = ("rewrap", "destroy-kek")
"""Before keys are counted, and before the old KEK goes: for models that were admitted since."""


@dataclass(slots=True)
class RewrapJob:
    """One server's part. `feeding` is the last rotation's, for people to look at."""

    context: Context
    feeding: Feeding | None = None
    _seen: Mapping[str, int] = field(default_factory=dict)
    _pending: bool = False

    async def run(self) -> None:
        """Until cancelled. Neither a database nor a keyholder that is away ends it."""
        hub = self.context.hub
        while not hub.closed:
            newest, turn = hub.newest, hub.turn
            try:
                await self.step()
            except KeyturnError as error:
                self._pending = True
                log.warning("a KEK rotation cannot be fed", extra={"reason": str(error)})
            await hub.wait(newest, LOOK_SECONDS, turn)

    async def step(self) -> None:
        """Look for a rotation, if there may be one, and take it as far as it goes."""
        ceremonies = self.context.mirror.state.ceremonies
        if ceremonies == self._seen and not self._pending:
            return
        found = await self.context.urgent.ask(AskCeremonies())
        self._seen, self._pending = ceremonies, False
        for each in found.ceremonies:
            if waits_for_keys(each):
                self.feeding = await feed(self.context, self._ask, each.ceremony, self._report)
                self._pending = self._pending or not self.feeding.done

    async def _ask(self, request: RewrapKeys) -> Rewrapped:
        return await self.context.urgent.ask(request)

    def _report(self, feeding: Feeding) -> None:
        self.feeding = feeding


def waits_for_keys(row: CeremonyRow) -> bool:
    """Whether it is a rotation whose next step is about every DEK."""
    return (
        row.kind == ScriptKind.KEK_ROTATION.value
        and row.state is CeremonyState.RUNNING
        and row.step in STEPS
    )

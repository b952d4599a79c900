"""A control plane that dies at a chosen write, as by SIGKILL: nothing of it runs on.

Points where it may die: before each writing transaction, in it with everything written and nothing
committed, after its commit; before and after each question to the keyholder that changes its log.
From then on nothing is read, written or asked, so that whatever its tasks still try changes
nothing; whoever waits for an answer gets none that counts.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection

from keyturn.base.errors import UnreachableError
from keyturn.control.program import ControlServer
from keyturn.store.database import Database, open_database
from keyturn.wire.keyholder import (
    AskChallenge,
    AskCheckpoint,
    AskConsistency,
    AskEntries,
    AskHello,
    AskObject,
    AskReceipt,
    Request,
)
from keyturn.wire.keyholder_client import KeyholderClient

A = TypeVar("A")
NEVER = 1 << 30
_READING = (
    AskHello,
    AskChallenge,
    AskEntries,
    AskObject,
    AskCheckpoint,
    AskReceipt,
    AskConsistency,
)


class Killed(UnreachableError):
    """The process is gone."""


class Death:
    """Counts the points once armed; `dead` from the point with number `after` on."""

    def __init__(self, after: int = NEVER) -> None:
        self.after = after
        self.armed = False
        self.dead = False
        self.points = 0
        self.ends: ControlServer | None = None
        """Stopped then, so that whoever waits for an answer is cut off."""
        self._lock = threading.Lock()

    def point(self) -> None:
        """Raises Killed at the chosen point, and ever after."""
        with self._lock:
            if self.armed and not self.dead:
                self.dead = self.points == self.after
                self.points += 1
        self.check()

    def check(self) -> None:
        if self.dead:
            if self.ends is not None:
                self.ends.stop()
            raise Killed("killed")


class DyingDatabase(Database):
    """A database of which the process dies."""

    def __init__(self, database: Database, death: Death) -> None:
        super().__init__(database.engine)
        self._death = death

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._death.check()
        with super().read() as connection:
            yield connection
        self._death.check()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._death.point()
        with super().write() as connection:
            yield connection
            self._death.point()
        self._death.point()


class DyingKeyholder:
    """A keyholder's client of which the process dies."""

    def __init__(self, client: KeyholderClient, death: Death) -> None:
        self._client = client
        self._death = death

    async def ask(self, request: Request[A], **options: Any) -> A:
        changing = not isinstance(request, _READING)
        step = self._death.point if changing else self._death.check
        step()
        answer = await self._client.ask(request, **options)
        step()
        return answer

    async def aclose(self) -> None:
        await self._client.aclose()


def options(death: Death) -> dict[str, Any]:
    """For `running_server`."""

    def prepare(server: ControlServer) -> None:
        death.ends = server
        server.config.timeout_graceful_shutdown = 0  # a killed process waits for nobody
        context = server.parts.context
        context.keyholder = DyingKeyholder(context.keyholder, death)  # type: ignore[assignment]
        context.urgent = DyingKeyholder(context.urgent, death)  # type: ignore[assignment]

    return {
        "opened": lambda url: DyingDatabase(open_database(url), death),
        "prepare": prepare,
    }

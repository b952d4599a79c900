"""What this server says to the log: sign-ins that failed, and its own settings (§6.2).

Whoever knocks can make sign-ins fail, so they are counted: the first of an officer and reason is
told at once, then at most one sum in ten minutes; names that nobody has are not passed on. The
keyholder bounds the whole; what it does not enter stays in the sum.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from keyturn import __version__
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.control.config import told
from keyturn.control.context import Context
from keyturn.control.follower import Follower
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    SignInFailure,
    configuration,
    settings_document,
    settings_values,
)
from keyturn.quorum.roster import OfficerId
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import Report

log = logging.getLogger("keyturn.control")

SOFTWARE = f"keyturn {__version__}"
TELL_EVERY = timedelta(minutes=10)
ASK_AGAIN = timedelta(seconds=5)
"""After a keyholder that was out of reach."""
LOOK_SECONDS = 1.0
TOLD_FILE = "settings-told.json"
"""The very document whose digest is in the log."""

Kind = tuple[OfficerId | None, SignInFailure]


@dataclass(slots=True)
class _Tally:
    """Failures that the log does not have yet."""

    due: datetime  # not to be told before
    count: int = 0
    since: datetime | None = None


class Reporting:
    """One server's reports. `note` may be called by whoever; `run` is a task."""

    def __init__(self, context: Context, follower: Follower) -> None:
        self._context = context
        self._follower = follower
        self._tallies: dict[Kind, _Tally] = {}
        self._settings_due: datetime | None = context.clock()  # None: told, or as they were
        self._noted = asyncio.Event()

    def note(self, reason: SignInFailure, claimed: str | None) -> None:
        """One more sign-in failed, by somebody who said to be `claimed`."""
        officer = None if claimed is None else self._context.mirror.officer(claimed)
        now = self._context.clock()
        kind = (None if officer is None else officer.id, reason)
        tally = self._tallies.setdefault(kind, _Tally(now))
        if tally.count == 0:
            tally.since = now
            self._noted.set()
        tally.count += 1

    async def run(self) -> None:
        """Until cancelled. A keyholder that is away is asked again."""
        while True:
            self._noted.clear()
            if self._follower.ready:  # until then it may be another authority's keyholder
                await self.step()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self._waiting() else None):
                    await self._noted.wait()

    async def step(self) -> None:
        """Tell what is due."""
        now = self._context.clock()
        if self._settings_due is not None and now >= self._settings_due:
            self._settings_due = await self._tell_settings(now)
        for kind, tally in list(self._tallies.items()):
            if tally.count and now >= tally.due:
                await self._tell(kind, tally, now)

    def _waiting(self) -> bool:
        return self._settings_due is not None or any(t.count for t in self._tallies.values())

    async def _tell(self, kind: Kind, tally: _Tally, now: datetime) -> None:
        officer, reason = kind
        count, since = tally.count, tally.since or now
        entered, tally.due = await self._ask(ReportEntry(officer, reason, count, since), now)
        if entered:  # others may have come meanwhile
            tally.count -= count
            tally.since = now

    async def _ask(
        self, said: ReportEntry | ConfigurationEntry, now: datetime
    ) -> tuple[bool, datetime]:
        """Whether it was entered, and when more of this kind may be told."""
        try:
            index = await self._context.keyholder.ask(Report(said))
        except PeerRefused as error:
            log.warning("the keyholder takes no report", extra={"reason": str(error)})
            return False, now + TELL_EVERY
        except KeyturnError as error:
            log.warning("a report waits for the keyholder", extra={"reason": str(error)})
            return False, now + ASK_AGAIN
        return index is not None, now + TELL_EVERY

    async def _tell_settings(self, now: datetime) -> datetime | None:
        """When to try again; None once they are in the log, or are what was told before."""
        path, values = self._context.config.data / TOLD_FILE, told(self._context.config)
        document, kept = settings_document(Program.CONTROL, SOFTWARE, values), _read(path)
        if kept == document:
            return None
        entry = configuration(Program.CONTROL, SOFTWARE, values, _values(kept))
        entered, again = await self._ask(entry, now)
        if entered:
            _write(path, document)
        return None if entered else again


def _read(path: Path) -> bytes:
    """The settings as they were told last; empty when it is not known."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _values(document: bytes) -> Mapping[str, object]:
    try:
        return settings_values(document)
    except MalformedError:
        return {}


def _write(path: Path, document: bytes) -> None:
    """Whole or not at all. Where it fails, they are told again at the next start."""
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(document)
        temporary.replace(path)
    except OSError as error:
        log.warning("the settings that were told cannot be kept", extra={"reason": str(error)})

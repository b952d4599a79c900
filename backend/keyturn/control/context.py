"""What every service of the control plane is given: the database, the keyholder, the clock."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from keyturn.control.config import ControlConfig
from keyturn.control.hub import Hub
from keyturn.control.mirror import Mirror
from keyturn.store.database import Database
from keyturn.store.migrate import mend
from keyturn.wire.keyholder_client import KeyholderClient
from keyturn.wire.tls import Pin

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """One server's parts. `close` ends its threads; who opened database and client closes them."""

    config: ControlConfig
    pin: Pin
    database: Database
    keyholder: KeyholderClient  # for whatever strangers can make this server ask
    urgent: KeyholderClient  # for statements and for following the log: a flood cannot fill it
    clock: Callable[[], datetime]
    randomness: Callable[[int], bytes]
    nonce_key: bytes = field(repr=False)  # of the sign-in nonces' tags; one for each TLS key
    mirror: Mirror
    hub: Hub = field(default_factory=Hub)
    readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(8, thread_name_prefix="store-read")
    )
    writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="store-write")
    )

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a reading transaction, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a writing transaction; this process writes one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, self._write, work)

    async def mend_tables(self) -> None:
        """Make the tables that are missing."""
        await asyncio.get_running_loop().run_in_executor(self.writer, mend, self.database)

    def close(self) -> None:
        self.readers.shutdown(wait=True, cancel_futures=True)
        self.writer.shutdown(wait=True)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.database.read() as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.database.write() as connection:
            return work(connection)

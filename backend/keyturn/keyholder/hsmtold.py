"""What the keyholder tells people of its token: the workers' word, and a report that lies beside.

Reading every key keeps all workers for a moment, so it is done at most once in FRESH seconds,
however many ask. Nothing of it is secret, and nothing of it is proof.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from keyturn.base.errors import MalformedError
from keyturn.ceremony.tokeninventory import TokenInventory, Workers
from keyturn.ceremony.tokenreport import REPORT_LIMIT, TokenAssurance, parse_report
from keyturn.hsm.inventory import listed_keks, listed_keys
from keyturn.hsm.kekwork import TokenReport
from keyturn.hsm.messages import Hello

FRESH = 30.0  # seconds
REPORT_NAME = "preflight.json"
_OF_CEREMONIES = f"ceremonies/*/kept/{REPORT_NAME}"


class Workplace(Protocol):
    """An HSM pool, as far as it is asked here."""

    @property
    def hello(self) -> Hello: ...

    def describe_keys(self) -> TokenReport: ...


@dataclass
class HsmTeller:
    """Any thread may ask."""

    workplace: Workplace
    workers: int
    directory: Path
    """Where a pre-flight report may lie, as REPORT_NAME; ceremonies keep theirs below it."""
    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[float, TokenInventory] | None = None

    def inventory(self) -> TokenInventory:
        """Raises what the HSM raises."""
        with self._lock:
            if self._read is None or self.seconds() - self._read[0] >= FRESH:
                self._read = self.seconds(), self._take()
            return self._read[1]

    def forget(self) -> None:
        """A ceremony changed the keys: the next who asks is told of that."""
        with self._lock:
            self._read = None

    def preflight(self) -> bytes | None:
        """The exact bytes of the newest report: one laid there, or of a ceremony held here."""
        found = [_report_at(self.directory / REPORT_NAME)]
        found += [_report_at(each) for each in self.directory.glob(_OF_CEREMONIES)]
        reports = [each for each in found if each is not None]
        return max(reports, key=lambda each: each[0])[1] if reports else None

    def _take(self) -> TokenInventory:
        report = self.workplace.describe_keys()
        hello = self.workplace.hello
        return TokenInventory(
            self.now(),
            hello.about.module,
            hello.about.token,
            hello.about.vendor,
            TokenAssurance(hello.assurance.value),
            Workers(self.workers, hello.memory_locked, hello.release_hash.value),
            listed_keks(report.keks),
            listed_keys(report.keys),
        )


def _report_at(path: Path) -> tuple[datetime, bytes] | None:
    """When it was made, and its bytes; None for what is no report."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            raw = file.read(REPORT_LIMIT + 1)
        return parse_report(raw).time, raw
    except (OSError, MalformedError):
        return None

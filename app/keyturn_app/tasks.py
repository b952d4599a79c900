"""The one door for slow local work: reading, hashing, sealing, writing. No Qt in here.

Work runs away from the window's thread, reports progress, can be asked to stop, and its outcome
comes back on the window's thread. Work whose owner is gone meanwhile is dropped.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from keyturn.base.errors import KeyturnError

T = TypeVar("T")


class Cancelled(KeyturnError):
    """The officer asked for it to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units; `total` 0: nobody knows. `text` says what is under way."""

    done: int
    total: int
    text: str = ""


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work, as whoever started it holds it."""

    label: str
    _stop: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False

    def cancel(self) -> None:
        """Ask it to stop; it ends with Cancelled at its next step."""
        self._stop.set()

    def drop(self) -> None:
        """Stop it, and never hear of it again: its owner is gone."""
        self.dropped = True
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    def check(self) -> None:
        """For the work itself, between two steps. Raises Cancelled."""
        if self._stop.is_set():
            raise Cancelled(f"stopped: {self.label}")


def fault_of(error: Exception) -> KeyturnError:
    """A fault of ours, without its text, which may hold what must not be shown (I8)."""
    return KeyturnError(f"a fault in this program: {type(error).__name__}")


Work = Callable[[Job, Callable[[Progress], None]], T]
"""Runs away from the window's thread: `job.check()` between steps, and tells its progress."""


class Door(Protocol):
    """Runs work. `done`, `failed` and `progress` are called on the window's thread."""

    def run(
        self,
        label: str,
        work: Work[T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
        progress: Callable[[Progress], None] | None = None,
    ) -> Job: ...

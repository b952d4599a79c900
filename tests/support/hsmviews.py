"""One HSM worker for a whole test run, and for each keyholder of a test a view of its own.

A view has its own mark and its own range of log indexes (a worker answers each index once), it
remembers which keys left the HSM, and it can lose the worker at any step: before an operation
was done, or after it was done and before its answer arrived.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    Hsm,
    KekWrapped,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)

T = TypeVar("T")

INDEXES = 10_000  # of one view's log
_bases = count(0, INDEXES)


@dataclass
class HsmView:
    """An `Hsm` for one log. `steps` counts what could have been the last thing it did."""

    worker: Hsm
    mark: bytes | None = None
    issued: list[ReleaseOrder] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    lost_at: int | None = None
    lost_for_good: bool = False
    base: int = field(default_factory=lambda: next(_bases))

    @property
    def assurance(self) -> Assurance:
        return self.worker.assurance

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        return self.worker.public_keys()

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        return self._step("rewrap", lambda: self.worker.rewrap_admission(admission))

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        assert order.log_index < INDEXES
        elsewhere = replace(order, log_index=order.log_index + self.base)

        def act() -> Wrapped:
            wrapped = self.worker.release(kek_wrapped, elsewhere)
            self.issued.append(order)
            return wrapped

        return self._step("release", act)

    def sign_log(self, message: bytes) -> bytes:
        return self._step("sign log", lambda: self.worker.sign_log(message))

    def sign_result(self, message: bytes) -> bytes:
        return self._step("sign result", lambda: self.worker.sign_result(message))

    def store_mark(self, mark: bytes) -> None:
        self._step("store mark", lambda: setattr(self, "mark", mark))

    def load_mark(self) -> bytes | None:
        return self._step("load mark", lambda: self.mark)

    def lose(self, at: int, *, for_good: bool = False) -> None:
        """Lose the worker at the given step from now; it is replaced unless `for_good`."""
        self.lost_at, self.lost_for_good = len(self.steps) + at, for_good

    def revive(self) -> None:
        self.lost_at = None

    def another(self) -> "HsmView":
        """The same token under another keyholder process: the mark stays, worker memory not."""
        return HsmView(self.worker, self.mark)

    def _step(self, name: str, act: Callable[[], T]) -> T:
        self._perhaps_lost(f"{name} asked")
        result = act()
        self._perhaps_lost(f"{name} done")
        return result

    def _perhaps_lost(self, step: str) -> None:
        place = len(self.steps)
        self.steps.append(step)
        if self.lost_at is None or place < self.lost_at:
            return
        if place == self.lost_at or self.lost_for_good:
            raise HsmUnreachable(f"the HSM worker died: {step}")

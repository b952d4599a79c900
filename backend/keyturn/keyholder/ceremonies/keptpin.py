"""A PIN that one step leaves to another: in a memory file of this process, and nowhere else."""

import os

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.hsm.pins import pin_file, read_pin
from keyturn.seal.keys import wipe


class KeptPin:
    """None at first. Not for many threads."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    @property
    def is_there(self) -> bool:
        """Not once this process was started anew."""
        return self._descriptor is not None

    def keep(self, pin_fd: int) -> None:
        """A copy; `pin_fd` stays the caller's."""
        self.forget()
        pin = read_pin(pin_fd)
        try:
            self._descriptor = pin_file(pin)
        finally:
            wipe(pin)

    def require(self) -> int:
        """Its descriptor, which stays this one's. Raises CeremonyRefused."""
        if self._descriptor is None:
            raise CeremonyRefused(
                CeremonyReason.LOCKED,
                "the token's PIN is not in memory",
                found="nothing",
                expected="enough custodians' shares of it",
                hint="custodians enter their shares, then this step goes on",
            )
        return self._descriptor

    def forget(self) -> None:
        """Overwritten first: pages that a child still maps hold zeros."""
        if self._descriptor is not None:
            os.pwrite(self._descriptor, bytes(os.fstat(self._descriptor).st_size), 0)
            os.close(self._descriptor)
            self._descriptor = None

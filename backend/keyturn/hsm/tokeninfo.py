"""What modules and tokens say of themselves: claims, not proofs."""

from dataclasses import dataclass
from typing import NewType

Slot = NewType("Slot", int)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a token says of itself. Claims, not proofs."""

    slot: Slot
    label: str
    manufacturer: str
    model: str
    serial: str
    initialised: bool
    hardware_slot: bool
    flags: int = 0
    pin_sizes: range = range(1, 256)
    """How many bytes a PIN may have."""
    hardware: str = ""
    """Version, `major.minor`."""
    firmware: str = ""
    utc_time: str = ""
    """`YYYYMMDDhhmmss00`, of a token with a clock."""
    free_private: int | None = None
    """Bytes of memory for private objects; None where the token does not say."""


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """What a module says of itself, before any token is looked at."""

    manufacturer: str
    description: str
    version: str

"""Rotating the KEK (our protocol §10.7)."""

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.wire.ceremonies import Rewrapped


def rewrap(doing: Doing, items: bytes) -> Rewrapped:
    """Raises CeremonyRefused."""
    raise CeremonyRefused(CeremonyReason.FAILED, "not yet")

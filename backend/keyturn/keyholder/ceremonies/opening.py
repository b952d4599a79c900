"""Opening what is locked: a token by its user PIN, put together at the moment of use."""

from collections.abc import Callable

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ShareUse
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.ceremonies.sharing import Entered, pin_descriptor, put_together
from keyturn.keyholder.ceremonies.site import Site, desk_of


def open_token(site: Site, plan: Plan, shares: Entered) -> None:
    """With the user shares that are there. Each candidate is tried once: there is one, but after
    a step that changes PINs was cut off.

    Raises CeremonyRefused, and what opening a token raises.
    """
    _open(shares, lambda pin_fd: site.unlock(plan.token, pin_fd))


def open_fresh(site: Site, plan: Plan, shares: Entered) -> None:
    """As `open_token`, the token that is being made."""
    desk = desk_of(site)
    _open(shares, lambda pin_fd: desk.unlock_fresh(plan, pin_fd))


def keep_fresh(site: Site, plan: Plan, shares: Entered) -> None:
    """As `open_fresh`, and its PIN stays in memory for the step that needs it."""
    desk = desk_of(site)

    def keep(pin_fd: int) -> None:
        desk.unlock_fresh(plan, pin_fd)
        desk.lock_fresh()  # it is the right one; the step logs in by itself
        desk.fresh_pin.keep(pin_fd)

    _open(shares, keep)


def _open(shares: Entered, unlock: Callable[[int], None]) -> None:
    refused: PinRefused | None = None
    candidates = shares.candidates(ShareUse.USER)
    if not candidates:
        raise CeremonyRefused(CeremonyReason.LOCKED, "not enough shares of the user PIN are here")
    for each in candidates:
        with put_together(each) as secret, pin_descriptor(secret) as pin_fd:
            try:
                unlock(pin_fd)
            except PinRefused as error:
                refused = error
            else:
                return
    assert refused is not None
    raise refused

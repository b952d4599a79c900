"""Steps that open something with custodians' shares, for the steps after them."""

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, Unlocked
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.opening import open_token


def unlock(doing: Doing) -> Facts:
    """The token, at once where this host opens tokens itself; a running keyholder's is open."""
    unlocked = _unlocked(doing, ShareUse.USER)
    shares = doing.shares
    if doing.site.hsm is None and shares is not None:
        open_token(doing.site, doing.plan, shares)
    return unlocked


def unlock_so(doing: Doing) -> Facts:
    """The shares stay in memory until a step puts them together and uses them."""
    return _unlocked(doing, ShareUse.SO)


def unlock_backup(doing: Doing) -> Facts:
    return _unlocked(doing, ShareUse.BACKUP)


def _unlocked(doing: Doing, use: ShareUse) -> Facts:
    shares = doing.shares
    opened = shares.opened(use) if shares is not None else None
    if opened is None:
        raise CeremonyRefused(
            CeremonyReason.NOT_ATTACHED, "not enough shares were entered", found=use.value
        )
    return Unlocked(use, *opened)


UNLOCK = Act(unlock, left="the token, as it was")
UNLOCK_SO = Act(unlock_so, left="everything as it was")
UNLOCK_BACKUP = Act(unlock_backup, left="everything as it was")

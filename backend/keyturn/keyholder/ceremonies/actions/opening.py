"""Steps in which custodians enter shares for the steps after them."""

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, Unlocked
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.doing import Act, Doing


def _act(use: ShareUse) -> Act:
    """The shares stay in memory until a step puts them together and uses them."""

    def unlocked(doing: Doing) -> Facts:
        shares = doing.shares
        opened = shares.opened(use) if shares is not None else None
        if opened is None:
            raise CeremonyRefused(
                CeremonyReason.NOT_ATTACHED, "not enough shares were entered", found=use.value
            )
        return Unlocked(use, *opened)

    def keeps(_: Plan) -> tuple[ShareUse, ...]:
        return (use,)

    return Act(unlocked, keeps=keeps, left="everything as it was")


UNLOCK = _act(ShareUse.USER)
UNLOCK_SO = _act(ShareUse.SO)
UNLOCK_BACKUP = _act(ShareUse.BACKUP)

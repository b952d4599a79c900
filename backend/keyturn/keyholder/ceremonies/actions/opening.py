"""Steps in which custodians enter shares for the steps after them."""

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, Nothing, Unlocked
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.opening import open_token
from keyturn.keyholder.ceremonies.site import desk_of


def _act(use: ShareUse) -> Act:
    """The shares stay in memory until a step puts them together and uses them."""

    def unlocked(doing: Doing) -> Facts:
        shares = doing.shares
        opened = shares.opened(use) if shares is not None else None
        if opened is None:
            raise CeremonyRefused(
                CeremonyReason.NOT_ATTACHED,
                "not enough shares were entered",
                found=f"too few of the {use.value} kind",
                expected="as many as their scheme needs",
            )
        if doing.plan.kind is ScriptKind.UNSEAL and shares is not None:
            open_token(doing.site, doing.plan, shares)
        return Unlocked(use, *opened)

    def keeps(plan: Plan) -> tuple[ShareUse, ...]:
        return () if plan.kind is ScriptKind.UNSEAL else (use,)

    return Act(unlocked, keeps=keeps, left="everything as it was")


UNLOCK = _act(ShareUse.USER)
UNLOCK_SO = _act(ShareUse.SO)
UNLOCK_BACKUP = _act(ShareUse.BACKUP)


def seal(doing: Doing) -> Facts:
    """The token is let go. A running keyholder is sealed by its own operation (§10.12)."""
    desk_of(doing.site).lock_token()
    return Nothing()


SEAL = Act(seal, token=True, left="the token open, as it was")

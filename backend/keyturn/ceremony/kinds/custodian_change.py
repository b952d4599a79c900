"""Custodian change: the PINs are replaced, and other people hold the new shares."""

from keyturn.ceremony.kinds.signing import (
    BOTH,
    PINS,
    SO,
    USER,
    closing,
    each,
    hand_out,
    opening,
    prove_shares,
    unlock,
)
from keyturn.ceremony.script import Action, Script, ScriptKind, Step

UNLOCK_USER = unlock(
    "unlock",
    "Custodians enter the old user shares",
    "The user PIN can be replaced only by somebody who has it: as many of the old custodians as"
    " it needs enter their shares.",
    Action.UNLOCK,
    USER,
)
UNLOCK_SECURITY_OFFICER = unlock(
    "unlock-so",
    "Custodians enter the old SO shares",
    "The same for the security officer's PIN, by its own custodians.",
    Action.UNLOCK_SO,
    SO,
)
NEW_PINS = Step(
    "new-pins",
    "Replace the PINs",
    "When both have signed, new user and security officer PINs are made at random, split among"
    " the custodians of the plan, sealed to each and wiped. The token gets them when every new"
    " share was proved; until then the old shares open it, and from then on they are worth"
    " nothing. The keys on the token stay as they are.",
    Action.NEW_PINS,
    BOTH,
)

CUSTODIAN_CHANGE = Script(
    ScriptKind.CUSTODIAN_CHANGE,
    1,
    "Custodian change",
    "Replaces user PIN and security officer PIN and shares the new ones among the custodians of"
    " the plan. For when somebody comes or leaves, or a share may have been seen. Shares of the"
    " backup secret stay as they are.",
    (
        opening(
            "Who is here",
            "This makes all old shares of both PINs worth nothing, also those of custodians who"
            " stay.",
            each(PINS),
        ),
        UNLOCK_USER,
        UNLOCK_SECURITY_OFFICER,
        NEW_PINS,
        hand_out(PINS),
        prove_shares(PINS),
        closing(each(PINS), says="Old sheets are shredded now, in the witness's sight."),
    ),
)

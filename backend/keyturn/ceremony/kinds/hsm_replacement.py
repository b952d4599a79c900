"""HSM replacement: the KEK moves to a new token while the old one still works."""

from keyturn.ceremony.kinds.key_import import MAKE_TRANSPORT_KEY, PROVE_IMPORT
from keyturn.ceremony.kinds.signing import (
    BOTH,
    CONTINUE_LOG,
    PINS,
    SIGN_KEYS,
    SO,
    USER,
    closing,
    each,
    hand_out,
    new_token,
    opening,
    preflight,
    prove_shares,
    unlock,
)
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

HSM_REPLACEMENT = Script(
    ScriptKind.HSM_REPLACEMENT,
    2,
    "HSM replacement",
    "Moves a recoverable KEK to a new token while the old one still works. A KEK that is never"
    " extractable cannot be moved: its models are sealed again to the new token's ingest key.",
    (
        opening(
            "Who is here",
            "Two tokens are on the table. The plan names the new one. The old one stays in use"
            " until the new one is proved.",
            each(PINS),
        ),
        preflight("the new token"),
        new_token(
            "When both have signed, new PINs are made at random, split, sealed to each custodian"
            " and wiped. The new token is initialised with them when the transport key is made, and"
            " with new ingest, log and result keys. Anything that was on it is lost then."
        ),
        hand_out(PINS),
        prove_shares(PINS),
        MAKE_TRANSPORT_KEY,
        unlock(
            "unlock",
            "Custodians open the old token",
            "As many custodians of the old token's user PIN as it needs enter their shares.",
            Action.UNLOCK,
            USER,
        ),
        unlock(
            "unlock-so",
            "Custodians of the old SO PIN",
            "Only the old token's security officer can trust the transport key there: without"
            " that the KEK does not leave.",
            Action.UNLOCK_SO,
            SO,
        ),
        Step(
            "import-kek",
            "Move the KEK",
            "The old token wraps the KEK to the transport key, the new one unwraps it and keeps"
            " it with the attributes of its profile. Both ids must be the same. The transport key"
            " is destroyed. Where the host was stopped since the tokens were opened, it remembers"
            " no PIN and no share: custodians of the old token, and those of the new one by the"
            " shares that they proved, enter theirs again first.",
            Action.IMPORT_KEK,
            BOTH,
        ),
        PROVE_IMPORT,
        SIGN_KEYS,
        CONTINUE_LOG,
        Step(
            "destroy-kek",
            "Destroy the KEK on the old token",
            "The log goes on under the new token. When both have signed, the KEK is deleted from"
            " the old one. Then the old token is initialised or destroyed by its maker's"
            " procedure; say in the field which, and who keeps it until then.",
            Action.DESTROY_KEK,
            BOTH,
            (
                Entered(
                    "old-token",
                    EnteredKind.TEXT,
                    "What happens to the old token, and to its backups and clones",
                    Part.ADMINISTRATOR,
                ),
            ),
        ),
        closing(each(PINS)),
    ),
)

"""KEK rotation: every model's key goes under a new KEK; the old one is destroyed."""

from keyturn.ceremony.kinds.signing import BOTH, closing, opening, preflight
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

KEK_ROTATION = Script(
    ScriptKind.KEK_ROTATION,
    1,
    "KEK rotation",
    "Makes a new KEK, wraps every model's key under it inside the token, and destroys the old KEK."
    " Releases go on meanwhile. It can stop at any point and go on later: what was wrapped stays"
    " wrapped, and nothing is wrapped twice.",
    (
        opening("Who is here", "This replaces the KEK of the running keyholder."),
        preflight("the keyholder's token"),
        Step(
            "make-kek",
            "Make the new KEK",
            "When both have signed, a new KEK is made on the token with the attributes of the"
            " profile that the plan chose, and they are read back. From now on new models go"
            " under it; the old KEK still opens what it wrapped.",
            Action.MAKE_KEK,
            BOTH,
        ),
        Step(
            "back-up",
            "Back the new KEK up",
            "Where the new KEK is recoverable, its backup is written now, before any key goes"
            " under it: a token that is lost half-way takes no model with it. Where it is never"
            " extractable there is no backup, and the record says so: then the loss of the token"
            " is the loss of every model sealed so far.",
            Action.BACK_UP,
            BOTH,
        ),
        Step(
            "rewrap",
            "Wrap every key again",
            "Each model's key is opened with the old KEK and wrapped under the new one, inside"
            " the token, and counted. If this is interrupted, resume: it goes on where it"
            " stopped. The record says how many there were, how many are under the new KEK and"
            " how many could not be opened. It is not done while any is left.",
            Action.REWRAP,
            BOTH,
        ),
        Step(
            "retire-kek",
            "Retire the old KEK",
            "The old KEK wraps nothing any more, and can still unwrap. This is the last point at"
            " which nothing is lost: compare the count in the record with the number of models"
            " that you know of before you sign.",
            Action.RETIRE_KEK,
            BOTH,
        ),
        Step(
            "destroy-kek",
            "Destroy the old KEK",
            "When both have signed, the old KEK is deleted from the token. This cannot be undone"
            " here. It does not reach copies: a backup of the old KEK still holds it until that"
            " backup, or enough of its shares, are destroyed too; and a token's own backups or"
            " clones are outside Keyturn's sight. Say in the field what happens to them.",
            Action.DESTROY_KEK,
            BOTH,
            (
                Entered(
                    "copies",
                    EnteredKind.TEXT,
                    "What happens to backups and clones that hold the old KEK",
                    Part.ADMINISTRATOR,
                ),
            ),
        ),
        closing(),
    ),
)

"""Backup: a recoverable KEK is written out, and the copy is proved."""

from keyturn.ceremony.kinds.signing import BACKUP as OF_BACKUP
from keyturn.ceremony.kinds.signing import BOTH, closing, opening, quorum, unlock
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

BACKUP = Script(
    ScriptKind.BACKUP,
    1,
    "Backup",
    "Writes the recoverable KEK out, wrapped to the backup key, and proves on a throw-away token"
    " that it opens. Only the KEK is ever backed up: ingest, log and result keys are replaced"
    " after a loss, never restored.",
    (
        opening(
            "Who is here",
            "This makes a copy of the KEK that leaves the token. Whoever has the copy and enough"
            " backup shares has the KEK.",
        ),
        Step(
            "back-up",
            "Write the backup",
            "When both have signed, the token wraps the KEK to the backup key that its security"
            " officer made at genesis, and to no other. The file is written and its digest is"
            " recorded. Copy it to two places at least, neither of them the token's machine.",
            Action.BACK_UP,
            BOTH,
            (
                Entered(
                    "places",
                    EnteredKind.TEXT,
                    "Where copies of the backup go",
                    Part.ADMINISTRATOR,
                ),
            ),
        ),
        unlock(
            "unlock-backup",
            "Custodians open the backup",
            "The backup is opened to prove that it can be. As many backup custodians as its"
            " scheme needs enter their shares.",
            Action.UNLOCK_BACKUP,
            OF_BACKUP,
        ),
        Step(
            "prove-backup",
            "Prove the backup",
            "The KEK is restored from the file into a throw-away token, its id is compared with"
            " the KEK's, and a canary that the real KEK wrapped is opened there. Then the"
            " throw-away token is destroyed. If anything differs, the backup is worth nothing"
            " and the record says so.",
            Action.PROVE_BACKUP,
            BOTH,
        ),
        closing(quorum(OF_BACKUP)),
    ),
)

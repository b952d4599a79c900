"""Restore drill: what a restore needs is tried while nothing is lost."""

from keyturn.ceremony.kinds.signing import BACKUP, BOTH, closing, opening, quorum, unlock
from keyturn.ceremony.script import Action, Script, ScriptKind, Step

RESTORE_DRILL = Script(
    ScriptKind.RESTORE_DRILL,
    1,
    "Restore drill",
    "Tries the backup and its custodians while nothing is lost. The keyholder and its token are"
    " not touched. A backup that was never opened is a hope, not a backup.",
    (
        opening(
            "Who is here",
            "This opens the backup as a restore would, on a throw-away token. Fetch the backup"
            " file from where it is kept, not from the keyholder's machine.",
        ),
        unlock(
            "unlock-backup",
            "Custodians open the backup",
            "As many backup custodians as the backup's scheme needs enter their shares. Take"
            " others than last time where you can: the drill is for them too.",
            Action.UNLOCK_BACKUP,
            BACKUP,
        ),
        Step(
            "prove-backup",
            "Prove the backup",
            "The KEK is restored into a throw-away token, its id is compared with the one in"
            " force, and a canary that the real KEK wrapped is opened there. Then the throw-away"
            " token is destroyed, and with it this copy of the KEK.",
            Action.PROVE_BACKUP,
            BOTH,
        ),
        closing(quorum(BACKUP)),
    ),
)

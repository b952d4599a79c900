"""Restore: the token is lost; its KEK comes back on a fresh one."""

from keyturn.ceremony.kinds.signing import (
    BACKUP,
    BOTH,
    CONTINUE_LOG,
    PINS,
    SIGN_KEYS,
    closing,
    each,
    hand_out,
    new_token,
    opening,
    preflight,
    prove_shares,
    quorum,
    unlock,
)
from keyturn.ceremony.script import Action, Script, ScriptKind, Step

RESTORE = Script(
    ScriptKind.RESTORE,
    1,
    "Restore",
    "Brings the KEK back from its backup on a fresh token after the old one was lost, and proves"
    " that a model sealed before the loss opens. New PINs, new shares, new ingest, log and result"
    " keys: only the KEK is the old one.",
    (
        opening(
            "Who is here",
            "The token is lost. This restores the KEK from the backup named in the restore"
            " statement, into the token named there, and nowhere else.",
            each(PINS),
        ),
        preflight("the fresh token"),
        new_token(
            "When both have signed, new PINs are made at random, split, sealed to each custodian"
            " and wiped. The fresh token is initialised with them when its KEK is restored, and"
            " with new ingest, log and result keys. Anything that was on it is lost then."
        ),
        hand_out(PINS),
        prove_shares(PINS),
        unlock(
            "unlock-backup",
            "Custodians open the backup",
            "As many backup custodians as the backup's scheme needs enter their shares.",
            Action.UNLOCK_BACKUP,
            BACKUP,
        ),
        Step(
            "restore-kek",
            "Restore the KEK",
            "The KEK in the backup must be the one that the restore statement names. The token is"
            " initialised with the PINs that the shares give, the KEK goes into it with the"
            " attributes of its profile, they are read back, and its id is computed again.",
            Action.RESTORE_KEK,
            BOTH,
        ),
        Step(
            "prove-restore",
            "Prove the restore",
            "A key that was wrapped before the loss is opened on this token. Only that proves"
            " that the right KEK is back. If it does not open, stop here: nothing uses this token"
            " yet.",
            Action.PROVE_RESTORE,
            BOTH,
        ),
        SIGN_KEYS,
        CONTINUE_LOG,
        closing(
            each(PINS),
            quorum(BACKUP),
            says="Should the lost token turn up again, do not use it: destroy it, and rotate the"
            " KEK if anybody may have opened it.",
        ),
    ),
)

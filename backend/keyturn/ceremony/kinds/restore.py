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
            "When both have signed, the fresh token is initialised under the label in the plan."
            " New PINs are made at random, set, split, sealed to each custodian and wiped; new"
            " ingest, log and result keys are made. No KEK is made: that comes from the backup."
            " Anything that was on this token is lost."
        ),
        hand_out(PINS),
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
            "The backup's digest is compared with the one in the restore statement. The KEK goes"
            " into the token with the attributes of its profile, they are read back, and its id"
            " must be the one that the statement names.",
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
        prove_shares(PINS),
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

"""Officer key loss: an officer's keys are out of the roster; what they held is shared anew."""

from keyturn.ceremony.kinds.custodian_change import (
    NEW_PINS,
    UNLOCK_SECURITY_OFFICER,
    UNLOCK_USER,
)
from keyturn.ceremony.kinds.signing import (
    BOTH,
    PINS,
    closing,
    each,
    hand_out,
    opening,
    prove_shares,
)
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

OFFICER_KEY_LOSS = Script(
    ScriptKind.OFFICER_KEY_LOSS,
    1,
    "Officer key loss",
    "An officer's keys were lost or may be in other hands. The roster has been changed already;"
    " this checks that the change is in force, and replaces the PINs, so that no share that was"
    " sealed to the lost key opens anything.",
    (
        opening(
            "Who is here",
            "The plan names the officer whose keys were lost. That officer's old keys sign"
            " nothing here.",
            each(PINS),
        ),
        Step(
            "check-roster",
            "The old keys are out of the roster",
            "The host looks the roster in force up and records its digest: none of the lost keys"
            " may stand in it, and where they were compromised it must say so. If the change is"
            " not in force, stop, propose it, and begin again.",
            Action.ATTEND,
            BOTH,
            (
                Entered(
                    "loss",
                    EnteredKind.TEXT,
                    "What was lost, when, and whether somebody else may have it",
                    Part.ADMINISTRATOR,
                ),
                Entered(
                    "roster",
                    EnteredKind.CONFIRM,
                    "My own program shows the changed roster as in force",
                    Part.WITNESS,
                ),
            ),
        ),
        UNLOCK_USER,
        UNLOCK_SECURITY_OFFICER,
        NEW_PINS,
        hand_out(PINS),
        prove_shares(PINS),
        closing(
            each(PINS),
            says="If that officer held a share of the backup secret, the backup may be opened"
            " with it: rotate the KEK, which makes a new backup, and destroy the old one.",
        ),
    ),
)

"""Genesis: an authority and its token come into being."""

from keyturn.ceremony.kinds.signing import (
    BOTH,
    EVERY,
    OFFICERS,
    READ_BACK,
    closing,
    each,
    hand_out,
    new_token,
    opening,
    preflight,
    prove_shares,
)
from keyturn.ceremony.script import Action, Attaches, Script, ScriptKind, Step

GENESIS = Script(
    ScriptKind.GENESIS,
    1,
    "Genesis",
    "Makes the token's keys, shares its PINs among custodians, signs the first roster and begins"
    " the log. Everything that Keyturn proves later rests on what happens here. It can be aborted"
    " at any step; then the token is worth nothing and nothing was founded.",
    (
        opening(
            "Who is here",
            "This founds a new authority with the officers, roles and thresholds of the plan.",
            each(EVERY),
        ),
        preflight("the token named in the plan"),
        new_token(
            "When both have signed, the token is initialised under the label in the plan. User PIN"
            " and security officer PIN are made at random, set, split into shares, sealed to each"
            " custodian and wiped: nobody ever sees a PIN. Then the KEK, the ingest key, the log"
            " key and the result key are made on the token with the attributes of the profile that"
            " the plan chose, and read back. Where the KEK is recoverable, the backup key is made,"
            " its secret is split, and the first backup is written."
            " Anything that was on the token is lost."
        ),
        hand_out(EVERY),
        prove_shares(EVERY),
        Step(
            "sign-founding",
            "Officers sign the first roster and the keys",
            "One officer proposes the roster of the plan and the statement that names the new"
            " keys; as many officers as the roster demands approve both. Compare what your own"
            " program shows with what is read aloud: every officer, every role, every threshold,"
            " every key id.",
            Action.SIGN_FOUNDING,
            (OFFICERS,),
            attaches=Attaches.STATEMENTS,
        ),
        Step(
            "found",
            "The log begins",
            "When both have signed, the log begins with the first roster, the keys and every"
            " record of this ceremony. The digest of the first roster is the authority's"
            " fingerprint: every officer writes it down, or takes it along in their own program."
            " Administrator and witness read the eight words back once more.",
            Action.FOUND,
            BOTH,
            (READ_BACK,),
        ),
        closing(each(EVERY)),
    ),
)

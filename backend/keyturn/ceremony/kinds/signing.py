"""Who signs what in more than one script, and what they enter there, as data."""

from keyturn.ceremony.script import (
    Action,
    Attaches,
    Entered,
    EnteredKind,
    Many,
    Part,
    ShareUse,
    Signers,
    Step,
)

USER, SO, BACKUP = (ShareUse.USER,), (ShareUse.SO,), (ShareUse.BACKUP,)
PINS = (ShareUse.USER, ShareUse.SO)
EVERY = (ShareUse.USER, ShareUse.SO, ShareUse.BACKUP)

ADMINISTRATOR = Signers(Part.ADMINISTRATOR)
WITNESS = Signers(Part.WITNESS)
SCRIBE = Signers(Part.SCRIBE)
OFFICERS = Signers(Part.OFFICER, Many.QUORUM)
BOTH = (ADMINISTRATOR, WITNESS)

READ_BACK = Entered(
    "phrase",
    EnteredKind.PHRASE,
    "The eight words that the administrator reads aloud",
    Part.WITNESS,
)
"""The witness types what is heard: it agrees only where both look at the same record."""


def each(shares: tuple[ShareUse, ...]) -> Signers:
    """Every custodian of these shares."""
    return Signers(Part.CUSTODIAN, Many.EACH, shares)


def quorum(shares: tuple[ShareUse, ...]) -> Signers:
    """As many custodians as the scheme of these shares needs."""
    return Signers(Part.CUSTODIAN, Many.QUORUM, shares)


def opening(title: str, says: str, *custodians: Signers) -> Step:
    """Who is there, and that all look at the same plan."""
    return Step(
        "open",
        title,
        says + " The administrator reads the eight words on the screen aloud; everybody compares"
        " them with their own screen, and the witness types what was heard. Sign when you are"
        " present and the people, the token and the script named here are the right ones.",
        Action.ATTEND,
        (ADMINISTRATOR, *custodians, WITNESS),
        (READ_BACK,),
    )


def closing(*custodians: Signers, says: str = "") -> Step:
    """Everybody signs the whole."""
    return Step(
        "close",
        "Close the ceremony",
        (says + " " if says else "")
        + "Read the transcript from the top. Each signature given now covers all of it: every"
        " step, who signed it, every exception and every failure. If something is missing or"
        " wrong, do not sign: the administrator or the witness records an exception first. The"
        " administrator reads the eight words aloud and the witness types what was heard.",
        Action.CLOSE,
        (ADMINISTRATOR, *custodians, SCRIBE, WITNESS),
        (READ_BACK,),
    )


def preflight(token: str) -> Step:
    return Step(
        "preflight",
        "Test the token",
        f"When administrator and witness have signed, {token} is tested: login, every mechanism"
        " by use, attributes, free space, clock, version. The report is kept and its digest is"
        " recorded. A red finding stops here. Amber findings are read aloud; whoever goes on"
        " with them signs the next step knowing them.",
        Action.PREFLIGHT,
        BOTH,
    )


def hand_out(shares: tuple[ShareUse, ...]) -> Step:
    return Step(
        "hand-out",
        "Custodians take their shares",
        "Each custodian, one after the other and alone: open your share on your own machine, or"
        " at this desk while all others look away. Write the words down in order on your sheet,"
        " compare each with the screen, then close the share. Nobody else may see or hear the"
        " words, and no picture is taken. If the sheet goes into a numbered bag, enter the"
        " number. What you sign is that you read the share alone and wrote it down.",
        Action.HAND_OUT,
        (each(shares),),
        (
            Entered(
                "read-alone",
                EnteredKind.CONFIRM,
                "I read my share alone; nobody else saw or heard it",
                Part.CUSTODIAN,
            ),
            Entered(
                "written-down",
                EnteredKind.CONFIRM,
                "I wrote all the words down and compared them",
                Part.CUSTODIAN,
            ),
            Entered(
                "bag",
                EnteredKind.BAG,
                "Number of the bag that the sheet went into (if two sheets: both numbers)",
                Part.CUSTODIAN,
                required=False,
            ),
        ),
    )


def prove_shares(shares: tuple[ShareUse, ...]) -> Step:
    return Step(
        "prove-shares",
        "Prove every share",
        "Each custodian types the share from the sheet, not from the screen, and signs. The host"
        " checks it against the check value. A share that is not proved now is a share that may"
        " be missing on the day it is needed: no custodian is left out. The witness signs last,"
        " when all are proved.",
        Action.PROVE_SHARES,
        (each(shares), WITNESS),
        attaches=Attaches.SHARE,
    )


def unlock(step: str, title: str, says: str, action: Action, shares: tuple[ShareUse, ...]) -> Step:
    """Custodians enter shares; the witness, who sees that they are enough, signs last."""
    return Step(
        step,
        title,
        says + " Each custodian types the words of their share on their own machine, or alone at"
        " this desk. The shares meet only in the host's memory, at the moment of use, and are"
        " wiped then. The witness signs when enough custodians have.",
        action,
        (quorum(shares), WITNESS),
        attaches=Attaches.SHARE,
    )


def new_token(says: str) -> Step:
    return Step(
        "make-token",
        "Make the token's keys",
        says,
        Action.MAKE_TOKEN,
        BOTH,
    )


SIGN_KEYS = Step(
    "sign-keys",
    "Officers sign the new keys",
    "The keys on the new token are public from here on: one officer proposes the statement that"
    " names them, and as many as the roster demands approve it. Compare the key ids that your own"
    " program shows with those read aloud. Nothing uses the new keys before the quorum is there.",
    Action.SIGN_KEYS,
    (OFFICERS,),
    attaches=Attaches.STATEMENTS,
)

CONTINUE_LOG = Step(
    "continue-log",
    "The log goes on",
    "The same log goes on under the new token's log key: same entries, same numbers. Administrator"
    " and witness compare size and root with the last checkpoint that the witness has seen. A log"
    " that is shorter than that, or another one, is not continued.",
    Action.CONTINUE_LOG,
    BOTH,
    (
        Entered(
            "checkpoint",
            EnteredKind.CONFIRM,
            "The log goes on from the last checkpoint that I have seen, or a later one",
            Part.WITNESS,
        ),
    ),
)

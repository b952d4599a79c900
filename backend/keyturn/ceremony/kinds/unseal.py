"""Unseal: a restarted keyholder's token is opened by custodians."""

from keyturn.ceremony.kinds.signing import ADMINISTRATOR, SCRIBE, USER, WITNESS, quorum
from keyturn.ceremony.script import Action, Attaches, Script, ScriptKind, Step

UNSEAL = Script(
    ScriptKind.UNSEAL,
    1,
    "Unseal",
    "Opens the keyholder's token after a restart. No model's key is released before that, and no"
    " single custodian can do it.",
    (
        Step(
            "unlock",
            "Custodians enter their shares",
            "Before you type anything, your program checks that this keyholder belongs to your"
            " authority, that its key for this start is signed, and that its log goes on from"
            " what you have seen; read what it says. Then type the words of your share. If your"
            " program cannot check the keyholder, only a person who stands at that machine can"
            " know it is the right one. The token opens with the last share that is needed, and"
            " releases begin again.",
            Action.UNLOCK,
            (quorum(USER),),
            attaches=Attaches.SHARE,
        ),
        Step(
            "close",
            "Close the ceremony",
            "Read who entered a share and when. Custodians put their sheets back where they"
            " belong, in a new bag if the old one was opened. The signatures given now cover the"
            " whole transcript.",
            Action.CLOSE,
            (ADMINISTRATOR, SCRIBE, WITNESS),
        ),
    ),
)

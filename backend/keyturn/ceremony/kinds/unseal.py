"""Unseal: a restarted keyholder's token is opened by custodians."""

from keyturn.ceremony.kinds.signing import USER, quorum
from keyturn.ceremony.script import (
    Action,
    Attaches,
    Entered,
    EnteredKind,
    Part,
    Script,
    ScriptKind,
    Step,
)

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
            " releases begin again. Then put your sheet back where it belongs, in a new bag if"
            " the old one was opened.",
            Action.UNLOCK,
            (quorum(USER),),
            (
                Entered(
                    "size",
                    EnteredKind.TEXT,
                    "Entries of the log as you saw it last; your program fills it in",
                    Part.CUSTODIAN,
                ),
                Entered(
                    "root",
                    EnteredKind.TEXT,
                    "Its root hash; your program fills it in",
                    Part.CUSTODIAN,
                ),
            ),
            Attaches.SHARE,
        ),
    ),
)

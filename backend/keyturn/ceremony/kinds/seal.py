"""Seal: the token is closed at once."""

from keyturn.ceremony.kinds.signing import ADMINISTRATOR
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

SEAL = Script(
    ScriptKind.SEAL,
    1,
    "Seal",
    "Closes the keyholder's token at once. Use it when something is wrong: it stops every release"
    " until custodians unseal again. It destroys nothing.",
    (
        Step(
            "seal",
            "Seal the keyholder",
            "With one signature, an administrator's or a custodian's, this is recorded, and the"
            " token is closed. From then on no key is released and no lease is renewed: nodes go"
            " on only until their leases end. To open it again, as many custodians as the user PIN"
            " needs must come. One signature is enough, because stopping must be quick.",
            Action.SEAL,
            (ADMINISTRATOR,),
            (
                Entered(
                    "why",
                    EnteredKind.TEXT,
                    "Why it is sealed, in one sentence",
                    Part.ADMINISTRATOR,
                ),
            ),
        ),
    ),
)

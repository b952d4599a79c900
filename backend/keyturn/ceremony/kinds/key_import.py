"""Key import: a KEK that another HSM holds comes into this token."""

from keyturn.ceremony.kinds.signing import BOTH, closing, opening, preflight
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

MAKE_TRANSPORT_KEY = Step(
    "make-transport-key",
    "Make the transport key",
    "A key pair is made on the receiving token for this one transport. Its public half and its id"
    " are read aloud and compared at the sending HSM: whoever can swap it there gets the KEK.",
    Action.MAKE_TRANSPORT_KEY,
    BOTH,
)
PROVE_IMPORT = Step(
    "prove-import",
    "Prove the key",
    "A key that was wrapped before is opened on the receiving token. Only that proves that the"
    " right KEK arrived.",
    Action.PROVE_RESTORE,
    BOTH,
)

KEY_IMPORT = Script(
    ScriptKind.KEY_IMPORT,
    2,
    "Key import",
    "Brings a KEK from another HSM into this token, wrapped to a key that never leaves it. An"
    " imported key cannot be proved never to have been outside an HSM: it is shown as imported"
    " for good.",
    (
        opening(
            "Who is here",
            "This takes in a key that was made elsewhere. What its makers say of its past is"
            " their word.",
        ),
        preflight("the receiving token"),
        MAKE_TRANSPORT_KEY,
        Step(
            "carry",
            "Wrap the key at the other HSM",
            "At the other HSM its own people wrap the key to the transport key. Before they do,"
            " administrator and witness compare the transport key's id with the one in this"
            " record. The wrapped key is brought here as a file. In a rehearsal there is no other"
            " HSM: the host makes a throw-away token that stands for it, with a KEK of its own,"
            " wraps that KEK to the transport key, and destroys the token.",
            Action.ATTEND,
            BOTH,
            (
                Entered(
                    "origin",
                    EnteredKind.TEXT,
                    "Which HSM the key comes from: maker, serial number, who wrapped it",
                    Part.ADMINISTRATOR,
                ),
                Entered(
                    "compared",
                    EnteredKind.CONFIRM,
                    "I compared the transport key's id at the other HSM",
                    Part.WITNESS,
                ),
            ),
        ),
        Step(
            "import-kek",
            "Import the KEK",
            "Only the KEK that the statement names comes in. The token unwraps the file with the"
            " transport key and keeps the KEK with the"
            " attributes of the profile that the plan chose; they are read back. The transport"
            " key is destroyed.",
            Action.IMPORT_KEK,
            BOTH,
        ),
        PROVE_IMPORT,
        closing(),
    ),
)

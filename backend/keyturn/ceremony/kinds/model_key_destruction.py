"""Model key destruction: a model's key is destroyed, as far as Keyturn reaches."""

from keyturn.ceremony.kinds.signing import ADMINISTRATOR, WITNESS, closing, opening
from keyturn.ceremony.script import Action, Entered, EnteredKind, Part, Script, ScriptKind, Step

MODEL_KEY_DESTRUCTION = Script(
    ScriptKind.MODEL_KEY_DESTRUCTION,
    1,
    "Model key destruction",
    "Deletes a model's wrapped key and enters in the log that no key of that model is released,"
    " admitted or wrapped again, ever. It cannot prove that no copy is left elsewhere.",
    (
        opening(
            "Who is here, and what this cannot prove",
            "This ends a model for good. What it proves: this keyholder will never release that"
            " key again. What it cannot prove: a copy of the wrapped key in a backup of the"
            " database, or the file keyturn.key beside the sealed model, can still be opened by"
            " whoever has the KEK or the ingest key, as long as these exist. A node that holds"
            " the model now keeps it until its lease ends. What helps: destroy those copies, and"
            " rotate the KEK with the old one, its backups and their shares destroyed.",
        ),
        Step(
            "destroy-model-key",
            "Destroy the model's key",
            "Read the model's name and digest aloud from your own program; it must be the one"
            " that the plan concerns. When both have signed, the wrapped key is deleted and the"
            " destruction is entered in the log. This cannot be undone.",
            Action.DESTROY_MODEL_KEY,
            (ADMINISTRATOR, WITNESS),
            (
                Entered(
                    "right-model",
                    EnteredKind.CONFIRM,
                    "The digest that I read is the one that the plan concerns",
                    Part.ADMINISTRATOR,
                ),
                Entered(
                    "copies",
                    EnteredKind.TEXT,
                    "What happens to copies: database backups, keyturn.key files, sealed models",
                    Part.ADMINISTRATOR,
                ),
                Entered(
                    "limits",
                    EnteredKind.CONFIRM,
                    "I know what this cannot prove",
                    Part.WITNESS,
                ),
            ),
        ),
        closing(),
    ),
)

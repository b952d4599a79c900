"""The scripts, one module per kind of ceremony (our protocol §10.1)."""

from collections.abc import Mapping
from types import MappingProxyType

from keyturn.ceremony.kinds.backup import BACKUP
from keyturn.ceremony.kinds.custodian_change import CUSTODIAN_CHANGE
from keyturn.ceremony.kinds.genesis import GENESIS
from keyturn.ceremony.kinds.hsm_replacement import HSM_REPLACEMENT
from keyturn.ceremony.kinds.kek_rotation import KEK_ROTATION
from keyturn.ceremony.kinds.key_import import KEY_IMPORT
from keyturn.ceremony.kinds.model_key_destruction import MODEL_KEY_DESTRUCTION
from keyturn.ceremony.kinds.officer_key_loss import OFFICER_KEY_LOSS
from keyturn.ceremony.kinds.restore import RESTORE
from keyturn.ceremony.kinds.restore_drill import RESTORE_DRILL
from keyturn.ceremony.kinds.seal import SEAL
from keyturn.ceremony.kinds.unseal import UNSEAL
from keyturn.ceremony.script import Script, ScriptKind

SCRIPTS: Mapping[ScriptKind, Script] = MappingProxyType(
    {
        each.kind: each
        for each in (
            GENESIS,
            UNSEAL,
            SEAL,
            KEK_ROTATION,
            BACKUP,
            RESTORE,
            RESTORE_DRILL,
            CUSTODIAN_CHANGE,
            OFFICER_KEY_LOSS,
            MODEL_KEY_DESTRUCTION,
            KEY_IMPORT,
            HSM_REPLACEMENT,
        )
    }
)
"""Of this release. A transcript brings the script that it followed."""


def is_known(script: Script) -> bool:
    """Whether it is this release's. Another one of the same kind may ask fewer people for less:
    that all whom it names have signed says little to who has not read it."""
    return SCRIPTS[script.kind].digest == script.digest

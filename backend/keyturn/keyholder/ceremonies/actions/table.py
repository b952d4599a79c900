"""Which action is done how, which ceremony is taken back how, and which files a host serves."""

from collections.abc import Mapping

from keyturn.ceremony.facts import Attended, Facts, Nothing
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.keyholder.ceremonies.actions import (
    backups,
    destruction,
    founding,
    moving,
    newkeys,
    opening,
    pins,
    preflighting,
    restoring,
    rotation,
)
from keyturn.keyholder.ceremonies.doing import Act, Doing, Undo


def _attend(doing: Doing) -> Facts:
    if doing.plan.kind is ScriptKind.KEY_IMPORT:
        return moving.carried(doing)
    return Attended()


def _close(_: Doing) -> Facts:
    return Nothing()


ACTS: Mapping[Action, Act] = {
    Action.ATTEND: Act(_attend),
    Action.PREFLIGHT: preflighting.PREFLIGHT_ACT,
    Action.MAKE_TOKEN: founding.MAKE_TOKEN,
    Action.HAND_OUT: founding.HAND_OUT,
    Action.PROVE_SHARES: founding.PROVE_SHARES,
    Action.SIGN_FOUNDING: founding.SIGN_FOUNDING,
    Action.FOUND: founding.FOUND,
    Action.UNLOCK: opening.UNLOCK,
    Action.UNLOCK_SO: opening.UNLOCK_SO,
    Action.UNLOCK_BACKUP: opening.UNLOCK_BACKUP,
    Action.SEAL: opening.SEAL,
    Action.BACK_UP: backups.BACK_UP,
    Action.PROVE_BACKUP: backups.PROVE_BACKUP,
    Action.RESTORE_KEK: restoring.RESTORE_KEK,
    Action.PROVE_RESTORE: moving.PROVE,
    Action.MAKE_TRANSPORT_KEY: moving.MAKE_TRANSPORT_KEY,
    Action.IMPORT_KEK: moving.IMPORT_KEK,
    Action.SIGN_KEYS: newkeys.SIGN_KEYS,
    Action.CONTINUE_LOG: newkeys.CONTINUE_LOG,
    Action.DESTROY_MODEL_KEY: destruction.DESTROY_MODEL_KEY,
    Action.NEW_PINS: pins.NEW_PINS,
    Action.MAKE_KEK: rotation.MAKE_KEK,
    Action.REWRAP: rotation.REWRAP,
    Action.RETIRE_KEK: rotation.RETIRE_KEK,
    Action.DESTROY_KEK: moving.DESTROY_KEK,
    Action.CLOSE: Act(_close),
}

UNDOS: Mapping[ScriptKind, Undo] = {
    ScriptKind.GENESIS: founding.take_back,
    ScriptKind.RESTORE: restoring.take_back,
    ScriptKind.HSM_REPLACEMENT: restoring.take_back,
}

"""Facts as documents: names in the protocol's order, and no secret."""

import pytest

from keyturn.base.encoding import b64
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.facts import Failed, Opened
from keyturn.ceremony.script import Action
from support.ceremonies import TOKEN
from unit.ceremony.every_fact import EVERY, SETS

NAMES = {
    Action.ATTEND: ["roster", "file"],
    Action.PREFLIGHT: ["report", "level", "token", "remarks"],
    Action.MAKE_TOKEN: ["token", "keys", "share_sets", "backup"],
    Action.PROVE_SHARES: ["proved"],
    Action.SIGN_FOUNDING: ["statements"],
    Action.SIGN_KEYS: ["statements"],
    Action.FOUND: ["authority", "origin", "size", "root"],
    Action.CONTINUE_LOG: ["authority", "origin", "size", "root"],
    Action.UNLOCK: ["use", "id", "officers"],
    Action.UNLOCK_SO: ["use", "id", "officers"],
    Action.UNLOCK_BACKUP: ["use", "id", "officers"],
    Action.MAKE_KEK: ["key", "replaces"],
    Action.REWRAP: ["old", "new", "total", "rewrapped", "already"],
    Action.RETIRE_KEK: ["kek"],
    Action.DESTROY_KEK: ["kek"],
    Action.BACK_UP: ["kek", "backup"],
    Action.PROVE_BACKUP: ["backup", "kek", "token"],
    Action.RESTORE_KEK: ["backup", "key"],
    Action.PROVE_RESTORE: ["kek", "canary", "models"],
    Action.NEW_PINS: ["share_sets"],
    Action.DESTROY_MODEL_KEY: ["model", "wrapped"],
    Action.MAKE_TRANSPORT_KEY: ["key"],
    Action.IMPORT_KEK: ["key", "transport"],
    Action.HAND_OUT: [],
    Action.SEAL: [],
    Action.CLOSE: [],
}


@pytest.mark.parametrize("action", Action)
def test_names_of_the_facts(action: Action) -> None:
    assert list(EVERY[action].document()) == NAMES[action]


def test_what_opens_and_what_failed() -> None:
    opened = Opened(b"{}", "keyturn", "a host", TOKEN, SETS)
    assert list(opened.document()) == ["script", "software", "host", "token", "custody"]
    assert opened.document()["script"] == b64(b"{}")
    failed = Failed(CeremonyReason.LOCKED, "a", "b", "c")
    assert failed.document() == {"reason": "locked", "found": "a", "expected": "b", "left": "c"}

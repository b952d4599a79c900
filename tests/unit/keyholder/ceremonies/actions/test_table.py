"""Every action of every script that this host holds is in the table."""

from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.keyholder.ceremonies.actions.table import ACTS, UNDOS

MOVES = {ScriptKind.KEY_IMPORT, ScriptKind.HSM_REPLACEMENT}
NOT_YET = {Action.MAKE_TRANSPORT_KEY, Action.IMPORT_KEK}


def test_every_action_is_done_somehow() -> None:
    assert set(Action) - set(ACTS) == NOT_YET
    for kind, script in SCRIPTS.items():
        missing = {each.action for each in script.steps} - set(ACTS)
        assert bool(missing) is (kind in MOVES), kind


def test_what_makes_a_token_is_taken_back() -> None:
    assert set(UNDOS) >= {ScriptKind.GENESIS, ScriptKind.RESTORE}


def test_each_act_says_what_a_failure_leaves() -> None:
    assert all(each.left for each in ACTS.values())

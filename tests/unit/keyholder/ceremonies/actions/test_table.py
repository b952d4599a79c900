"""Every action of every script that this host holds is in the table."""

from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Action
from keyturn.keyholder.ceremonies.actions.table import ACTS, UNDOS


def test_every_action_is_done_somehow() -> None:
    assert set(ACTS) == set(Action)
    for kind, script in SCRIPTS.items():
        assert {each.action for each in script.steps} <= set(ACTS), kind


def test_what_makes_a_token_is_taken_back() -> None:
    makes = {
        kind
        for kind, script in SCRIPTS.items()
        if any(each.action is Action.MAKE_TOKEN for each in script.steps)
    }
    assert set(UNDOS) == makes


def test_each_act_says_what_a_failure_leaves() -> None:
    assert all(each.left for each in ACTS.values())

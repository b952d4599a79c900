"""Of which share sets a step's shares are."""

from dataclasses import replace

import pytest

from keyturn.ceremony.custody import CHANGES_PINS, UNLOCKS, opening_sets, step_sets
from keyturn.ceremony.script import Action, ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet
from unit.ceremony.share_sets import deal

OLD = tuple(deal(use).set for use in ShareUse)
NEW = tuple(deal(use).set for use in (ShareUse.USER, ShareUse.SO))
MAKES = (ScriptKind.GENESIS, ScriptKind.RESTORE, ScriptKind.HSM_REPLACEMENT)


def named(sets: tuple[ShareSet, ...]) -> dict[ShareUse, ShareSet]:
    found = {each.use: each for each in sets}
    assert len(found) == len(sets)  # none stands beside another of its use
    return found


@pytest.mark.parametrize("kind", MAKES)
def test_a_new_token_is_opened_by_the_shares_that_were_dealt_for_it(kind: ScriptKind) -> None:
    old, new = named(OLD), named(NEW)
    assert named(opening_sets(kind, OLD, NEW)) == {**old, **new}
    assert named(opening_sets(kind, OLD, ())) == old
    assert named(opening_sets(kind, (), NEW)) == new


@pytest.mark.parametrize("kind", sorted(CHANGES_PINS, key=str))
def test_new_pins_open_nothing_before_they_are_proved(kind: ScriptKind) -> None:
    assert opening_sets(kind, OLD, NEW) == OLD
    assert step_sets(kind, Action.PROVE_SHARES, OLD, NEW) == NEW


@pytest.mark.parametrize("action", sorted(UNLOCKS, key=str))
def test_steps_that_open_something_ask_for_old_shares(action: Action) -> None:
    kind = ScriptKind.HSM_REPLACEMENT
    assert step_sets(kind, action, OLD, NEW) == OLD
    assert step_sets(ScriptKind.GENESIS, action, (), NEW) == NEW


def test_any_other_step_asks_for_what_opens() -> None:
    for action in set(Action) - UNLOCKS - {Action.PROVE_SHARES}:
        kind = ScriptKind.RESTORE
        assert step_sets(kind, action, OLD, NEW) == opening_sets(kind, OLD, NEW)


def test_nothing_is_mixed_into_a_set() -> None:
    changed = replace(NEW[0], identifier=NEW[0].identifier ^ 1)
    assert named(opening_sets(ScriptKind.RESTORE, OLD, (changed,)))[ShareUse.USER] is changed

"""A policy with everything that it names: made of statements in force, by name and by digest."""

from dataclasses import FrozenInstanceError

import pytest

from unit.policy.rulebook import BASELINE, FIRMWARE, POLICY, rules


def test_each_part_keeps_the_digest_of_the_statement_that_set_it() -> None:
    made = rules()
    assert made.policy_digest == POLICY
    assert made.baselines["firmware"] == (FIRMWARE, BASELINE)
    assert set(made.baselines) == set(made.policy.baselines)


def test_rules_are_not_changed_while_they_are_judged_by() -> None:
    made = rules()
    with pytest.raises(FrozenInstanceError):
        made.policy = made.policy  # type: ignore[misc]

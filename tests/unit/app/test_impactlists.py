"""Which groups of a long impact stand open, and how many models are named."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.base.encoding import Digest
from keyturn.policy.impact import Group
from keyturn_app.impact import GroupLines, ImpactView, ModelLine
from keyturn_app.impactlists import model_lines, opened_groups

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def lines_of(group: Group, count: int) -> GroupLines:
    return GroupLines(group, group.value, "x", "danger", count, (), 0)


@pytest.mark.parametrize(
    ("newly", "loses", "opened"),
    [
        (3, 300, {Group.NEWLY, Group.LOSES}),
        (400, 300, {Group.LOSES}),  # its title does not stand 400 lines further down
        (400, 0, {Group.NEWLY}),
        (0, 300, {Group.LOSES}),
        (2, 2, {Group.NEWLY, Group.LOSES}),
    ],
)
def test_no_long_list_hides_who_loses_keys(newly: int, loses: int, opened: set[Group]) -> None:
    counts = {Group.NEWLY: newly, Group.LOSES: loses, Group.KEEPS: 9000}
    groups = [lines_of(group, count) for group, count in counts.items() if count]
    assert opened_groups(groups) == opened


def test_models_beyond_the_first_are_counted() -> None:
    every = tuple(ModelLine(f"model {each} goes dark", "octagon-x", "danger") for each in range(9))
    shown = ImpactView((), (), every, (), Digest("sha256:" + "ab" * 32), NOW, 1)
    assert [each.text for each in model_lines(shown)][-2:] == [
        "model 5 goes dark",
        "and 3 more models: see the document",
    ]
    assert model_lines(replace(shown, models=every[:6])) == every[:6]
    assert model_lines(None) == ()

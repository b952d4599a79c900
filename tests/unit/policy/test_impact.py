"""Totals of an impact."""

from keyturn.policy.impact import Group, ModelImpact
from keyturn.policy.preview import preview
from keyturn.quorum.tee_rules import Tee
from unit.policy.test_preview import AT, fleet


def test_totals_are_of_all_groups() -> None:
    here = fleet()
    nodes = [here.node(each) for each in range(3)]
    impact = preview(here.policy(), here.state, nodes, AT, here.now)

    assert impact.counts == {group: 3 * (group is Group.KEEPS) for group in Group}
    assert impact.by_tee == {Tee.SNP: impact.counts}
    assert impact.by_site == {None: impact.counts}
    assert [each.node for each in impact.of(Group.KEEPS)] == ["node-0", "node-1", "node-2"]
    assert impact.of(Group.NEWLY) == ()


def test_a_model_is_dark_only_if_it_was_served() -> None:
    model = fleet().desk.digest
    assert ModelImpact(model, None, 1, 0, 0).goes_dark
    assert not ModelImpact(model, None, 0, 0, 3).goes_dark
    assert ModelImpact(model, None, 0, 1, 0).newly_served

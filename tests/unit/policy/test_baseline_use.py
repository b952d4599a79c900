"""What rests on a baseline, and when it ends."""

from dataclasses import replace
from datetime import timedelta

from keyturn.policy.baseline_use import (
    endings,
    endings_in_force,
    name_of,
    nodes_resting,
    origins,
    policies_naming,
    rests_on,
)
from keyturn.policy.capturing import Choices, captured
from keyturn.quorum.reference_bodies import ReferenceValues
from support.golden import NOW, observed, shown, snp_and_gpus
from unit.keyrelease.release_desk import Desk
from unit.policy.test_baseline_document import whole

UNTIL = NOW + timedelta(days=3)


def golden() -> ReferenceValues:
    return captured(observed(shown()), obtained=NOW, until=UNTIL, choices=Choices())


def test_the_parts_of_a_node_that_a_baseline_has() -> None:
    found = shown()
    cpu, gpus = snp_and_gpus()
    assert rests_on(golden(), found) == ("snp", "gpu")
    other = replace(cpu, report=replace(cpu.report, measurement=bytes(48)))
    assert rests_on(golden(), replace(found, cpu=other)) == ("gpu",)
    newer = replace(gpus[0], driver="600")
    assert rests_on(golden(), replace(found, gpus=(newer,))) == ("snp",)


def test_only_genuine_nodes_rest_on_anything() -> None:
    nodes = [observed(shown(), "b"), observed(None, "gone"), observed(shown(), "a")]
    assert [each.node for each in nodes_resting(golden(), nodes)] == ["a", "b"]
    assert nodes_resting(ReferenceValues({}, ()), nodes) == ()


def test_values_end_in_their_order() -> None:
    found = endings(whole())
    assert [each.until for each in found] == [NOW + timedelta(days=1)]
    assert len(endings(golden())) == 2
    assert {each.until for each in endings(golden())} == {UNTIL}


def test_every_value_has_a_name() -> None:
    names = [what for what, _ in origins(whole())]
    assert len(set(names)) == len(names) == 5
    assert name_of(whole().gpu[0]).startswith("GPU GH100, driver ")


def test_policies_and_ends_of_what_is_in_force() -> None:
    desk = Desk()
    state, now = desk.log.state, desk.clock()
    named = policies_naming(state, "firmware", now)
    assert [each.statement.subject for each in named] == ["serving"]
    assert policies_naming(state, "no-such", now) == ()
    assert ("firmware", "the baseline") in {
        (subject, each.what) for subject, each in endings_in_force(state, now)
    }

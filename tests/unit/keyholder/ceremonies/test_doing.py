"""What an action is given: the facts of steps before, and the shares that were opened."""

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import Action, ShareUse
from keyturn.keyholder.ceremonies.doing import Act, Doing, nothing, nowhere
from support.ceremonies_host import InProcess, Table


@pytest.fixture
def doing(table: Table, door: InProcess) -> Doing:
    table.step()
    hosting = door.host._hosting
    return hosting.doing(hosting.find(table.ceremony))


def test_the_facts_of_a_step_before_are_found_by_its_action(doing: Doing) -> None:
    assert doing.facts_of(Action.ATTEND) == {"roster": None, "file": None}
    assert doing.facts_of(Action.FOUND) is None
    assert doing.step.id == "preflight"
    assert doing.plan_digest == doing.course.signed_plan.digest
    assert doing.roster is doing.course.roster
    assert doing.records == doing.course.records
    assert doing.now() >= doing.records[-1].time


@pytest.mark.parametrize("use", ShareUse)
def test_shares_that_nobody_entered_are_not_held(doing: Doing, use: ShareUse) -> None:
    with pytest.raises(CeremonyRefused, match="not enough shares"):
        doing.held(use)


def test_an_act_needs_nothing_unless_it_says_so(doing: Doing) -> None:
    act = Act(lambda _: doing)  # type: ignore[arg-type, return-value]
    assert (act.token, act.fresh, act.holds(doing.plan), act.keeps(doing.plan)) == (
        False,
        False,
        (),
        (),
    )
    assert nothing(doing.plan) == ()
    nowhere("here")

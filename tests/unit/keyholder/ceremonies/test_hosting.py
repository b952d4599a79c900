"""What the parts of a host share."""

import pytest

from keyturn.base.errors import NotFoundError
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.facts import Nothing
from keyturn.ceremony.script import Action, ShareUse
from keyturn.keyholder.ceremonies.doing import Act
from keyturn.keyholder.ceremonies.hosting import Hosting
from keyturn.wire.ceremonies import Progress
from support.ceremonies import Cast, genesis_plan, share_sets
from support.ceremonies_host import InProcess, Table


@pytest.fixture
def hosting(table: Table, door: InProcess) -> Hosting:
    assert table.ceremony
    return door.host._hosting


def test_ceremonies_are_found_by_their_names(hosting: Hosting) -> None:
    assert hosting.find("genesis-1").id == "genesis-1"
    with pytest.raises(NotFoundError):
        hosting.find("another")


def test_one_action_is_done_at_a_time(hosting: Hosting) -> None:
    hosting.check_idle()
    hosting.acting = "genesis-1"
    with pytest.raises(CeremonyRefused):
        hosting.check_idle()


def test_what_a_step_needs_and_is_not_there(hosting: Hosting) -> None:
    running = hosting.find("genesis-1")
    assert hosting.unmet(running) == ()
    facts = hosting.act(running.course.step).do  # type: ignore[arg-type]
    hosting.acts = {
        Action.ATTEND: Act(
            facts, token=True, fresh=True, holds=lambda _: (ShareUse.SO, ShareUse.USER)
        )
    }
    assert hosting.unmet(running) == (ShareUse.SO, ShareUse.USER)


def test_progress_is_told_while_a_step_is_done(hosting: Hosting) -> None:
    running = hosting.find("genesis-1")
    doing = hosting.doing(running)
    doing.report(Progress(1, 2, "half"))
    assert running.progress == Progress(1, 2, "half")
    assert hosting.entering(running).entered == ()
    assert hosting.reopening(running) is hosting.reopening(running)


def test_what_is_locked_again_is_asked_for_again(hosting: Hosting) -> None:
    """Another ceremony's end lets go of the token: its shares of before were used."""
    running = hosting.find("genesis-1")
    user = next(each for each in share_sets(genesis_plan(Cast())) if each.use is ShareUse.USER)
    running.custody = (user,)
    hosting.acts = {Action.ATTEND: Act(lambda _: Nothing(), token=True)}
    officer = user.members[0].officer
    assert hosting.reopening(running).uses_of(officer) == (ShareUse.USER,)
    hosting.reopening(running).part_of((user,))
    assert hosting.reopening(running).uses_of(officer) == (ShareUse.USER,)

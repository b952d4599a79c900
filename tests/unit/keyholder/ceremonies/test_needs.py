"""What must be open before a step."""

from dataclasses import replace

import pytest

from keyturn.ceremony.facts import Nothing
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.keyholder.ceremonies.doing import Act
from keyturn.keyholder.ceremonies.needs import Need, Opens, needs_of, sets_that_open
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.sharing import SETS, sets_document
from keyturn.keyholder.ceremonies.site import Site
from support.ceremonies import Cast, genesis_plan, share_sets
from support.ceremonies_host import InProcess, Table

SETS_OF = {each.use: each for each in share_sets(genesis_plan(Cast()))}
OLD, SO = SETS_OF[ShareUse.USER], SETS_OF[ShareUse.SO]
NEW = replace(OLD, identifier=OLD.identifier ^ 1)


@pytest.fixture
def running(table: Table, door: InProcess) -> Running:
    """As a ceremony that replaces a token, once it has dealt new user shares."""
    found = door.host._hosting.find(table.ceremony)
    found.custody = (OLD, SO)
    found.files.keep(SETS, sets_document((NEW,)))
    plan = replace(found.course.plan, kind=ScriptKind.HSM_REPLACEMENT)
    signed = replace(found.course.signed_plan, plan=plan)
    found.course = replace(found.course, signed_plan=signed)
    return found


def needs(running: Running, site: Site, act: Act) -> tuple[Need, ...]:
    assert running.course.step is not None
    return needs_of(site, act, running.course.step, running)


def test_what_was_dealt_comes_before_what_stood(running: Running) -> None:
    assert sets_that_open(running) == (NEW, SO)


def test_a_need_names_whose_shares_meet_it(running: Running, door: InProcess) -> None:
    """Two tokens, and two sets of user shares: what opens one is no try at the other."""
    pins = (ShareUse.USER, ShareUse.SO)
    act = Act(lambda _: Nothing(), holds=lambda _: pins, holds_old=True, fresh_pin=True)
    assert needs(running, door.host.site, act) == (
        Need(ShareUse.USER, Opens.HELD, (OLD,)),
        Need(ShareUse.SO, Opens.HELD, (SO,)),
        Need(ShareUse.USER, Opens.FRESH_PIN, (NEW,)),
    )


def test_nothing_is_needed_for_nothing(running: Running, door: InProcess) -> None:
    assert needs(running, door.host.site, Act(lambda _: Nothing())) == ()

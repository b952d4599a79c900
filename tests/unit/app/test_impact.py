"""A draft's impact in words, and how it is asked for: over evidence that is verified here."""

from dataclasses import dataclass
from typing import cast

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import JsonObject
from keyturn.client.client import KeyturnClient
from keyturn.client.evidence import NO_COLLATERAL, Collateral, FleetEvidence
from keyturn.client.profile import Profile
from keyturn.client.seen import Seen
from keyturn.officerkeys.location import InKeyring
from keyturn.policy.drafts import Draft, draft_of_body
from keyturn.policy.impact import Group
from keyturn.quorum.kinds import Kind
from keyturn.wire.tls import Pin
from keyturn_app.desk import Identity
from keyturn_app.impact import (
    ImpactService,
    MakeDraft,
    Phase,
    group_look,
    group_word,
    impact_view,
    simulated_text,
)
from support.authority import policy_body
from support.desks import InlineDesk
from unit.client.test_evidence import Fleet, fleet
from unit.client.test_examination import seen
from unit.policy.test_preview import fleet as nodes

__all__ = ["fleet"]


def drafting(**fields: object) -> MakeDraft:
    def make(state: object, now: object) -> Draft:
        body = cast(JsonObject, policy_body(**fields))
        return draft_of_body(Kind.POLICY, "serving", body, state, now)  # type: ignore[arg-type]

    return make


@dataclass
class Client:
    """What of the client is asked; the evidence is verified by the real parts."""

    fleet: Fleet

    def seen(self) -> Seen:
        return seen(self.fleet.desk)

    @property
    def fleet_evidence(self) -> FleetEvidence:
        return self.fleet.evidence

    def collateral_at_hand(self) -> Collateral:
        return NO_COLLATERAL


@dataclass
class Here:
    desk: InlineDesk
    service: ImpactService
    told: list[Phase]


@pytest.fixture
def here(fleet: Fleet) -> Here:
    profile = Profile("https://here", Pin("00"), Digest("sha256:00"), "ada", InKeyring(""))
    who = Identity(profile, "test", "ada", "Ada", locked=False)
    desk = InlineDesk(who, cast(KeyturnClient, Client(fleet)), fleet.desk.clock)
    told: list[Phase] = []
    service = ImpactService(desk, lambda: told.append(service.simulation.phase))
    return Here(desk, service, told)


# ---- in words ----


def test_the_dangerous_direction_comes_first_with_a_sign() -> None:
    one, two = nodes().node(0, gpus=1), nodes().node(1, gpus=2)
    view = impact_view(nodes().impact(nodes().policy(gpu={"count": 2}), one, two))

    assert [(each.id, each.figure) for each in view.tiles] == [
        ("newly-gets-keys", "+1"),
        ("loses-keys", "−1"),
        ("not-measurable", "0"),
        ("unchanged", "0"),
    ]
    assert [each.group for each in view.groups] == [Group.NEWLY, Group.LOSES]
    (check,) = view.groups[1].nodes[0].checks
    assert (check.found, check.expected) == ("1", "2")
    assert view.sites[0].counts == ("+1", "−1", "0", "0")


def test_a_model_that_goes_dark_and_one_that_is_newly_served() -> None:
    here = nodes()
    dark = impact_view(here.impact(here.policy(gpu={"count": 4}), here.node(0), here.node(1)))
    assert [each.token for each in dark.models] == ["danger"]
    assert "goes dark: 2 nodes serve it now" in dark.models[0].text
    assert dark.tiles[1].detail == "1 model goes dark"

    served = impact_view(here.impact(here.policy(gpu={"count": 2}), here.node(1, gpus=2)))
    assert "newly served: 1 node would" in served.models[0].text
    assert served.tiles[0].detail == "1 model newly served"


def test_every_group_has_words_and_a_look() -> None:
    assert len({group_word(each) for each in Group}) == len(Group)
    assert len({group_look(each) for each in Group}) == len(Group)


# ---- asking ----


def test_asked_once_and_told_with_the_bytes_that_are_signed(here: Here) -> None:
    now = here.desk.now()
    assert simulated_text(here.service.simulation, now) == "not simulated yet"
    here.service.simulate(drafting(gpu={"count": 2}))
    found = here.service.simulation

    assert found.phase is Phase.DONE
    assert found.view is not None
    assert found.view.tiles[1].figure == "−3"
    assert found.view.digest == digest_of(found.document)
    assert found.observed is not None
    assert len(found.observed) == 3
    assert simulated_text(found, now) == "simulated against live evidence 0 s ago"
    assert found.impact is not None
    assert found.of(found.impact.draft)
    assert not found.of(None)


def test_while_it_runs_the_last_outcome_stays_and_it_can_be_stopped(here: Here) -> None:
    here.service.simulate(drafting(gpu={"count": 2}))
    before = here.service.simulation.view
    here.desk.waiting = True
    here.service.simulate(drafting(gpu={"count": 3}))
    assert here.service.simulation.running
    assert here.service.simulation.view is before
    here.service.cancel()
    here.desk.answer()
    assert here.service.simulation.phase is Phase.CANCELLED
    assert here.service.simulation.view is before


def test_a_newer_question_ends_the_one_before(here: Here) -> None:
    here.desk.waiting = True
    here.service.simulate(drafting(gpu={"count": 2}))
    here.service.simulate(drafting(lease_seconds=99))
    here.desk.answer()
    view = here.service.simulation.view
    assert view is not None
    assert view.tiles[3].figure == "3"


def test_progress_is_read_by_polling(here: Here) -> None:
    here.desk.waiting = True
    here.service.observe()
    told = len(here.told)
    here.service.poll()
    assert len(here.told) == told
    here.desk.answer()
    here.service.poll()
    assert here.service.simulation.observed is not None
    assert here.service.simulation.impact is None


def test_what_is_malformed_is_said(here: Here) -> None:
    here.service.simulate(drafting(gpu={"count": 65}))
    assert here.service.simulation.phase is Phase.FAILED
    assert here.service.simulation.error

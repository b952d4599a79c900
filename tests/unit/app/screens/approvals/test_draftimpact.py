"""A draft's impact: asked for, of what is written now, and said to be old when it is not."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn.wire.tls import Pin
from keyturn_app.desk import Identity
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.impact import Phase
from keyturn_app.screens.approvals.draftimpact import DraftImpact, DraftImpactView, Meaning
from support.authority import policy_body
from support.desks import InlineDesk
from unit.app.test_impact import Client
from unit.client.test_evidence import Fleet, fleet

__all__ = ["fleet"]


class Writing:
    def __init__(self, desk: InlineDesk) -> None:
        self.desk, self.told = desk, 0
        self.impact = DraftImpact(desk, self._changed)

    def _changed(self) -> None:
        self.told += 1

    def view(self, meant: Meaning) -> DraftImpactView:
        found = self.impact.view(meant)
        assert found is not None
        return found


def meaning(count: int = 2, **changed: object) -> Meaning:
    body = cast(JsonObject, policy_body(gpu={"count": count}))
    return replace(Meaning(Kind.POLICY, "serving", body, timedelta(days=9)), **changed)  # type: ignore[arg-type]


@pytest.fixture
def writing(fleet: Fleet) -> Writing:
    profile = Profile("https://here", Pin("00"), Digest("sha256:00"), "ada", InKeyring(""))
    who = Identity(profile, "test", "ada", "Ada", locked=False)
    desk = InlineDesk(who, cast(KeyturnClient, Client(fleet)), fleet.desk.clock)
    desk.facts = Facts(Connection(Link.LIVE))
    return Writing(desk)


def test_it_is_asked_for_and_is_of_what_was_written(writing: Writing) -> None:
    assert writing.view(meaning()).told == "not simulated yet"
    writing.impact.simulate(meaning())
    found = writing.view(meaning())
    assert found.simulation.view is not None
    assert found.simulation.view.tiles[1].figure == "−3"
    assert found.old == ""
    assert found.told == "simulated against live evidence 0 s ago"
    assert "changed since" in writing.view(meaning(3)).old
    assert "changed since" in writing.view(meaning(subject="other")).old
    assert "changed since" in writing.view(meaning(body=None)).old
    writing.impact.forget()
    assert writing.view(meaning()).simulation.view is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"body": None}, "The body cannot be read yet"),
        ({"subject": ""}, "It needs a subject."),
    ],
)
def test_what_cannot_be_simulated_says_why(
    writing: Writing, changed: dict[str, object], why: str
) -> None:
    meant = meaning(**changed)
    assert writing.view(meant).why_not.startswith(why)
    writing.impact.simulate(meant)
    assert writing.told == 0


def test_locked_offline_and_kinds_without_a_preview(writing: Writing) -> None:
    writing.desk.facts = Facts(Connection(Link.RECONNECTING))
    assert "no connection" in writing.view(meaning()).why_not
    writing.desk.identity = replace(writing.desk.identity, locked=True)
    assert writing.view(meaning()).why_not == "Keyturn is locked."
    assert writing.impact.view(meaning(kind=Kind.ROSTER)) is None


def test_it_can_be_stopped(writing: Writing) -> None:
    writing.desk.waiting = True
    writing.impact.simulate(meaning())
    assert writing.view(meaning()).simulation.running
    writing.impact.poll()
    writing.impact.stop()
    writing.desk.answer()
    assert writing.view(meaning()).simulation.phase is Phase.CANCELLED
    writing.impact.close()

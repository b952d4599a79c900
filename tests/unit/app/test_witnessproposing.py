"""Proposing this app as a witness: asked first, and exactly this key."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.client.errors import ServerUnreachable
from keyturn.client.proposals import Status
from keyturn.quorum.roster import Roster
from keyturn_app.facts import Connection, Link
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.witnessproposing import WitnessProposing
from support.cosigning import Cosigning, cosigning_desk
from support.desks import ScriptedOfficer


@pytest.fixture
def scene(tmp_path: Path) -> Cosigning:
    return cosigning_desk(tmp_path)


def test_the_proposal_adds_this_key_and_nothing_else(scene: Cosigning) -> None:
    officer = ScriptedOfficer(confirms=Confirmed("one more witness"))
    proposing = WitnessProposing(scene.desk, officer)
    assert proposing.why_not() == ""
    proposing.propose()
    question = officer.asked[0]
    assert isinstance(question, Confirm)
    assert "officer-ada" in question.details[0]

    (made,) = scene.client.proposals(Status.OPEN.value)[-1:]
    body, roster = made.statement.body, scene.server.state.roster
    assert isinstance(body, Roster)
    assert roster is not None
    own = scene.client.cosigner().key
    assert replace(body, witnesses=roster.witnesses) == roster
    assert body.witnesses == replace(roster.witnesses, keys=(own,))
    assert officer.told == []


def test_no_answer_proposes_nothing(scene: Cosigning) -> None:
    officer = ScriptedOfficer(confirms=None)
    before = len(scene.client.proposals())
    WitnessProposing(scene.desk, officer).propose()
    assert len(scene.client.proposals()) == before


def test_why_it_cannot_be(scene: Cosigning) -> None:
    proposing, desk = WitnessProposing(scene.desk, ScriptedOfficer()), scene.desk
    known, identity = desk.facts, desk.identity
    desk.identity = replace(identity, locked=True)
    assert "Unlock" in proposing.why_not()
    desk.identity = replace(identity, officer="nobody")
    assert "role proposer" in proposing.why_not()
    desk.identity = identity
    desk.show(replace(known, witnesses=None))
    assert "not known" in proposing.why_not()
    desk.show(replace(known, connection=Connection(Link.DISTRUSTED)))
    assert "not believed" in proposing.why_not()
    proposing.propose()  # and then it does nothing
    desk.show(known)
    scene.require(k=1)
    scene.refresh()
    assert "already" in proposing.why_not()


def test_a_failure_is_told(scene: Cosigning, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = ScriptedOfficer(confirms=Confirmed("why not"))

    def gone() -> object:
        raise ServerUnreachable("gone")

    monkeypatch.setattr(scene.client, "state", gone)
    WitnessProposing(scene.desk, officer).propose()
    assert [each.title for each in officer.told] == ["The witness was not proposed"]

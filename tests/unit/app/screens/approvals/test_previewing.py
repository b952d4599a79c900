"""The open proposal's impact: computed by itself, signed while it is of now, never silently none.

What is shown against: a server that withholds evidence, nodes and rules that change while an
officer reads, and a question that stands while the preview behind it becomes another.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.policy.impact import Group
from keyturn.policy.impact_reading import read_preview
from keyturn.quorum.approvals import Approval, Decision
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Link
from keyturn_app.impact import Phase
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.approvals.outcome import Check, Outcome
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter
from keyturn_app.screens.approvals.previewing import SETTLED, SIGNABLE, Impacts, ToSign
from support.authority import policy_body
from support.desks import InlineDoor
from support.golden_story import GOLDEN, SERVING, Cast, make_cast
from support.nodes import NodeSecrets
from support.whole import Whole
from unit.app.screens.approvals.conftest import Seat, seat


@pytest.fixture
def cast(whole: Whole, node_secrets: NodeSecrets, tmp_path: Path) -> Cast:
    whole.system.trust_simulated_roots()
    return make_cast(whole, node_secrets, tmp_path)


@pytest.fixture
def stopping(cast: Cast) -> Digest:
    """A policy that asks for two GPUs, which no node has."""
    return cast.whole.propose(Kind.POLICY, "serving", policy_body(gpu={"count": 2}))


def impacts(sitting: Seat) -> Impacts:
    found = sitting.detail.impacts
    assert found is not None
    return found


def to_sign(sitting: Seat) -> ToSign:
    found = sitting.decide.signed
    assert found is not None
    return found


def approvals(sitting: Seat) -> dict[str, Approval]:
    case = sitting.page.case()
    assert case is not None
    return {each.officer: each for each in case.approvals}


def said_of(sitting: Seat, officer: str) -> str:
    (person,) = [each for each in sitting.detail.people if each.officer == officer and each.preview]
    assert person.preview is not None
    return person.preview.text


def found(sitting: Seat, beginning: str) -> Check:
    (check,) = [each for each in sitting.detail.checks if each.text.startswith(beginning)]
    return check


def during(sitting: Seat, act: Callable[[], None]) -> None:
    """What happens while the officer's question stands."""

    def confirm(question: Confirm, answered: Callable[[Confirmed | None], None]) -> None:
        sitting.officer.asked.append(question)
        act()
        answered(Confirmed())

    sitting.officer.confirm = confirm  # type: ignore[method-assign]


def test_the_preview_that_is_shown_is_the_one_that_is_signed(cast: Cast, stopping: Digest) -> None:
    bela, chen = seat(cast.whole, "bela"), seat(cast.whole, "chen")
    bela.open(stopping)
    shown = impacts(bela).simulation
    assert shown.view is not None
    assert shown.impact is not None
    assert {each.node for each in shown.impact.of(Group.LOSES)} == set(SERVING)
    assert found(bela, "2 nodes would lose keys").found == "node-1, node-2"
    assert found(bela, "mini 1 goes dark").outcome is Outcome.WARNING
    assert to_sign(bela).digest == shown.view.digest
    assert bela.decide.signing.startswith("Approving signs both digests")
    assert bela.decide.approve.possible

    bela.page.approve()
    (question,) = bela.officer.asked
    assert isinstance(question, Confirm)
    assert any("2 nodes would lose keys" in each for each in question.details)
    assert approvals(bela)["bela"].preview == shown.view.digest

    chen.open(stopping)
    assert "not kept on this machine" in said_of(chen, "bela")
    assert said_of(bela, "bela").startswith("Signed")
    chen.page.previewing.cancel()
    chen.page.approve()
    assert approvals(chen)["chen"].preview == read_preview_digest(cast, chen, "chen")


def read_preview_digest(cast: Cast, sitting: Seat, officer: str) -> Digest | None:
    """What that officer signed, where it is kept."""
    digest = approvals(sitting)[officer].preview
    assert digest is not None
    kept = cast.whole.desks[officer].kept_preview(digest)
    assert kept is not None
    assert kept.statement is not None
    return digest


def test_signed_blind_is_said_everywhere(cast: Cast, stopping: Digest) -> None:
    """Offline, at a station, or stopped: it can be signed, and no one can miss that."""
    bela = seat(cast.whole, "bela")
    bela.desk.waiting = True
    bela.desk.refresh()
    bela.page.open(stopping)
    assert impacts(bela).simulation.running
    assert "being simulated" in bela.decide.approve.why_not
    assert bela.decide.reject.possible
    bela.page.previewing.cancel()
    bela.desk.answer()
    assert impacts(bela).simulation.phase is Phase.CANCELLED
    assert to_sign(bela).digest is None
    assert to_sign(bela).text == "No impact preview is signed. The simulation was stopped."
    assert bela.decide.approve.possible
    assert found(bela, "Who would get or lose keys is not known").outcome is Outcome.UNKNOWN
    bela.desk.waiting = False
    bela.page.approve()
    (question,) = bela.officer.asked
    assert isinstance(question, Confirm)
    assert any("No impact preview is signed" in each for each in question.details)
    assert approvals(bela)["bela"].preview is None
    assert said_of(bela, "bela") == "Signed without an impact preview"


def test_a_preview_of_other_rules_or_of_long_ago_is_computed_anew(
    cast: Cast, stopping: Digest
) -> None:
    whole, bela = cast.whole, seat(cast.whole, "bela")
    bela.open(stopping)
    first = to_sign(bela).digest
    bela.page.tick()
    assert to_sign(bela).digest == first

    whole.system.clock.advance(seconds=SIGNABLE.total_seconds() + 1)
    assert not impacts(bela).fresh
    assert "being simulated" in bela.decide.approve.why_not  # not with what is shown
    bela.page.tick()
    second = to_sign(bela).digest
    assert second not in (None, first)

    whole.enact(Kind.POLICY, "other", policy_body())
    assert to_sign(bela).digest == second  # nobody here knows yet
    bela.desk.refresh(Topic.SEEN, Topic.PROPOSALS)
    assert to_sign(bela).digest not in (None, second)


def test_nodes_that_changed_are_looked_at_again(cast: Cast, stopping: Digest) -> None:
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    first = to_sign(bela).digest
    good = cast.nodes[SERVING[0]]
    cast.nodes[SERVING[0]] = replace(good, sim=good.sim.with_firmware(b"\xee" * 48))
    assert cast.refused(SERVING[0])
    bela.desk.refresh(Topic.NODES)
    bela.page.tick()
    assert to_sign(bela).digest == first  # in a large fleet one of them always does something
    cast.whole.system.clock.advance(seconds=SETTLED.total_seconds() + 1)
    bela.page.tick()
    assert to_sign(bela).digest != first
    assert found(bela, "1 node would lose keys").found == SERVING[1]


def test_nothing_else_is_signed_than_what_was_asked_about(cast: Cast, stopping: Digest) -> None:
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    first = to_sign(bela).digest

    def too_late() -> None:
        cast.whole.system.clock.advance(seconds=SIGNABLE.total_seconds() + 1)
        bela.page.tick()
        assert impacts(bela).simulation.view is not None
        assert impacts(bela).simulation.view.digest == first  # not exchanged behind a question

    during(bela, too_late)
    bela.page.approve()
    assert approvals(bela) == {}
    assert bela.officer.told[-1].title == "Nothing was signed"
    assert to_sign(bela).digest not in (None, first)  # and now there is one of now

    during(bela, lambda: cast.whole.system.clock.advance(seconds=60))
    bela.page.approve()
    assert approvals(bela)["bela"].preview == to_sign_of(cast, bela)


def to_sign_of(cast: Cast, sitting: Seat) -> Digest | None:
    return read_preview_digest(cast, sitting, "bela")


def test_withheld_evidence_is_not_measurable(
    cast: Cast, stopping: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps it back: nobody is told that all is well."""
    client = cast.whole.desks["dora"]
    monkeypatch.setattr(client, "evidences", lambda _digests: {})
    client._fleet = None
    dora = seat(cast.whole, "dora")
    dora.open(stopping)
    check = found(dora, "3 nodes are not measurable")
    assert check.outcome is Outcome.WARNING
    assert GOLDEN in check.found
    assert to_sign(dora).digest is not None
    assert "3 nodes not measurable" in to_sign(dora).outcome[0]


def test_other_kinds_and_what_is_decided_have_no_preview(cast: Cast, stopping: Digest) -> None:
    bela = seat(cast.whole, "bela")
    for name in ("bela", "chen"):
        cast.whole.approve(stopping, name)
    bela.open(stopping)
    assert bela.detail.standing.startswith("In force")
    assert bela.detail.impacts is None
    assert said_of(bela, "chen") == "Signed without an impact preview"

    roster = next(each.digest for each in bela.page.view().rows if each.kind == "Roster")
    bela.open(roster)
    assert (bela.detail.impacts, bela.decide.signed) == (None, None)
    assert [each.preview for each in bela.detail.people if each.preview] == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (Link.RECONNECTING, "There is no connection, and so no evidence of nodes."),
        (Link.OFFLINE, "There is no connection, and so no evidence of nodes."),
    ],
)
def test_without_a_connection_nothing_is_simulated(
    cast: Cast, stopping: Digest, link: Link, why: str
) -> None:
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    bela.desk.show(replace(bela.desk.facts, connection=Connection(link)), Topic.CONNECTION)
    assert impacts(bela).why_not == why
    assert to_sign(bela).text == f"No impact preview is signed. {why}"
    assert found(bela, "Who would get or lose keys").outcome is Outcome.UNKNOWN


def test_a_station_signs_without_and_says_so(cast: Cast, stopping: Digest) -> None:
    """Its file says nothing of nodes; the approval in it names no preview."""
    bela = seat(cast.whole, "bela")
    file = cast.whole.desks["bela"].export(stopping)
    bela.desk.show(replace(bela.desk.facts, connection=Connection(Link.STATION), seen=None))
    path = cast.whole.system.directory / "proposal.json"
    path.write_bytes(file.to_bytes())
    bela.officer.chosen = path
    bela.page.open_file()
    assert impacts(bela).why_not == "An officer station has no evidence of nodes."
    assert bela.decide.approve.possible
    bela.officer.chosen = None
    bela.page.approve()
    (said,) = approvals(bela).values()
    assert (said.decision, said.preview) == (Decision.APPROVE, None)
    assert said_of(bela, "bela") == "Signed without an impact preview"


def test_a_file_before_a_server_is_previewed_as_well(cast: Cast, stopping: Digest) -> None:
    bela = seat(cast.whole, "bela")
    path = cast.whole.system.directory / "proposal.json"
    path.write_bytes(cast.whole.desks["bela"].export(stopping).to_bytes())
    bela.officer.chosen = path
    bela.page.open_file()
    digest = to_sign(bela).digest
    assert digest is not None
    bela.officer.chosen = None
    bela.page.approve()
    assert approvals(bela)["bela"].preview == digest


def test_the_document_can_be_written_out(cast: Cast, stopping: Digest, tmp_path: Path) -> None:
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    bela.officer.chosen = tmp_path / "impact.json"
    bela.page.export_preview()
    said = read_preview((tmp_path / "impact.json").read_bytes())
    assert said.statement == stopping


def test_locking_forgets_it(cast: Cast, stopping: Digest) -> None:
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    bela.desk.identity = replace(bela.desk.identity, locked=True)
    bela.desk.show(bela.desk.facts, Topic.IDENTITY)
    assert impacts(bela).why_not == "Keyturn is locked."
    assert impacts(bela).simulation.view is None
    bela.desk.identity = replace(bela.desk.identity, locked=False)
    bela.desk.show(bela.desk.facts, Topic.IDENTITY)
    assert to_sign(bela).digest is not None


def test_what_differs_is_said_where_the_other_is_kept(cast: Cast, stopping: Digest) -> None:
    """Here in the same officer's own earlier one, looked at again before a rejection."""
    bela = seat(cast.whole, "bela")
    bela.open(stopping)
    bela.page.approve()
    bela.page.tick()
    cast.whole.system.clock.advance(minutes=6)
    again = Seat(bela.desk, bela.officer, ApprovalsPresenter(bela.desk, bela.officer, InlineDoor()))
    again.open(stopping)
    assert "the same outcome for every node" in said_of(again, "bela")
    good = cast.nodes[SERVING[0]]
    cast.nodes[SERVING[0]] = replace(good, sim=good.sim.with_firmware(b"\xee" * 48))
    assert cast.refused(SERVING[0])
    cast.whole.system.clock.advance(seconds=timedelta(minutes=1).total_seconds())
    again.page.simulate()
    assert "node-1: Would lose keys, now Stay refused" in said_of(again, "bela")

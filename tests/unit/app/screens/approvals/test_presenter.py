"""The page's officers decide: short of quorum, in force, not entitled, overtaken, lied to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.errors import CardPinRefused, PinState
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Link
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.approvals.inbox import Filter
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.viewmodel import Form
from keyturn_app.screens.approvals.waiting import waiting_for_me
from support.authority import policy_body
from support.whole import Whole
from unit.app.screens.approvals.conftest import seat


def test_one_short_is_not_in_force_and_the_next_brings_it_into_force(
    whole: Whole, proposed: Digest
) -> None:
    bela, chen = seat(whole, "bela"), seat(whole, "chen")
    opened = bela.open(proposed)
    assert opened.quorum.text == "0 of 2"
    assert "NOT IN FORCE" in opened.standing
    assert opened.receipt is None
    bela.page.approve()
    (question,) = bela.officer.asked
    assert isinstance(question, Confirm)
    assert question.details[0] == opened.grouped
    assert "1 of 2" in question.details[2]
    assert bela.detail.quorum.text == "1 of 2"
    assert "NOT IN FORCE" in bela.detail.standing
    assert "You approved it" in bela.decide.approve.why_not
    assert bela.decide.reject.possible
    chen.open(proposed)
    chen.page.comment("read it")
    chen.page.approve()
    done = chen.detail
    assert done.standing.startswith("In force since log entry")
    assert done.receipt is not None
    assert done.receipt.verified
    assert [name for name, _, _ in done.receipt.rows] == ["Log index", "Checkpoint", "Root"]
    assert chen.officer.toasts[-1].startswith("In force")
    assert ("read it", "ok") in [(each.comment, each.token) for each in done.people]
    bela.desk.refresh()
    assert bela.detail.standing.startswith("In force")
    assert bela.decide.approve.why_not == "It is in force."


def test_what_waits_is_counted_and_comes_first(whole: Whole, proposed: Digest) -> None:
    bela, ada = seat(whole, "bela"), seat(whole, "ada")
    now = whole.system.clock()
    assert waiting_for_me(bela.desk.facts, "bela", now) == 1
    assert waiting_for_me(ada.desk.facts, "ada", now) == 0  # her own does not wait for her
    assert waiting_for_me(bela.desk.facts, "zoe", now) == 0
    rows = bela.page.view().rows
    assert rows[0].digest == proposed
    assert rows[0].waits
    assert not any(each.waits for each in rows[1:])
    whole.approve(proposed, "bela")
    bela.desk.refresh()
    assert waiting_for_me(bela.desk.facts, "bela", now) == 0


def test_filters_kinds_and_words(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.page.show_filter(Filter.OPEN)
    assert [each.digest for each in bela.page.view().rows] == [proposed]
    bela.page.show_filter(Filter.IN_FORCE)
    assert proposed not in [each.digest for each in bela.page.view().rows]
    bela.page.show_filter(Filter.ALL)
    bela.page.show_kind(Kind.POLICY)
    assert len(bela.page.view().rows) == 1
    bela.page.show_kind(None)
    bela.page.search("serving nobody")
    view = bela.page.view()
    assert (view.rows, view.empty_title) == ((), "No proposal fits")
    bela.page.search("SERV")
    assert len(bela.page.view().rows) == 1
    counts = {each.filter: each.count for each in view.filters}
    assert counts[Filter.WAITING] == 1
    assert counts[Filter.OPEN] == 1


def test_stepping_through_the_list_moves_the_open_proposal(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.page.step(1)
    assert bela.page.view().selected == proposed
    assert bela.page.view().detail is None
    bela.page.open()
    bela.page.step(1)
    assert bela.detail.digest != proposed
    bela.page.step(-1)
    assert bela.detail.digest == proposed
    bela.page.step(-1)
    assert bela.detail.digest == proposed
    assert bela.page.view().place.startswith("1 of")
    bela.page.back()
    assert bela.page.view().detail is None


def test_rejecting_needs_a_comment_and_stands(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)
    bela.page.reject()
    assert bela.officer.asked == []
    assert bela.decide.comment_wanted
    bela.page.comment("too wide")
    assert not bela.decide.comment_wanted
    bela.page.reject()
    assert len(bela.officer.asked) == 1
    rejected = [each for each in bela.detail.people if each.token == "danger"]
    assert [(each.officer, each.comment) for each in rejected] == [("bela", "too wide")]
    for decision in Decision:
        assert "A rejection stands" in bela.page.why_not(decision)


def test_each_decision_says_where_it_is_logged(whole: Whole, proposed: Digest) -> None:
    bela, chen = seat(whole, "bela"), seat(whole, "chen")
    bela.open(proposed)
    bela.page.comment("too wide")
    bela.page.reject()
    (logged,) = whole.system.keyholder.journal.state.decisions[proposed]
    for each in (bela, chen):
        each.open(proposed)
        (line,) = [p.line for p in each.detail.people if p.officer == "bela"]
        assert line.startswith("Rejected · ")
        assert line.endswith(f" · logged at {logged.index}")


def test_a_no_to_the_question_signs_nothing(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.officer.confirms = None
    bela.open(proposed)
    bela.page.approve()
    assert bela.detail.quorum.text == "0 of 2"
    assert whole.desks["chen"].proposal(proposed).approvals == ()


def test_the_proposer_neither_approves_nor_is_asked_but_withdraws(
    whole: Whole, proposed: Digest
) -> None:
    ada = seat(whole, "ada")
    ada.open(proposed)
    assert ada.decide.approve.why_not == "You proposed it: others must approve."
    assert ada.decide.withdraw.shown
    assert "ada" not in [each.officer for each in ada.detail.people[1:]]
    ada.officer.confirms = Confirmed("a typo")
    ada.page.withdraw()
    assert "withdrawn" in ada.decide.approve.why_not
    assert ada.detail.standing == "NOT IN FORCE."
    assert not ada.decide.withdraw.shown
    bela = seat(whole, "bela")
    bela.open(proposed)
    assert not bela.decide.approve.possible
    assert not bela.decide.withdraw.shown
    bela.page.approve()
    assert bela.officer.asked == []


def test_who_is_no_approver_may_not_decide(whole: Whole, proposed: Digest) -> None:
    body = whole.system.authority.roster_body()
    officers = body["officers"]
    assert isinstance(officers, list)
    officers[4]["roles"] = ["auditor"]
    whole.enact(Kind.ROSTER, "roster", body)
    emil = seat(whole, "emil")
    emil.open(proposed)
    assert emil.decide.approve.why_not == "You do not have the role approver."
    assert not emil.page.propose_offer().possible
    assert waiting_for_me(emil.desk.facts, "emil", whole.system.clock()) == 0


def test_what_was_overtaken_can_no_longer_be_approved(whole: Whole, proposed: Digest) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    bela = seat(whole, "bela")
    opened = bela.open(proposed)
    assert opened.status.word == "Overtaken"
    assert "Overtaken by version 1" in bela.decide.approve.why_not
    assert Outcome.NOT_MET in [each.outcome for each in opened.checks]
    assert opened.changes.before_title.startswith("v1")
    assert [(row.place, row.before, row.after) for row in opened.changes.rows] == [
        ("lease_seconds", "30", "60")
    ]


def test_what_lapsed_cannot_be_approved(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    whole.system.clock.advance(days=4)
    bela.open(proposed)
    assert "lapsed" in bela.decide.approve.why_not
    assert bela.page.view().rows[0].lapses == ""


def test_what_lapsed_while_the_question_stood_is_said(
    whole: Whole, proposed: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)

    def late(question: Confirm, answered: Callable[[Confirmed | None], None]) -> None:
        whole.system.clock.advance(days=4)
        answered(Confirmed())

    monkeypatch.setattr(bela.officer, "confirm", late)
    bela.page.approve()
    (told,) = bela.officer.told
    assert told.title == "Nothing was signed"
    assert "lapsed" in told.text
    assert whole.desks["chen"].proposal(proposed).approvals == ()


def test_a_card_that_refuses_is_no_lie_of_the_server(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)
    bela.page.failed(CardPinRefused("the card refused the PIN", PinState.LOW))
    (told,) = bela.officer.told
    assert "server" not in told.title
    assert bela.page.view().trouble == ""


def test_the_changes_are_those_against_what_it_replaces(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    second = whole.propose(Kind.POLICY, "serving", policy_body(lease_seconds=1800))
    bela = seat(whole, "bela")
    changes = bela.open(second).changes
    assert (changes.before_title[:2], changes.after_title[:2]) == ("v1", "v2")
    assert changes.summary == "1 added · 1 removed"
    assert [row.words for row in changes.rows] == ["Lease, seconds"]
    assert any("long lease" in each.text for each in bela.detail.checks)
    for name in ("bela", "chen"):
        whole.approve(second, name)
    bela.desk.refresh()
    assert bela.detail.changes.before_title.startswith("v1 · was in force")


def test_exact_bytes_come_when_asked_for(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    assert bela.open(proposed).exact is None
    bela.page.show_form(Form.EXACT)
    exact = bela.detail.exact
    assert exact is not None
    assert exact.digest == proposed
    assert exact.text == bela.detail.json
    assert exact.dump.startswith("000000  7b 22 74 79 70 65")


def test_a_revocation_says_what_stops_and_that_nothing_returns(whole: Whole) -> None:
    target: dict[str, object] = {"target_kind": "policy", "target": "serving"}
    digest = whole.propose(Kind.REVOCATION, "policy:serving", target)
    ada = seat(whole, "ada")
    texts = [each.text for each in ada.open(digest).consequences]
    assert texts[0] == "No node is known to serve under it now."
    assert texts[1].startswith("Nothing returns by itself")
    assert any("spelling" in each.text for each in ada.detail.checks)
    assert ada.decide.approve.possible  # one officer is enough, and it may be the proposer
    ada.page.approve()
    assert ada.detail.standing.startswith("In force")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (Link.RECONNECTING, "No connection"),
        (Link.OFFLINE, "Offline"),
        (Link.DISTRUSTED, "not believed"),
    ],
)
def test_without_a_server_to_believe_nothing_is_signed(
    whole: Whole, proposed: Digest, link: Link, why: str
) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)
    bela.desk.show(replace(bela.desk.facts, connection=Connection(link)), Topic.CONNECTION)
    view = bela.page.view()
    if link is Link.DISTRUSTED:
        assert (view.detail, view.rows, view.tone) == (None, (), "danger")
        return
    assert why in bela.decide.approve.why_not
    assert not view.propose.possible


def test_locked_says_so(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)
    bela.desk.identity = replace(bela.desk.identity, locked=True)
    assert "locked" in bela.decide.approve.why_not


def test_an_answer_after_the_page_is_closed_is_dropped(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    bela.open(proposed)
    bela.desk.waiting = True
    bela.page.approve()
    assert bela.decide.approve.why_not == "Your decision is being signed."
    bela.page.close()
    bela.desk.answer()
    assert bela.officer.toasts == []


def test_lapsing_soon_presses(whole: Whole, proposed: Digest) -> None:
    bela = seat(whole, "bela")
    assert not bela.page.view().rows[0].pressing
    whole.system.clock.now += timedelta(days=2, hours=20)
    assert bela.page.view().rows[0].pressing

"""New proposals: from what is in force, each error named, kept until sent or thrown away."""

import json

import pytest

from keyturn.client.proposals import Proposal
from keyturn.policy.remarks import Severity
from keyturn.quorum.kinds import Kind
from keyturn_app.handing import Handed
from keyturn_app.screens.approvals.drafting import DraftPresenter, DraftView
from keyturn_app.screens.approvals.drafts import (
    Draft,
    Drafts,
    line_of,
    parsed,
)
from keyturn_app.settings import MemoryPreferences
from support.authority import policy_body
from support.whole import Whole
from unit.app.screens.approvals.conftest import Seat, seat


class Writing:
    def __init__(self, whole: Whole, name: str = "ada") -> None:
        self.seat: Seat = seat(whole, name)
        self.sent: list[Proposal] = []
        self.kept = Drafts(MemoryPreferences(), "sha256:ab")
        self.presenter = DraftPresenter(
            self.seat.desk, self.seat.officer, self.kept, self.sent.append
        )

    @property
    def view(self) -> DraftView:
        found = self.presenter.view()
        assert found is not None
        return found


def test_from_what_is_in_force_to_a_proposal(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    writing = Writing(whole)
    writing.presenter.start(Kind.POLICY)
    view = writing.view
    assert view.draft.subject == "serving"
    assert json.loads(view.draft.text) == policy_body()
    assert "Nothing changes" in view.basis
    assert view.propose.why_not.startswith("Say why")
    writing.presenter.edit(view.draft.text.replace('"lease_seconds": 60', '"lease_seconds": 30'))
    writing.presenter.say(reason="shorter leases", ticket="CHG-7", days="30")
    view = writing.view
    assert view.summary == "1 added · 1 removed"
    assert "in place of version 1" in view.basis
    assert view.propose.possible
    writing.presenter.propose()
    (made,) = writing.sent
    statement = made.statement
    assert (statement.version, statement.ticket, statement.reason) == (2, "CHG-7", "shorter leases")
    assert (statement.expires - statement.time).days == 30  # type: ignore[operator]
    assert writing.presenter.view() is None
    assert writing.kept.all() == ()


def test_a_body_that_another_page_hands_over_is_read_like_a_typed_one(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    writing = Writing(whole)
    writing.presenter.start(Kind.POLICY)
    writing.presenter.edit("half written")
    wider = policy_body(accepted_caveats=["simulated"])
    writing.presenter.take(Handed(Kind.POLICY, "serving", wider, "as the node shows"))
    view = writing.view
    assert json.loads(view.draft.text) == wider
    assert view.draft.reason == "as the node shows"
    assert "in place of version 1" in view.basis
    writing.presenter.restore()
    assert writing.view.draft.text == "half written"
    writing.presenter.take(Handed(Kind.POLICY, "serving", {"lease_seconds": True}, ""))
    assert writing.view.problem
    assert not writing.view.propose.possible


def test_a_lint_speaks_of_the_draft_and_forbids_nothing(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    writing = Writing(whole)
    writing.presenter.start(Kind.POLICY)
    writing.presenter.say(reason="x")
    text = writing.view.draft.text.replace('"firmware"', '"nowhere"')
    writing.presenter.edit(text)
    view = writing.view
    assert view.worst is Severity.ERROR
    assert view.remarks[0].startswith("Error · ")
    assert "nowhere" in "\n".join(view.remarks)
    assert view.propose.possible
    writing.presenter.edit("{")
    assert writing.view.remarks == ()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"lease_seconds": 60', '"lease_seconds": 1', "lease_seconds"),
        ('"lease_seconds": 60', '"lease_seconds": 60.5', "floating point"),
        ('"lease_seconds": 60,', "", "'lease_seconds' is missing"),
        ('"lease_seconds": 60', '"lease_seconds": 60, "also": 1', "unknown field 'also'"),
        ('"lease_seconds": 60', '"lease_seconds" 60', "not JSON"),
    ],
)
def test_errors_name_the_field_and_nothing_is_proposed(
    whole: Whole, old: str, new: str, error: str
) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    writing = Writing(whole)
    writing.presenter.start(Kind.POLICY)
    writing.presenter.say(reason="x")
    writing.presenter.edit(writing.view.draft.text.replace(old, new))
    assert error in writing.view.problem
    assert "cannot be read" in writing.view.propose.why_not
    writing.presenter.propose()
    assert writing.sent == []
    assert writing.seat.officer.asked == []


def test_drafts_are_kept_by_subject_and_come_back(whole: Whole) -> None:
    whole.enact(Kind.POLICY, "serving", policy_body())
    writing = Writing(whole)
    writing.presenter.start(Kind.POLICY)
    writing.presenter.say(reason="half written")
    writing.presenter.leave()
    assert writing.presenter.view() is None
    writing.presenter.start(Kind.REVOCATION, "node:node-1")
    assert json.loads(writing.view.draft.text) == {"target_kind": "node", "target": "node-1"}
    assert not writing.view.can_expire
    writing.presenter.choose_kind(Kind.POLICY)
    assert writing.view.draft.reason == "half written"
    writing.presenter.discard()
    assert writing.presenter.view() is None
    assert "discarded" in writing.presenter.undo
    writing.presenter.restore()
    assert writing.view.draft.reason == "half written"


def test_a_revocation_is_proposed_under_the_subject_of_its_body(whole: Whole) -> None:
    writing = Writing(whole)
    writing.presenter.start(Kind.REVOCATION)
    assert writing.view.propose.why_not.startswith("The body cannot be read")
    writing.presenter.edit('{"target_kind": "node", "target": "node-9"}')
    writing.presenter.say(reason="stolen")
    writing.presenter.propose()
    assert writing.sent[0].statement.subject == "node:node-9"


def test_a_new_subject_keeps_what_was_written(whole: Whole) -> None:
    writing = Writing(whole)
    writing.presenter.start(Kind.PLATFORMS)
    writing.presenter.edit('{"platforms": []}')
    writing.presenter.choose_subject("berlin")
    assert writing.view.draft.text == '{"platforms": []}'
    assert "list is empty" in writing.view.problem
    assert "first version" in writing.view.basis.lower()


def test_nothing_hidden_can_be_proposed() -> None:
    text = '{"target_kind": "node", "target": "n\u202e1"}'
    assert "obeyed, not shown" in parsed(Draft(Kind.REVOCATION, "", text)).error


def test_an_error_is_found_in_its_line() -> None:
    text = '{\n  "snp": {\n    "debug": 3\n  }\n}'
    assert line_of(text, "policy: snp: field 'debug' is wrong") == 3
    assert line_of(text, "body is not JSON: Expecting value: line 2 column 4 (char 9)") == 2
    assert line_of(text, "something else") == 0


def test_drafts_outlive_the_page_and_are_read_with_care() -> None:
    preferences = MemoryPreferences()
    draft = Draft(Kind.POLICY, "serving", '{"a": "ä"}', "why", "T-1", "30", 24)
    Drafts(preferences, "sha256:ab").put(draft)
    kept = Drafts(preferences, "sha256:ab")
    assert kept.get("policy:serving") == draft
    assert Drafts(preferences, "sha256:cd").all() == ()
    assert kept.drop("policy:serving") == draft
    assert kept.drop("policy:serving") is None
    preferences.set(next(iter(preferences.texts)), "{broken")
    assert kept.all() == ()


@pytest.mark.parametrize(("days", "life"), [("1", 1), ("400", 400), ("0", 0), ("401", 0), ("", 0)])
def test_days_in_force_are_those_that_a_statement_may_have(days: str, life: int) -> None:
    found = Draft(Kind.POLICY, "serving", "{}", days=days).life
    assert (0 if found is None else found.days) == life


def test_what_was_written_is_put_away_when_the_page_closes(whole: Whole) -> None:
    writing = Writing(whole)
    writing.presenter.start(Kind.REVOCATION, "node:node-1")
    writing.presenter.say(reason="half")
    assert writing.kept.all() == ()
    writing.presenter.close()
    assert [each.reason for each in writing.kept.all()] == ["half"]

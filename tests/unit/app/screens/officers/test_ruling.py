"""A roster change put together by hand: each wish tried at once, by the keyholder's own rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.signatures import KeyId, key_id_of
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn_app.actions import Actions
from keyturn_app.facts import Link
from keyturn_app.questions import Confirmed, Weight
from keyturn_app.screens.officers.ruling import PAIRS, RulePresenter, RuleView
from keyturn_app.screens.officers.wishing import Fate
from support.authority import Clock, policy_body, spki
from support.desks import ScriptedOfficer
from support.facts import with_link
from unit.app.screens.officers.test_presenter import Table, standing_desk
from unit.client.scripted_server import ScriptedServer

CUSTODIAN = Role.CUSTODIAN
BOTH = frozenset({Role.PROPOSER, Role.APPROVER})


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    server = ScriptedServer(Clock())
    made = Table(server, standing_desk(server), ScriptedOfficer(), Actions(), tmp_path)
    made.officer.confirms = Confirmed("as agreed")
    made.presenter.compose()
    yield made
    made.presenter.close()


def rules(table: Table) -> RulePresenter:
    return table.presenter.rules


def seen(table: Table) -> RuleView:
    found = rules(table).view()
    assert found is not None
    return found


def key_of(table: Table, name: str) -> KeyId:
    return key_id_of(spki(table.server.authority.people[name].keys[0]))


def choose(table: Table, name: str) -> None:
    rules(table).choose(OfficerId(name))


def test_it_begins_as_what_is_in_force(table: Table) -> None:
    view = seen(table)
    assert [each.id for each in view.people] == ["ada", "bela", "chen", "dora", "emil"]
    assert view.chosen is not None
    assert view.chosen.id == "ada"
    assert {each.kind: each.needed for each in view.kinds}[Kind.POLICY] == 2
    assert (view.changes, view.effects, view.problem) == ((), (), "")
    assert view.why_not == "Change something first."
    assert view.title == "Version 2, in place of version 1"
    assert {pair for pair, _words, on in view.pairs if on} == {
        frozenset({Role.APPROVER, Role.AUDITOR})
    }
    assert len(PAIRS) == 15


def test_roles_thresholds_and_duties_are_proposed_as_they_were_shown(table: Table) -> None:
    for name in ("dora", "emil"):
        choose(table, name)
        rules(table).give(CUSTODIAN, True)
    rules(table).give(Role.PROPOSER, False)
    rules(table).ask_for(Kind.POLICY, 3)
    rules(table).let_approve(Kind.MODEL, True)
    rules(table).let_approve(Kind.REVOCATION, False)
    rules(table).part(frozenset({Role.AUDITOR, Role.PROPOSER}), True)
    rules(table).demand(CUSTODIAN, 2)
    view = seen(table)
    assert view.problem == ""
    assert view.changes == (
        "Officer Dora gets the role custodian.",
        "Officer Emil gets the role custodian.",
        "Officer Emil loses the role proposer.",
        "Policy: 3 approvals in place of 2.",
        "Model: whoever proposes may also approve.",
        "Revocation: whoever proposes approves no more.",
        "No officer may hold both: proposer, auditor.",
        "custodian: at least 2 officers.",
    )
    assert "3 approvals by the roster in force" in view.effects[-1]
    rules(table).propose()
    asked = table.question()
    assert asked.details == (*view.changes, *view.effects)
    assert asked.weight is Weight.PLAIN
    body = table.proposed()
    assert body.thresholds[Kind.POLICY] == 3
    assert body.proposer_may_approve == {Kind.MODEL}
    assert body.officers[OfficerId("emil")].roles == {Role.APPROVER, CUSTODIAN}
    assert body.separation.required == {CUSTODIAN: 2}
    assert rules(table).view() is None


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (lambda t: rules(t).ask_for(Kind.POLICY, 5), "can never be reached"),
        (lambda t: rules(t).give(CUSTODIAN, True), "the only custodian"),
        (lambda t: rules(t).give(Role.AUDITOR, True), "two roles that must differ"),
        (lambda t: rules(t).part(BOTH, True), "two roles that must differ"),
        (lambda t: rules(t).demand(Role.WITNESS, 1), "too few officers with the role witness"),
        (lambda t: rules(t).key(key_of(t, "ada"), Fate.GONE), "ada has no key"),
    ],
)
def test_what_the_rules_forbid_is_foretold_and_not_asked(
    table: Table,
    wish: object,
    says: str,
) -> None:
    wish(table)  # type: ignore[operator]
    view = seen(table)
    assert says in view.problem
    assert "expected" in view.problem or "found" in view.problem or says == "ada has no key"
    assert view.why_not == "The rules of rosters forbid it."
    assert view.changes
    rules(table).propose()
    assert table.officer.asked == []


def test_a_wish_taken_back_is_no_wish(table: Table) -> None:
    rules(table).ask_for(Kind.POLICY, 3)
    rules(table).give(Role.WITNESS, True)
    assert len(seen(table).changes) == 2
    rules(table).ask_for(Kind.POLICY, 2)
    rules(table).give(Role.WITNESS, False)
    assert seen(table).why_not == "Change something first."


def test_a_removal_says_key_by_key_what_it_would_suspend(table: Table) -> None:
    table.server.enact(Kind.POLICY, "serving", policy_body())  # approved by Bela and Chen
    table.desk.refresh()
    choose(table, "bela")
    rules(table).remove(True)
    ordinary = seen(table)
    assert ordinary.changes == ("Officer Bela is removed.",)
    assert not any(each.startswith("Suspended") for each in ordinary.effects)
    assert ordinary.chosen is not None
    assert ordinary.chosen.roles_text == "removed"

    rules(table).key(key_of(table, "bela"), Fate.COMPROMISED)
    view = seen(table)
    assert "named compromised, for ever" in view.changes[1]
    assert "Suspended: Policy serving, version 1" in view.effects
    rules(table).propose()
    asked = table.question()
    assert (asked.typed, asked.weight) == ("bela", Weight.DANGER)
    body = table.proposed()
    assert "bela" not in body.officers
    assert body.compromised == {key_of(table, "bela")}


def test_roles_of_who_goes_are_nothing_to_say(table: Table) -> None:
    choose(table, "emil")
    rules(table).give(Role.WITNESS, True)
    rules(table).remove(True)
    assert seen(table).changes == ("Officer Emil is removed.",)
    assert seen(table).problem == ""


def test_a_roster_that_moved_is_looked_at_first(table: Table) -> None:
    rules(table).ask_for(Kind.POLICY, 3)
    table.server.enact(Kind.ROSTER, "roster", table.server.authority.roster_body())
    table.desk.refresh()
    assert "Another roster came into force since" in seen(table).problem
    rules(table).propose()
    assert table.officer.asked == []
    rules(table).leave()
    table.presenter.compose()
    assert seen(table).changes == ()
    assert seen(table).title == "Version 3, in place of version 2"


def test_turned_down_nothing_is_signed_and_nothing_is_lost(table: Table) -> None:
    rules(table).ask_for(Kind.POLICY, 3)
    table.officer.confirms = None
    rules(table).propose()
    assert len(table.officer.asked) == 1
    assert seen(table).changes == ("Policy: 3 approvals in place of 2.",)
    assert table.went == []


def test_who_may_not_propose_cannot_begin(tmp_path: Path) -> None:
    server = ScriptedServer(Clock())
    desk = standing_desk(server)
    table = Table(server, desk, ScriptedOfficer(), Actions(), tmp_path)
    desk.show(with_link(desk.facts, Link.OFFLINE))
    table.presenter.compose()
    assert table.presenter.rules.view() is None
    assert table.why_not("compose")

"""The officers page without a window: roster, rules, expiries, and changes proposed for real."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.calendar import calendar_of
from keyturn.client.qrpictures import write_pictures
from keyturn.client.rosterchange import keys_meant
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.enrolment import ENROLMENT_TYPE, LONGEST_WAIT, enrolment_payload
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn_app import fingerprint
from keyturn_app.actions import Actions
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.questions import Confirm, Confirmed, SaveFile, Weight
from keyturn_app.screens.officers.presenter import OfficersPresenter
from keyturn_app.screens.officers.viewmodel import OfficersView, Phase
from keyturn_app.surroundings import Surroundings
from support.authority import Clock, Person, make_people, policy_body, sign
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.facts import standing_desk, with_link
from unit.client.scripted_server import ScriptedServer

ZOE = Person("zoe", make_people(["zoe"])["zoe"].keys, ("approver",))


@dataclass
class Table:
    """One officer at the page."""

    server: ScriptedServer
    desk: InlineDesk
    officer: ScriptedOfficer
    actions: Actions
    tmp: Path
    went: list[tuple[str, str]] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.presenter = OfficersPresenter(
            Surroundings(
                self.desk,
                InlineDoor(),
                self.officer,
                self.actions,
                self.copied.append,
                lambda *to: self.went.append(to),
            )
        )

    @property
    def view(self) -> OfficersView:
        return self.presenter.view()

    def why_not(self, name: str) -> str:
        return self.view.actions[f"officers.{name}"].why_not

    def request(self, *, authority: Digest | None = None, person: Person = ZOE) -> None:
        """An enrolment request lies ready to be chosen."""
        payload = enrolment_payload(
            authority or self.server.fingerprint, person.entry(), self.server.clock()
        )
        self.officer.chosen = self.tmp / "zoe.json"
        self.officer.chosen.write_bytes(sign(ENROLMENT_TYPE, payload, *person.keys))

    def question(self) -> Confirm:
        found = self.officer.asked[-1]
        assert isinstance(found, Confirm)
        return found

    def proposed(self) -> Roster:
        """The roster that the server holds as an open proposal."""
        (there,) = [p for p in self.desk.facts.proposals.all if p.index is None]  # type: ignore[union-attr]
        assert isinstance(there.statement.body, Roster)
        assert self.went[-1] == ("approvals", there.digest)
        return there.statement.body


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def table(server: ScriptedServer, tmp_path: Path) -> Iterator[Table]:
    server.enact(Kind.POLICY, "serving", policy_body())
    officer = ScriptedOfficer(confirms=Confirmed("as agreed"))
    made = Table(server, standing_desk(server), officer, Actions(), tmp_path)
    yield made
    made.presenter.close()


# ---- what is shown ----


def test_the_roster_in_force_its_rules_and_its_fingerprint(table: Table) -> None:
    view = table.view
    assert view.phase is Phase.READY
    assert view.look is not None
    assert view.look.word == "In force"
    said = {name: value for name, value, _mono in view.roster}
    assert (said["Version"], said["Log index"]) == ("1", "1")
    assert said["Approved by"].count("Officer") == 3

    (shown,) = [each for each in view.officers if each.id == "ada"]
    key = table.desk.facts.seen.roster.officers[OfficerId("ada")].keys[0]  # type: ignore[union-attr]
    assert shown.whole_keys == f"{key.algorithm.value} {key.key_id}"

    assert view.fingerprint is not None
    words = fingerprint.words(table.server.fingerprint)
    assert tuple(view.fingerprint.words.split()) == words
    assert view.fingerprint.grouped.replace(" ", "") == (table.server.fingerprint.replace(":", ""))

    assert ("Roster", "3 of 5", False) in view.thresholds
    assert ("Revocation", "1 of 5; the proposer may be one of them", False) in view.thresholds
    assert view.separation[0] == "No officer is both: approver, auditor."
    assert view.witnesses[0][1] == "none: a release needs no cosignature"


def test_what_ends_soon_is_marked_and_renewed_as_a_draft(table: Table) -> None:
    assert not any(each.soon for each in table.view.expiries)
    assert table.why_not("renew") == "Choose a statement first."
    table.server.clock.advance(days=80)
    view = table.view
    assert [each.kind for each in view.expiries][:1] == [Kind.KEYS]
    assert all(each.soon for each in view.expiries)
    assert view.expiry_text == "3 statements expire within 14 days."

    table.presenter.select_expiry("policy:serving")
    assert table.why_not("renew") == ""
    table.presenter.renew()
    assert table.went == [("approvals", "new:policy:serving")]


def test_a_roster_that_ended_says_so(table: Table) -> None:
    table.server.clock.advance(days=91)
    view = table.view
    assert view.look is not None
    assert view.look.word == "Expired"
    assert view.expiry_text == "Nothing in force expires."


def test_the_calendar_is_the_one_of_the_command_line(table: Table) -> None:
    table.officer.chosen = table.tmp / "ends.ics"
    table.presenter.calendar()
    assert isinstance(table.officer.asked[-1], SaveFile)
    state = table.server.state
    statements = [each.statement for each in in_force(state, table.server.clock())]
    assert table.officer.chosen.read_bytes() == calendar_of(
        statements, table.server.fingerprint, simulated=True
    )
    table.presenter.calendar()
    assert table.officer.told, "a file that is there is not written over"


def test_rosters_so_far_say_what_each_changed(table: Table) -> None:
    authority = table.server.authority
    body = authority.roster_body()
    officers = [each for each in body["officers"] if each["id"] != "emil"]  # type: ignore[attr-defined]
    thresholds = {**body["thresholds"], "policy": 3}  # type: ignore[dict-item]
    table.server.enact(
        Kind.ROSTER,
        "roster",
        {**body, "officers": [*officers, ZOE.entry()], "thresholds": thresholds},
    )
    table.desk.refresh()
    newest, first = table.view.history
    assert first.changed == "founded with 5 officers"
    assert (newest.version, newest.index) == ("2", 4)
    came_and_went = "Officer Zoe came; Officer Emil went; threshold of Policy: 2 → 3"
    assert newest.changed == came_and_went
    table.presenter.open_entry(newest.index)
    table.presenter.open_roster_entry()
    assert table.went == [("log", "4"), ("log", "4")]


# ---- enrolling ----


def test_a_request_is_shown_and_proposed_as_exactly_that_change(table: Table) -> None:
    table.request()
    table.presenter.enrol()
    question = table.question()
    said = "\n".join(question.details)
    assert question.comment_required
    assert "Officer Officer Zoe, id zoe" in said
    assert "Roles: approver" in said
    assert "has signed the request" in said
    assert "It takes 3 approvals by the roster in force, and 3 by the new one." in said

    table.desk.refresh()
    before = table.desk.facts.seen.roster  # type: ignore[union-attr]
    after = table.proposed()
    assert set(after.officers) - set(before.officers) == {"zoe"}
    assert {**after.officers, **before.officers} == after.officers
    assert replace(after, officers=before.officers) == before
    (there,) = [p for p in table.desk.facts.proposals.all if p.index is None]  # type: ignore[union-attr]
    assert there.statement.reason == "as agreed"
    assert (there.statement.ticket or "").startswith("enrolment sha256:")


def test_a_request_that_cannot_be_taken_is_never_asked_about(table: Table) -> None:
    table.request(authority=Digest("sha256:" + "22" * 32))
    table.presenter.enrol()
    assert "another authority" in table.officer.told[-1].text

    table.request(person=replace(ZOE, id="ada"))
    table.presenter.enrol()
    assert "already" in table.officer.told[-1].text

    table.request()
    table.server.clock.advance(seconds=LONGEST_WAIT.total_seconds() + 1)
    table.presenter.enrol()
    assert "not of now" in table.officer.told[-1].text

    assert table.officer.chosen is not None
    table.officer.chosen.write_bytes(b"{}")
    table.presenter.enrol()
    assert len(table.officer.told) == 4
    assert not any(isinstance(each, Confirm) for each in table.officer.asked)


def test_nothing_is_proposed_on_a_roster_that_was_not_shown(table: Table) -> None:
    """It changes while the officer reads the question."""
    table.desk.waiting = True
    table.request()
    table.presenter.enrol()
    body = {**table.server.authority.roster_body(), "proposer_may_approve": []}
    table.server.enact(Kind.ROSTER, "roster", body)
    table.desk.answer()
    assert "changed since this was shown" in table.officer.told[-1].text
    assert table.went == []


# ---- removing ----


def test_an_ordinary_removal_is_typed_and_suspends_nothing(table: Table) -> None:
    assert table.why_not("remove") == "Choose an officer first."
    table.presenter.open("bela")
    table.presenter.remove()
    question = table.question()
    assert (question.typed, question.weight) == ("bela", Weight.DANGER)
    assert not any(each.startswith("Suspended") for each in question.details)
    table.desk.refresh()
    after = table.proposed()
    assert "bela" not in after.officers
    assert not after.compromised


def test_a_removal_for_compromise_says_first_what_it_suspends(table: Table) -> None:
    table.officer.confirms = None
    (policy,) = [
        each for each in table.server.state.by_digest.values() if each.statement.kind is Kind.POLICY
    ]
    approver = sorted(policy.approved_by)[0]
    table.presenter.select(approver)
    table.presenter.remove_compromised()
    details = table.question().details
    assert "Suspended: Policy serving, version 1" in details
    assert table.question().typed == approver
    assert table.went == [], "it was turned down"

    table.officer.confirms = Confirmed("stolen laptop")
    named = keys_meant(table.server.state, [approver])
    table.presenter.remove_compromised()
    table.desk.refresh()
    after = table.proposed()
    assert approver not in after.officers
    assert after.compromised == named


def test_a_removal_that_the_rules_forbid_is_said_not_asked(table: Table) -> None:
    body = table.server.authority.roster_body()
    separation = {"apart": [], "required": {"approver": 5}}
    table.server.enact(Kind.ROSTER, "roster", {**body, "separation": separation})
    table.desk.refresh()
    table.presenter.select(OfficerId("bela"))
    table.presenter.remove()
    assert "too few officers" in table.officer.told[-1].text
    assert table.officer.asked == []


# ---- when not ----


def test_offline_it_is_read_only_and_says_why(table: Table) -> None:
    table.desk.show(with_link(table.desk.facts, Link.RECONNECTING))
    table.presenter.select(OfficerId("ada"))
    assert table.view.phase is Phase.READY
    assert table.view.banner.startswith("Read only")
    for each in ("enrol", "remove", "compromised", "renew", "refresh"):
        assert table.why_not(each) == "Not connected to the server."
    assert table.why_not("calendar") == ""


def test_of_a_server_that_lied_nothing_is_shown(table: Table) -> None:
    table.presenter.select(OfficerId("ada"))
    table.desk.show(with_link(table.desk.facts, Link.DISTRUSTED))
    view = table.view
    assert view.phase is Phase.DISTRUSTED
    assert (view.officers, view.fingerprint, view.expiries) == ((), None, ())
    for each in ("enrol", "remove", "calendar", "copy"):
        assert table.why_not(each) == "The server is not believed."
    table.presenter.copy_fingerprint()
    table.presenter.open_roster_entry()
    assert (table.copied, table.went) == ([], [])


def test_before_the_log_is_read(table: Table) -> None:
    table.desk.show(Facts(Connection(Link.CONNECTING)))
    assert table.view.phase is Phase.LOADING
    table.desk.show(Facts(Connection(Link.OFFLINE, error="No route.")))
    assert table.view.phase is Phase.OFFLINE
    assert table.view.text.startswith("No route.")
    assert table.why_not("copy") == "The roster is not known yet."


def test_locked_or_without_the_role_nothing_is_proposed(table: Table) -> None:
    table.desk.identity = replace(table.desk.identity, locked=True)
    assert table.why_not("enrol") == "Locked: unlock your key first."
    table.desk.identity = replace(table.desk.identity, locked=False, officer="nobody")
    assert table.why_not("enrol") == "You are not in the roster in force."


def test_it_is_told_again_when_the_log_grows(table: Table) -> None:
    told: list[int] = []
    table.presenter.listeners.add(lambda: told.append(1))
    table.desk.show(table.desk.facts, Topic.NODES)
    assert told == []
    table.desk.show(table.desk.facts, Topic.SEEN)
    table.presenter.tick()
    assert len(told) == 2


def test_the_bundle_for_a_station_is_the_one_of_the_log(table: Table) -> None:
    table.officer.chosen = table.tmp / "authority-bundle.json"
    table.presenter.save_bundle()
    assert table.officer.toasts[-1] == "Saved authority-bundle.json."
    server = table.server
    found = load_bundle(table.officer.chosen.read_bytes(), server.fingerprint, server.clock())
    seen = table.desk.facts.seen
    assert seen is not None
    assert found.roster == seen.roster
    table.presenter.save_bundle()
    assert "cannot write" in table.officer.told[-1].text


def test_a_change_of_thresholds_begins_as_a_draft(table: Table) -> None:
    table.presenter.change()
    assert table.went[-1] == ("approvals", "new:roster:roster")


def test_a_request_in_pictures_is_read_from_any_of_them(table: Table) -> None:
    table.request()
    assert table.officer.chosen is not None
    pictures = write_pictures(table.officer.chosen.read_bytes(), table.tmp / "request")
    table.officer.chosen = pictures[-1]
    table.presenter.enrol()
    assert "zoe" in table.question().details[0]

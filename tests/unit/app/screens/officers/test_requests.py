"""Newcomers' requests on the officers page: verified, compared aloud, proposed or dismissed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.times import format_time
from keyturn.client.enrolments import send_enrolment
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn_app import fingerprint
from keyturn_app.actions import Actions
from keyturn_app.facts import Link
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.officers.requests import RequestsPresenter, RequestsView
from support.authority import Clock, Person
from support.desks import ScriptedOfficer
from support.enrolling import newcomer, request_of
from support.facts import standing_desk, with_link
from unit.app.screens.officers.test_presenter import Table
from unit.client.scripted_server import ScriptedServer


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    server = ScriptedServer(Clock())
    made = Table(server, standing_desk(server), ScriptedOfficer(), Actions(), tmp_path)
    made.officer.confirms = Confirmed("as agreed")
    yield made
    made.presenter.close()


def requests(table: Table) -> RequestsPresenter:
    return table.presenter.requests


def seen(table: Table) -> RequestsView:
    return requests(table).view()


def send(table: Table, person: Person) -> str:
    raw = request_of(person, table.server.fingerprint, table.server.clock())
    with table.server.transport() as stranger:
        send_enrolment(stranger, raw)
    return next(digest for digest, (kept, _at) in table.server.enrolments.items() if kept == raw)


def test_nobody_was_asked_and_nobody_waits(table: Table) -> None:
    assert seen(table).text == "The server has not been asked yet."
    requests(table).load()
    assert seen(table).lines == ()
    assert seen(table).text.startswith("No request waits.")
    assert seen(table).why_not_propose == "Choose a request first."


def test_one_waits_is_read_aloud_and_proposed_unchanged(table: Table) -> None:
    zoe = newcomer("zoe")
    digest = send(table, zoe)
    table.server.clock.advance(hours=3)
    requests(table).load()
    view = seen(table)
    assert view.text == "1 request waits."
    (line,) = view.lines
    assert (line.name, line.id, line.roles, line.age) == (
        "Officer Zoe",
        "zoe",
        "approver",
        "3 h ago",
    )
    assert line.look.word == "Waits"
    assert view.chosen == digest
    told = {name: value for name, value, _mono in view.details}
    assert told["Digest"].replace(" ", "") == digest.replace(":", "")
    assert tuple(told["In words"].split()) == fingerprint.words(line.digest)
    assert told["Arrived"].endswith("says the server")

    requests(table).propose()
    question = table.question()
    assert any("In words: " in each for each in question.details)
    body = table.proposed()
    assert body.officers[OfficerId("zoe")].to_document() == {
        **zoe.entry(),
        "roles": ["approver"],
    }
    (there,) = [p for p in table.desk.facts.proposals.all if p.index is None]  # type: ignore[union-attr]
    assert there.statement.ticket == f"enrolment {digest}"


def test_two_under_one_id_are_pointed_at(table: Table) -> None:
    send(table, newcomer("zoe"))
    second = send(table, newcomer("zoe"))
    requests(table).load()
    assert [each.look.word for each in seen(table).lines] == ["Same id twice"] * 2
    requests(table).choose(second)
    assert seen(table).chosen == second
    assert "one of them is not that person" in seen(table).warning


def test_what_the_roster_cannot_take_in_says_why(table: Table) -> None:
    raw = request_of(newcomer("ada"), table.server.fingerprint, table.server.clock())
    listed = [{"envelope": b64(raw), "received": format_time(table.server.clock())}]
    table.server.lies["/v1/enrolments"] = lambda _true: {"enrolments": listed}
    requests(table).load()
    view = seen(table)
    assert view.lines[0].look.word == "Not possible"
    assert "in the roster already" in view.warning
    assert "in the roster already" in view.why_not_propose
    assert view.why_not_dismiss == ""
    requests(table).propose()
    assert table.officer.asked == []


def test_what_proves_nothing_is_counted_and_not_shown(table: Table) -> None:
    forged = request_of(
        newcomer("zoe"),
        table.server.fingerprint,
        table.server.clock(),
        keys=newcomer("eve").keys,
    )
    listed = [{"envelope": b64(forged), "received": format_time(table.server.clock())}]
    table.server.lies["/v1/enrolments"] = lambda _true: {"enrolments": listed}
    requests(table).load()
    assert seen(table).lines == ()
    assert "1 more proves nothing, and is not shown." in seen(table).text


def test_dismissed_after_a_question(table: Table) -> None:
    send(table, newcomer("zoe"))
    requests(table).load()
    table.officer.confirms = None
    requests(table).dismiss()
    assert isinstance(table.officer.asked[-1], Confirm)
    assert len(table.server.enrolments) == 1
    table.officer.confirms = Confirmed("")
    requests(table).dismiss()
    assert table.server.enrolments == {}
    assert seen(table).lines == ()


def test_gone_already_is_said_and_looked_up_again(table: Table) -> None:
    send(table, newcomer("zoe"))
    requests(table).load()
    table.server.enrolments.clear()
    requests(table).dismiss()
    assert table.officer.told
    assert seen(table).lines == ()


def test_taken_in_by_a_new_roster_it_is_looked_at_again(table: Table) -> None:
    zoe = newcomer("zoe")
    send(table, zoe)
    requests(table).load()
    body = table.server.authority.roster_body()
    body["officers"] = [*body["officers"], zoe.entry()]  # type: ignore[misc]
    table.server.enact(Kind.ROSTER, "roster", body)
    table.desk.refresh()
    assert seen(table).lines[0].look.word == "Not possible"


def test_offline_what_was_known_stays_and_nothing_is_asked(table: Table) -> None:
    send(table, newcomer("zoe"))
    requests(table).load()
    table.desk.show(with_link(table.desk.facts, Link.OFFLINE))
    asked = len(table.server.asked)
    requests(table).load()
    assert len(table.server.asked) == asked
    assert seen(table).text == "Not connected to the server."
    assert len(seen(table).lines) == 1
    assert seen(table).why_not_propose
    assert seen(table).why_not_dismiss


def test_an_error_is_not_nobody(table: Table) -> None:
    table.server.lies["/v1/enrolments"] = lambda _true: {"enrolments": 1}
    requests(table).load()
    assert seen(table).text.startswith("What waits is not known:")


def test_too_old_it_is_made_again(table: Table) -> None:
    send(table, newcomer("zoe"))
    table.server.clock.advance(days=31)
    requests(table).load()
    assert "not of now" in seen(table).warning

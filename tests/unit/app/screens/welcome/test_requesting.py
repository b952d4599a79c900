"""A newcomer asks to be taken in, from the first run on: signed by their key, sent, read aloud."""

from pathlib import Path

import pytest

from keyturn.quorum.enrolment import parse_enrolment
from keyturn.quorum.kinds import Role
from keyturn_app.fingerprint import words
from keyturn_app.questions import Passphrase
from keyturn_app.screens.welcome.viewmodel import Step
from unit.app.screens.welcome.desks import PASSPHRASE, FirstPage


@pytest.fixture
def page(tmp_path: Path) -> FirstPage:
    made = FirstPage(tmp_path)
    made.at_key()
    made.presenter.set_officer("fay")
    made.presenter.set_name("Fay Moss")
    made.presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
    assert made.presenter.view().step is Step.DONE
    return made


def test_sent_with_the_roles_that_were_chosen(page: FirstPage) -> None:
    presenter = page.presenter
    assert presenter.view().asks
    presenter.ask_role(Role.PROPOSER, False)
    presenter.ask_role(Role.AUDITOR, True)
    presenter.ask_role(Role.APPROVER, False)
    page.officer.secret = PASSPHRASE
    presenter.send_request()
    assert isinstance(page.officer.asked[-1], Passphrase)
    ((raw, _received),) = page.server.enrolments.values()
    found = parse_enrolment(raw)
    assert found.authority == page.server.fingerprint
    assert (found.officer.id, found.officer.name) == ("fay", "Fay Moss")
    assert found.officer.roles == {Role.AUDITOR}
    assert found.officer.hpke is not None
    view = presenter.view()
    assert " ".join(words(found.digest)[:4]) in view.asked
    assert view.ask_why_not == "It was sent."
    presenter.ask_role(Role.PROPOSER, True)
    assert presenter.view().draft.roles == {Role.AUDITOR}
    presenter.send_request()
    assert len(page.server.enrolments) == 1
    presenter.next()
    assert len(page.finished) == 1


def test_a_wrong_passphrase_sends_nothing_and_may_be_typed_again(page: FirstPage) -> None:
    page.officer.secret = b"a wrong passphrase"
    page.presenter.send_request()
    assert page.server.enrolments == {}
    assert page.presenter.view().error
    assert page.presenter.view().ask_why_not == ""
    page.officer.secret = PASSPHRASE
    page.presenter.send_request()
    assert len(page.server.enrolments) == 1
    assert page.presenter.view().error == ""


def test_turned_down_sends_nothing(page: FirstPage) -> None:
    page.officer.secret = None
    page.presenter.send_request()
    assert page.server.enrolments == {}
    assert page.presenter.view().asked == ""
    assert page.presenter.view().error == ""


def test_without_a_role_there_is_nothing_to_ask_for(page: FirstPage) -> None:
    for role in (Role.PROPOSER, Role.APPROVER):
        page.presenter.ask_role(role, False)
    assert page.presenter.view().ask_why_not == "Choose at least one role."
    page.presenter.send_request()
    assert page.officer.asked == []


def test_a_server_that_says_no_is_heard(page: FirstPage) -> None:
    page.server.lies["/v1/hello"] = lambda true: {**true, "fingerprint": "sha256:" + "0" * 64}
    page.officer.secret = PASSPHRASE
    page.presenter.send_request()
    assert "another authority" in page.presenter.view().error
    assert page.server.enrolments == {}


def test_a_file_has_the_roles_that_were_chosen(page: FirstPage) -> None:
    """What was signed at the key's making asks for others: it is signed again, once."""
    page.presenter.ask_role(Role.AUDITOR, True)
    page.officer.secret = PASSPHRASE
    page.officer.chosen = page.directory / "request.json"
    page.presenter.save_request()
    found = parse_enrolment(page.officer.chosen.read_bytes())
    assert found.officer.roles == {Role.PROPOSER, Role.APPROVER, Role.AUDITOR}
    asked = sum(isinstance(each, Passphrase) for each in page.officer.asked)
    page.presenter.show_codes()
    assert page.presenter.view().codes
    assert sum(isinstance(each, Passphrase) for each in page.officer.asked) == asked == 1
    page.presenter.ask_role(Role.AUDITOR, False)
    assert page.presenter.view().codes == ()


def test_what_was_sent_is_what_a_file_says_afterwards(page: FirstPage) -> None:
    page.officer.secret = PASSPHRASE
    page.presenter.send_request()
    ((raw, _received),) = page.server.enrolments.values()
    page.officer.chosen = page.directory / "request.json"
    page.presenter.save_request()
    assert page.officer.chosen.read_bytes() == raw


def test_a_wrong_passphrase_makes_no_file(page: FirstPage) -> None:
    page.presenter.ask_role(Role.AUDITOR, True)
    page.officer.secret = b"a wrong passphrase"
    page.officer.chosen = page.directory / "request.json"
    page.presenter.save_request()
    assert not page.officer.chosen.exists()
    assert page.presenter.view().error

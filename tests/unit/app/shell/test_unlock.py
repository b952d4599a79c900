"""Unlocking: one passphrase at a time, what was wrong is said, none is kept."""

import pytest

from keyturn_app.shell.unlock import UnlockPresenter, needs
from support.authority import Clock
from support.facts import standing_desk
from support.seats import PASSPHRASE, StandingSession
from unit.client.scripted_server import ScriptedServer


@pytest.fixture
def session() -> StandingSession:
    server = ScriptedServer(Clock())
    return StandingSession(*(standing_desk(server, each, locked=True) for each in ("ada", "bela")))


def test_the_right_one_unlocks(session: StandingSession) -> None:
    UnlockPresenter(session).unlock(bytearray(PASSPHRASE))
    assert not session.desk.identity.locked


def test_a_wrong_one_says_what_to_do(session: StandingSession) -> None:
    presenter = UnlockPresenter(session)
    presenter.unlock(bytearray(b"wrong"))
    view = presenter.view()
    assert view.error == "wrong passphrase. Type it again."
    assert not view.busy


def test_while_one_is_tried_another_is_wiped_and_not_taken(session: StandingSession) -> None:
    session.waiting = True
    presenter, second = UnlockPresenter(session), bytearray(b"second")
    presenter.unlock(bytearray(PASSPHRASE))
    presenter.unlock(second)
    presenter.sit("seat-1")
    assert second == bytearray(6)
    assert len(session.given) == 1
    assert session.at == "seat-0"
    assert needs(presenter.view(), "typed") == "The key is being opened…"


def test_another_seat_forgets_the_error(session: StandingSession) -> None:
    presenter = UnlockPresenter(session)
    presenter.unlock(bytearray(b"wrong"))
    presenter.sit("seat-1")
    assert (presenter.view().error, presenter.view().name) == ("", "Bela")


def test_without_a_passphrase_it_says_what_is_needed(session: StandingSession) -> None:
    view = UnlockPresenter(session).view()
    assert needs(view, "") == "Enter the passphrase of your key."
    assert needs(view, "x") == ""

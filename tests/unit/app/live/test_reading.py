"""A long log is read for minutes: the officer sees how far, and a lock ends it."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn_app.desk import Locked
from keyturn_app.facts import Connection, Facts, Link, Reading
from keyturn_app.live.mailbox import Mailbox
from keyturn_app.live.talking import QUICKLY, Talker
from keyturn_app.screens.fleet.viewmodel import notice
from keyturn_app.screens.log.composing import empty
from keyturn_app.shell.viewmodel import age_text
from support.authority import START, Clock


def no_client() -> KeyturnClient:
    raise KeyturnError("no client")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def talker(mailbox: Mailbox, tmp_path: Path) -> Talker:
    made = Talker(no_client, lambda: None, mailbox, tmp_path, Clock(), lambda _trusted: None)
    made.open()
    return made


def test_a_long_log_tells_how_far(talker: Talker, mailbox: Mailbox) -> None:
    talker._read_so_far(1_200_000, 10_000_000)
    assert mailbox.facts.connection.reading == Reading(1_200_000, 10_000_000)
    talker._read_so_far(9_999_999, 10_000_000)  # once it is told, to its end
    assert mailbox.facts.connection.reading == Reading(9_999_999, 10_000_000)


def test_a_short_one_does_not(talker: Talker, mailbox: Mailbox) -> None:
    talker._read_so_far(0, QUICKLY)
    assert mailbox.facts.connection.reading is None


def test_a_lock_ends_it(talker: Talker) -> None:
    talker.shut()
    with pytest.raises(Locked):
        talker._read_so_far(0, 10_000_000)


def test_a_failure_ends_what_is_told(talker: Talker, mailbox: Mailbox) -> None:
    talker._read_so_far(0, 10_000_000)
    talker._say(Link.RECONNECTING, KeyturnError("gone"))
    assert mailbox.facts.connection.reading is None


def test_every_page_that_waits_for_it_says_so() -> None:
    text = "Reading the log: 1,200,000 of 10,000,000 entries"
    connection = Connection(Link.CONNECTING, reading=Reading(1_200_000, 10_000_000))
    facts = Facts(connection)
    assert age_text(connection, START) == text
    assert notice(facts, START).text.startswith(text)
    shown = empty(facts, 0, False, False)
    assert shown is not None
    assert shown.text.startswith(text)
    known = empty(replace(facts, connection=Connection(Link.CONNECTING)), 0, False, False)
    assert known is not None
    assert "1,200,000" not in known.text

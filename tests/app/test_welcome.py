"""The first page by clicks and keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QRadioButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.base.signatures import Algorithm
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.screens.welcome.view import WelcomePage
from keyturn_app.screens.welcome.viewmodel import Step
from support.card import card_reader
from unit.app.live.lines import ours
from unit.app.screens.welcome.desks import PASSPHRASE, FirstPage
from unit.client.scripted_server import PIN, URL

# What the offscreen plugin says of every window that has a smallest size.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def first(qtbot: QtBot, tmp_path: Path) -> Iterator[FirstPage]:
    door = QtDoor()
    made = FirstPage(tmp_path, door=door)
    yield made
    made.presenter.close()
    door.close()
    made.store.close()
    assert ours() == []


@pytest.fixture
def copied() -> list[str]:
    return []


@pytest.fixture
def page(first: FirstPage, copied: list[str], qtbot: QtBot) -> WelcomePage:
    made = WelcomePage(first.presenter, copied.append)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    with qtbot.waitExposed(made):
        made.show()
    return made


def find(page: WelcomePage, name: str) -> QWidget:
    found = page.findChild(QWidget, f"welcome.{name}")
    assert found is not None, name
    return found


def click(qtbot: QtBot, page: WelcomePage, name: str) -> None:
    button = find(page, name)
    assert isinstance(button, QAbstractButton)
    assert button.isEnabled(), name
    button.click()


def enter(qtbot: QtBot, page: WelcomePage, name: str, text: str) -> None:
    field = find(page, name)
    assert isinstance(field, QLineEdit)
    field.clear()
    qtbot.keyClicks(field, text)


def at(first: FirstPage, step: Step) -> bool:
    return first.presenter.view().step is step


def to_authority(qtbot: QtBot, first: FirstPage, page: WelcomePage) -> None:
    enter(qtbot, page, "url", URL)
    enter(qtbot, page, "pin", PIN)
    click(qtbot, page, "next")
    qtbot.waitUntil(lambda: at(first, Step.AUTHORITY))


def to_key(qtbot: QtBot, first: FirstPage, page: WelcomePage) -> None:
    to_authority(qtbot, first, page)
    assert not find(page, "next").isEnabled()
    click(qtbot, page, "compared")
    click(qtbot, page, "next")
    assert at(first, Step.KEY)


def test_from_nothing_to_a_key(
    first: FirstPage, page: WelcomePage, copied: list[str], qtbot: QtBot
) -> None:
    to_key(qtbot, first, page)
    enter(qtbot, page, "officer", "fay")
    enter(qtbot, page, "name", "Fay Moss")
    assert not find(page, "next").isEnabled()
    enter(qtbot, page, "passphrase", PASSPHRASE.decode())
    enter(qtbot, page, "again", PASSPHRASE.decode())
    click(qtbot, page, "next")
    for name in ("passphrase", "again"):
        field = find(page, name)
        assert isinstance(field, QLineEdit)
        assert field.text() == ""
    qtbot.waitUntil(lambda: at(first, Step.DONE))
    click(qtbot, page, "entry.copy")
    assert '"fay"' in copied[0]
    click(qtbot, page, "next")
    assert first.finished == list(first.store.all())


def test_the_words_are_read_out_and_the_hex_is_there(
    first: FirstPage, page: WelcomePage, copied: list[str], qtbot: QtBot
) -> None:
    to_authority(qtbot, first, page)
    spoken = " ".join(first.presenter.view().words)
    assert find(page, "words").accessibleName() == spoken
    assert not find(page, "fingerprint").isVisible()
    click(qtbot, page, "hex")
    assert find(page, "fingerprint").isVisible()
    click(qtbot, page, "copy")
    assert copied == [first.server.fingerprint]


@pytest.mark.parametrize("step", [Step.SERVER, Step.AUTHORITY, Step.KEY])
def test_cancelled_at_each_page(
    first: FirstPage, page: WelcomePage, qtbot: QtBot, step: Step
) -> None:
    if step is Step.AUTHORITY:
        to_authority(qtbot, first, page)
    if step is Step.KEY:
        to_key(qtbot, first, page)
        enter(qtbot, page, "passphrase", PASSPHRASE.decode())
    click(qtbot, page, "cancel")
    assert first.cancelled == [True]
    page.close_page()
    assert first.files() == []
    field = find(page, "passphrase")
    assert isinstance(field, QLineEdit)
    assert field.text() == ""


def test_a_passphrase_is_in_no_text_of_the_page(
    first: FirstPage, page: WelcomePage, qtbot: QtBot
) -> None:
    to_key(qtbot, first, page)
    enter(qtbot, page, "officer", "fay")
    enter(qtbot, page, "passphrase", PASSPHRASE.decode())
    shown = "\n".join(
        [each.text() for each in page.findChildren(QLabel)]
        + [each.displayText() for each in page.findChildren(QLineEdit)]
        + [QApplication.clipboard().text()]
    )
    assert "fay" in shown  # the search finds what is shown
    assert PASSPHRASE.decode() not in shown
    assert PASSPHRASE.decode() not in repr(first.presenter.view())


def test_what_each_place_of_a_key_asks(first: FirstPage, page: WelcomePage, qtbot: QtBot) -> None:
    to_key(qtbot, first, page)
    assert not find(page, "card").isVisible()
    click(qtbot, page, "key.card")
    for name in ("card.module", "card.token", "card.key", "card.look"):
        assert find(page, name).isVisible()
    assert not find(page, "officer").isVisible()
    assert not find(page, "next").isEnabled()
    imported = find(page, "key.imported")
    assert isinstance(imported, QRadioButton)
    imported.click()
    assert find(page, "import").isVisible()
    assert not find(page, "officer").isVisible()
    assert not find(page, "card").isVisible()


def test_a_card_is_looked_for_and_chosen(
    first: FirstPage, page: WelcomePage, qtbot: QtBot, tmp_path: Path
) -> None:
    with card_reader(tmp_path / "cards") as reader:
        made = [reader.make(algorithm, algorithm.value) for algorithm in Algorithm]
        to_key(qtbot, first, page)
        click(qtbot, page, "key.card")
        enter(qtbot, page, "card.module", str(reader.module))
        click(qtbot, page, "card.look")
        found = find(page, "card.found")
        assert isinstance(found, QComboBox)
        qtbot.waitUntil(lambda: found.count() == 2)
        assert found.isVisible()
        assert not find(page, "next").isEnabled()
        at_it = next(n for n in range(2) if "p256" in found.itemText(n))
        found.setCurrentIndex(at_it)
        found.activated.emit(at_it)
        assert find(page, "card.note").isVisible()
        enter(qtbot, page, "officer", "fay")
        enter(qtbot, page, "name", "Fay Moss")
        for name in ("passphrase", "again"):
            enter(qtbot, page, name, PASSPHRASE.decode())
        click(qtbot, page, "next")
        qtbot.waitUntil(lambda: at(first, Step.DONE))
        (known,) = first.store.all()
        chosen = next(each for each in made if each.algorithm is Algorithm.P256)
        assert known.profile.key == chosen.location


def test_every_control_has_a_name(page: WelcomePage) -> None:
    kinds = (QAbstractButton, QLineEdit, QComboBox)
    controls = [each for kind in kinds for each in page.findChildren(kind)]
    assert len(controls) > 15
    for each in controls:
        assert each.objectName(), each
        assert each.accessibleName() or isinstance(each.parent(), QComboBox), each.objectName()


def test_by_the_keyboard_alone(first: FirstPage, page: WelcomePage, qtbot: QtBot) -> None:
    with qtbot.waitActive(page):
        page.activateWindow()
    enter(qtbot, page, "url", URL)
    enter(qtbot, page, "pin", PIN)
    qtbot.keyClick(find(page, "pin"), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: at(first, Step.AUTHORITY))
    qtbot.keyClick(find(page, "compared"), Qt.Key.Key_Space)
    qtbot.keyClick(find(page, "compared"), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: at(first, Step.KEY))


def test_from_the_server_to_a_station_and_back(page: WelcomePage, first: FirstPage) -> None:
    titles = [each.text() for each in page.findChildren(QLabel) if each.isVisible()]
    assert "Which server?" in titles
    station = find(page, "station")
    assert isinstance(station, QAbstractButton)
    station.click()
    titles = [each.text() for each in page.findChildren(QLabel) if each.isVisible()]
    assert "An officer station" in titles
    assert first.presenter.view().steps[0].title == "Bundle"
    assert "Which server?" not in titles
    assert find(page, "bundle").hasFocus()
    back = find(page, "server")
    assert isinstance(back, QAbstractButton)
    back.click()
    assert first.presenter.view().draft.station is False
    assert find(page, "url").hasFocus()

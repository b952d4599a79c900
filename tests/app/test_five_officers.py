"""A threshold changed by five officers: proposed, rejected, proposed again, approved at the desk,
at a station by file and at another one by pictures; in force, and proved by the log.

Three officers share the window of the office. Two sit where no network is.
"""

import base64
import json
import shlex
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from keyturn.client.profile import places_of
from keyturn.quorum.kinds import Kind
from keyturn_app.fingerprint import words
from keyturn_app.live.profiles import ProfileStore
from keyturn_app.screens.log.prooftree import ProofTree
from support.office import Office
from support.officefixtures import (
    hsm_worker,
    node_secrets,
    office,
    system,
    token_template,
    unhardened,
    vendors,
    whole,
)
from support.stations import Station, running_station, set_up
from support.whole import Whole

__all__ = [
    "hsm_worker",
    "node_secrets",
    "office",
    "system",
    "token_template",
    "unhardened",
    "vendors",
    "whole",
]

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")


# ---- at the office ----


def propose_threshold(office: Office, needed: int, reason: str) -> None:
    """On the page of officers, as a draft of the next roster."""
    office.go("officers")
    office.click("officers.change")
    office.until(lambda: office.window.page == "approvals")
    text = office.find(QPlainTextEdit, "approvals.draft.body").toPlainText()
    body = json.loads(text)
    body["thresholds"]["policy"] = needed
    office.paste("approvals.draft.body", json.dumps(body, indent=2))
    office.write("approvals.draft.reason", reason)
    office.click("approvals.draft.propose")
    office.click("question.yes")
    office.says("approvals.standing", "NOT IN FORCE")
    office.says("approvals.quorum", "0 of 3")


def open_newest(office: Office, reason: str) -> None:
    """The open proposal with this reason, from the list."""
    office.go("approvals")
    if office.text("approvals.standing"):
        office.click("approvals.back")
    office.click("approvals.filter.all")
    office.write("approvals.search", reason)
    office.row("approvals.list", "v2")
    office.says("approvals.reason", reason)


def approve(office: Office, now: str) -> None:
    office.says("approvals.standing", "NOT IN FORCE")
    office.click("approvals.approve")
    office.click("question.yes")
    office.says("approvals.quorum", now)


def open_files(office: Office, *paths: Path) -> None:
    """The page's own way in: one file, or several pictures at once."""
    office.go("approvals")
    if office.text("approvals.standing"):
        office.click("approvals.back")
    office.click("approvals.openfile")
    office.paste("question.path", shlex.join(map(str, paths)))
    office.click("question.yes")


def bring_back(office: Office, *paths: Path) -> None:
    open_files(office, *paths)
    office.says("approvals.file.notice", "pinned authority and the log")
    office.click("approvals.file.post")


def refused(office: Office, *paths: Path) -> str:
    """What the page says of something that it does not show."""
    open_files(office, *paths)
    office.until(lambda: office.text("question.title"))
    said = office.words
    office.click("question.yes")
    assert not office.text("approvals.file.notice")
    return said


# ---- at a station ----


def sign_into_file(station: Station, source: tuple[Path, ...], signed: Path, now: str) -> None:
    """Open, look, approve, and write the signed file."""
    open_files(station, *source)
    station.says("approvals.file.notice", "This station cannot know")
    station.says("approvals.standing", "NOT IN FORCE as far as this file says")
    station.until(
        lambda: "newest in the authority bundle" in station.spoken("approvals.diff.before")
    )
    station.click("approvals.approve")
    station.click("question.yes")
    station.path(signed)
    station.says("approvals.quorum", now)
    station.until(signed.exists)


def pictures_of(office: Office, place: Path) -> tuple[Path, ...]:
    """The open proposal as PNG files, written from the page of QR codes."""
    office.click("approvals.pictures.show")
    office.click("approvals.pictures.write")
    office.path(place)
    office.until(lambda: office.text("toast.text") == f"Written to {place.name}")
    office.click("approvals.pictures.back")
    return tuple(sorted(place.iterdir()))


@pytest.fixture
def stations(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / f"station-{name}" for name in ("dora", "emil")}
    for each in made.values():
        each.mkdir()
    return made


@pytest.mark.timeout(300)
def test_a_threshold_changed_by_five_officers(
    office: Office, whole: Whole, stations: dict[str, Path], tmp_path: Path, qtbot: QtBot
) -> None:
    first, second = "three shall agree to a policy", "three, as agreed with Bela"
    office.unlock("ada")
    propose_threshold(office, 3, first)
    bela_rejects_and_ada_withdraws(office, first, tmp_path)

    office.sit("ada")
    propose_threshold(office, 3, second)
    outbound = tmp_path / "proposal.json"
    office.click("approvals.export")
    office.path(outbound)
    office.until(outbound.exists)
    pictures = pictures_of(office, tmp_path / "outbound")
    assert len(pictures) > 1

    office.sit("chen")
    open_newest(office, second)
    approve(office, "1 of 3")

    dora = set_up(whole, stations["dora"], qtbot, "dora", outbound, whole.system.fingerprint)
    signed = tmp_path / "signed-by-dora.json"
    store = ProfileStore(places_of(stations["dora"], {}))
    with running_station(whole, tmp_path, qtbot, dora, store) as station:
        station.enter("dora")
        it_says_what_it_is(station)
        sign_into_file(station, (outbound,), signed, "1 of 3")
    store.close()

    one_changed_byte_is_named(office, signed, tmp_path)
    bring_back(office, signed)
    office.says("approvals.quorum", "2 of 3")
    one_short(office, whole)

    said = " ".join(words(whole.system.fingerprint)).upper()
    emil = set_up(whole, stations["emil"], qtbot, "emil", outbound, said)
    store = ProfileStore(places_of(stations["emil"], {}))
    with running_station(whole, tmp_path, qtbot, emil, store) as station:
        station.enter("emil")
        foreign = sorted((tmp_path / "withdrawn").iterdir())
        said = refused(station, *pictures, foreign[0])
        assert "belongs to another transfer" in said
        by_emil = tmp_path / "signed-by-emil.json"
        sign_into_file(station, pictures, by_emil, "1 of 3")
        back = pictures_of(station, tmp_path / "inbound")
    store.close()

    bring_back(office, *back)
    office.says("approvals.standing", "In force since log entry")
    office.says("approvals.receipt.text", "verified here")
    roster = whole.system.keyholder.journal.state.roster
    assert roster is not None
    assert roster.thresholds[Kind.POLICY] == 3
    the_officers_page_and_the_log_show_it(office)


def bela_rejects_and_ada_withdraws(office: Office, reason: str, tmp_path: Path) -> None:
    """It stays what it is for ever: NOT IN FORCE."""
    office.sit("bela")
    open_newest(office, reason)
    office.write("approvals.comment", "three of us are seldom here at once")
    office.click("approvals.reject")
    office.click("question.yes")
    office.until(lambda: "seldom here at once" in office.words)
    office.says("approvals.quorum", "0 of 3")
    office.sit("ada")
    open_newest(office, reason)
    pictures_of(office, tmp_path / "withdrawn")
    office.click("approvals.withdraw")
    office.write("question.comment", "to be talked over first")
    office.click("question.yes")
    office.says("approvals.standing", "NOT IN FORCE.")
    office.sit("chen")
    open_newest(office, reason)
    office.until(lambda: "It was withdrawn: that is final." in office.words)


def it_says_what_it_is(station: Station) -> None:
    assert station.spoken("topbar.link") == "OFFLINE STATION"
    assert not station.seen(QPlainTextEdit, "approvals.draft.body")
    shown = [name for name in ("fleet", "models", "log") if station.spoken(f"rail.{name}")]
    assert shown == []
    station.go("officers")
    station.until(lambda: "this station cannot know" in station.text("station.cannot"))
    QTest.keyClick(station.window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    station.until(lambda: "it asks no server" in station.words)


def one_changed_byte_is_named(office: Office, signed: Path, tmp_path: Path) -> None:
    """In Dora's envelope, and in what she signed."""
    document = json.loads(signed.read_bytes())
    whole = base64.b64decode(document["approvals"][-1])
    envelope = json.loads(whole)
    payload = bytearray(base64.b64decode(envelope["payload"]))
    payload[payload.index(b"dora")] ^= 1
    envelope["payload"] = base64.b64encode(payload).decode()
    for name, other in (
        ("damaged", whole.replace(b"payload", b"paylaod", 1)),
        ("forged", json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode()),
    ):
        document["approvals"][-1] = base64.b64encode(other).decode()
        changed = tmp_path / f"{name}.json"
        changed.write_bytes(json.dumps(document).encode())
        said = refused(office, changed)
        assert "This file is not shown: it does not verify" in said
        assert "approval" in said, name


def one_short(office: Office, whole: Whole) -> None:
    """Two of three: the keyholder was asked, and said no."""
    office.says("approvals.standing", "NOT IN FORCE")
    roster = whole.system.keyholder.journal.state.roster
    assert roster is not None
    assert roster.thresholds[Kind.POLICY] == 2


def the_officers_page_and_the_log_show_it(office: Office) -> None:
    index = office.facts.seen.state.newest[(Kind.ROSTER, "roster")].index  # type: ignore[union-attr]
    office.go("officers")
    office.until(lambda: "3 of 5" in office.words)
    office.click("officers.entry")
    office.until(lambda: office.window.page == "log")
    office.says("log.drawer.sentence", "roster version 2 in force, approved by chen, dora, emil")
    assert office.text("log.drawer.title") == f"Entry {index}"
    office.until(lambda: office.spoken("log.proof.state") == "Included")
    assert "leads to the signed root" in office.text("log.proof.text")
    (tree,) = office.seen(ProofTree, "log.proof.tree")
    assert tree.accessibleName()
    office.row("log.entries", "bela rejected proposal")  # the quorum that was not is there too
    office.says("log.drawer.sentence", "bela rejected proposal")
    office.until(lambda: office.spoken("log.proof.state") == "Included")

"""Everybody around one window of ceremonies: hands on mouse and keys, and sheets of paper.

Everybody signs with their own key file; shares are read from the screen, written down, and typed
in again from the sheet.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pypdf
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.transcript import Verified, parse_transcript, verify_transcript
from keyturn.officerkeys.keyfile import write_key_file
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.live.nobody import NobodysDesk
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.theme import apply
from keyturn_app.qtkit.tokens import Mode
from keyturn_app.screens.ceremonies.share_view import ShareWords
from keyturn_app.shell.ceremonyroom import CeremonyRoom
from keyturn_app.shell.questioning import one_line
from support.office import QUICK, SOON, Office, scroll_to
from support.paperhost import KEEPERS, NAMES, SO_KEEPERS, Participant

BACKUP = ("mara", "jun", "sofia")
CUSTODIANS = tuple(dict.fromkeys((*KEEPERS, *SO_KEEPERS)))


def passphrase(name: str) -> str:
    return f"{name} keeps a long passphrase"


@dataclass
class Participants:
    """The window at the ceremony's machine, everybody's key files, and their sheets of paper."""

    office: Office
    directory: Path
    keys: dict[str, Path]
    sheets: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    prints: dict[tuple[str, str], Path] = field(default_factory=dict)
    """(officer, use) of shares that are printed too, and to which file."""

    # ---- planning ----

    def plan(self, *, rehearsal: bool) -> None:
        office = self.office
        office.click("ceremonies.new")
        office.click("ceremonies.rehearse.genesis" if rehearsal else "ceremonies.plan.genesis")
        office.click("plan.add")
        office.write("question.path", one_line([str(each) for each in self.keys.values()]))
        office.click("question.yes")
        office.until(lambda: office.seen(QCheckBox, "plan.seat.petra.witness"))
        if not rehearsal:
            office.write("plan.directory", str(self.directory / "keyholder"))
            office.write("plan.origin", "keyturn.example/story")
        office.click("plan.profile.recoverable")
        for name in KEEPERS:
            self.seat(name, "user", "approver")
        for name in SO_KEEPERS:
            self.seat(name, "so")
        for name in BACKUP:
            self.seat(name, "backup")
        self.seat("novak", "administrator", "proposer")
        self.seat("osei", "witness")
        self.seat("lind", "scribe")
        office.write("plan.key.secret", passphrase("novak"))
        office.click("plan.open")
        office.until(lambda: office.seen(QWidget, "ceremony.wizard"))

    def seat(self, name: str, *seats: str) -> None:
        for each in seats:
            box = self.office.find(QCheckBox, f"plan.seat.{name}.{each}")
            scroll_to(box)
            box.click()

    # ---- a step ----

    def begin(self, officer: str, part: Part) -> None:
        """Open this person's sheet, and their key."""
        office = self.office
        office.click(f"ceremony.sign.{officer}.{part.value}")
        office.says("sign.title", NAMES[officer])
        office.write("sign.key.path", str(self.keys[officer]))
        office.write("sign.key.secret", passphrase(officer))
        office.click("sign.next")

    def end(self, officer: str) -> None:
        office = self.office
        office.click("sign.next")
        office.until(lambda: not office.seen(QWidget, "sign") or bool(office.spoken("sign.error")))
        assert not office.spoken("sign.error"), (officer, office.spoken("sign.error"))

    def sign(self, officer: str, part: Part) -> None:
        self.begin(officer, part)
        office = self.office
        office.until(lambda: not office.seen(QLineEdit, "sign.key.path"))
        if part is Part.WITNESS and office.seen(QLineEdit, "sign.field.phrase"):
            office.write("sign.field.phrase", self.heard)
        self.end(officer)

    @property
    def heard(self) -> str:
        """The words that the administrator reads aloud from the wizard."""
        return self._phrase

    def listen(self) -> None:
        self._phrase = self.office.find(QLabel, "ceremony.phrase").text()

    def go_on(self) -> None:
        """Everybody has signed: what was done is looked at, then Continue."""
        office = self.office
        office.until(lambda: "done" in office.text("ceremony.headline").casefold())
        office.click("ceremony.next")

    def step(self, *people: tuple[str, Part]) -> None:
        self.listen()
        for officer, part in people:
            self.sign(officer, part)

    # ---- shares ----

    def take(self, officer: str) -> None:
        """Alone at the screen: every share is written down, once it is shown."""
        office = self.office
        self.begin(officer, Part.CUSTODIAN)
        office.until(
            lambda: office.seen(QLabel, "sign.says") and "alone" in office.text("sign.says")
        )
        office.click("sign.next")
        uses = self.uses(officer)
        for use in uses:
            office.says("share.title", use_text(use))
            words = office.find(ShareWords, "share.words")
            assert not words._share.words
            office.click("share.show")
            office.says("share.left", "masked again in")
            self.sheets[officer, use] = list(words._share.words)
            if (officer, use) in self.prints:
                self.print_sheet(self.prints[officer, use], self.sheets[officer, use])
            office.click("sign.next")
        if office.seen(QAbstractButton, "sheet.delete.0"):
            office.click("sheet.delete.0")
            office.until(lambda: not office.seen(QAbstractButton, "sheet.delete.0"))
        for name in ("read-alone", "written-down"):
            office.find(QCheckBox, f"sign.field.{name}").click()
        self.end(officer)

    def print_sheet(self, path: Path, words: list[str]) -> None:
        """As a file: it has the words, and nothing else has."""
        office = self.office
        office.click("share.sheet")
        office.write("sheet.bag", "A-0417")
        office.find(QCheckBox, "sheet.picture").click()
        office.click("sheet.save")
        office.path(path)
        office.says("sheet.file.0", path.name)
        assert path.stat().st_mode & 0o777 == 0o600
        assert places_of(texts_of(self), words) == {path.name}

    def prove(self, officer: str) -> None:
        """From the sheet, a few letters of each word; the boxes complete them."""
        office = self.office
        self.begin(officer, Part.CUSTODIAN)
        office.says("sign.says", "alone")
        office.click("sign.next")
        for use in self.uses(officer):
            office.says("share.entry.title", use_text(use))
            self.type_share(self.sheets[officer, use])
            office.says("share.feedback", "checksum fits")
            office.click("sign.next")
        office.until(
            lambda: office.seen(QLabel, "sign.says") and not office.seen(QWidget, "share.entry")
        )
        self.end(officer)

    def type_share(self, words: list[str]) -> None:
        office = self.office
        for at, word in enumerate(words, 1):
            box = office.find(QLineEdit, f"share.word.{at}")
            box.setFocus()
            QTest.keyClicks(box, word[:4])
            QTest.keyClick(box, Qt.Key.Key_Space)
            assert box.text() == word

    def uses(self, officer: str) -> tuple[str, ...]:
        held = {
            ShareUse.USER: KEEPERS,
            ShareUse.SO: SO_KEEPERS,
            ShareUse.BACKUP: BACKUP,
        }
        return tuple(use.value for use in ShareUse if officer in held[use])

    # ---- any step of any script ----

    def rehearse(self, kind: str) -> None:
        """Plan a rehearsal of a kind that finds its token and shares made."""
        office = self.office
        office.click("ceremonies.new")
        office.click(f"ceremonies.rehearse.{kind}")
        office.click("plan.add")
        office.write("question.path", one_line([str(each) for each in self.keys.values()]))
        office.click("question.yes")
        office.until(lambda: office.seen(QCheckBox, "plan.seat.petra.witness"))
        if office.seen(QAbstractButton, "plan.profile.recoverable"):
            office.click("plan.profile.recoverable")
        for name in CUSTODIANS:
            if office.seen(QCheckBox, f"plan.seat.{name}.keeper"):
                self.seat(name, "keeper")
            elif name in KEEPERS:
                self.seat(name, "user")
            else:
                self.seat(name, "so")
            self.seat(name, "approver")
        self.seat("novak", "administrator", "proposer")
        self.seat("osei", "witness")
        self.seat("lind", "scribe")
        office.write("plan.key.secret", passphrase("novak"))
        office.click("plan.open")
        office.bot.waitUntil(  # the token and its log are made now
            lambda: bool(office.seen(QWidget, "ceremony.wizard") or office.spoken("plan.error")),
            timeout=4 * SOON,
        )
        assert not office.spoken("plan.error"), office.spoken("plan.error")

    def lead_to_the_end(self) -> None:
        """Whoever can sign, signs; Continue; until it is over."""
        office = self.office
        rounds = 0
        while not office.seen(QWidget, "ceremony.ended"):
            rounds += 1
            assert rounds < 90, office.words
            office.until(lambda: self._open_rows() or self._ready or self._ended)
            if self._ended:
                return
            if self._ready:
                office.click("ceremony.next")
                continue
            assert "tried, and failed" not in office.words, office.words
            self.listen()
            name = self._open_rows()[0]
            _sign, officer, part = name.removeprefix("ceremony.").split(".")
            self.begin(officer, Part(part))
            self.pages(officer)

    @property
    def _ended(self) -> bool:
        return bool(self.office.seen(QWidget, "ceremony.ended"))

    @property
    def _ready(self) -> bool:
        found = self.office.seen(QAbstractButton, "ceremony.next")
        return bool(found) and found[0].isEnabled()

    def _open_rows(self) -> list[str]:
        return [
            each.objectName()
            for each in self.office.all(QAbstractButton)
            if each.objectName().startswith("ceremony.sign.") and each.isVisible()
            if each.isEnabled()
        ]

    def pages(self, officer: str) -> None:
        """Through this person's sheet, whatever it asks for."""
        office = self.office
        while True:
            office.until(
                lambda: (
                    not office.seen(QWidget, "sign")
                    or not office.seen(QLineEdit, "sign.key.path")
                    or office.spoken("sign.error")
                )
            )
            assert not office.spoken("sign.error"), (officer, office.spoken("sign.error"))
            if not office.seen(QWidget, "sign"):
                return
            self.page(officer)

    def page(self, officer: str) -> None:
        office = self.office
        before = office.text("sign.place")
        last = before.split(" of ")[0] == before.split(" of ")[-1]
        if office.seen(ShareWords, "share.words"):
            use = use_of(office.text("share.title"))
            office.click("share.show")
            office.says("share.left", "masked again in")
            words = office.find(ShareWords, "share.words")
            self.sheets[officer, use] = list(words._share.words)
        elif office.seen(QWidget, "share.entry"):
            self.type_share(self.sheets[officer, use_of(office.text("share.entry.title"))])
        elif last:
            self.fill()
        office.click("sign.next")
        office.until(
            lambda: (
                not office.seen(QWidget, "sign")
                or office.text("sign.place") != before
                or office.spoken("sign.error")
            )
        )

    def fill(self) -> None:
        office = self.office
        for box in office.all(QCheckBox):
            if box.objectName().startswith("sign.field.") and box.isVisible():
                box.click()
        for line in office.all(QLineEdit):
            if line.objectName() == "sign.field.phrase" and line.isVisible():
                office.write("sign.field.phrase", self.heard)
            elif line.objectName().startswith("sign.field.") and line.isVisible():
                office.write(line.objectName(), "0417")


def use_of(title: str) -> str:
    return next(use for use in ("user", "SO", "backup") if use in title).lower()


def use_text(use: str) -> str:
    return {"user": "user PIN", "so": "SO PIN", "backup": "backup secret"}[use]


def key_files(cast: Mapping[str, Participant], directory: Path) -> dict[str, Path]:
    """One for each of them, under `passphrase`."""
    keys = {}
    for name, each in cast.items():
        keys[name] = directory / f"{name}.key"
        write_key_file(keys[name], each.secret, bytearray(passphrase(name).encode()), cost=QUICK)
    return keys


@contextmanager
def ceremony_room(
    bot: QtBot, directory: Path, keys: dict[str, Path], bundle: Bundle | None = None
) -> Iterator[Participants]:
    """The window of the ceremony's machine; `bundle`: the authority that is known there."""
    door, desk = QtDoor(), NobodysDesk()
    if bundle is not None:
        desk.facts = Facts(Connection(Link.STATION), bundle=bundle)
    apply(QApplication.instance(), Mode.DARK)  # type: ignore[arg-type]
    window = CeremonyRoom(desk, door)
    with bot.waitActive(window):
        window.show()
        window.activateWindow()
    office = Office(None, window, None, None, directory, bot)  # type: ignore[arg-type]
    try:
        yield Participants(office, directory, keys)
    finally:
        window.close()
        door.close()
        window.deleteLater()


def hold_genesis(room: Participants, *, rehearsal: bool) -> None:
    """3 of 5, SO 2 of 3, backup 2 of 3; to its end."""
    room.plan(rehearsal=rehearsal)
    both = (("novak", Part.ADMINISTRATOR), ("osei", Part.WITNESS))
    room.step(
        ("novak", Part.ADMINISTRATOR),
        *((each, Part.CUSTODIAN) for each in CUSTODIANS),
        ("osei", Part.WITNESS),
    )
    room.go_on()
    room.step(*both)
    room.go_on()
    room.step(*both)
    room.go_on()
    for each in CUSTODIANS:
        room.take(each)
    room.go_on()
    for each in CUSTODIANS:
        room.prove(each)
    room.step(("osei", Part.WITNESS))
    room.go_on()
    room.step(*((each, Part.OFFICER) for each in ("novak", *KEEPERS[:3])))
    room.go_on()
    room.step(*both)
    room.go_on()
    room.step(
        ("novak", Part.ADMINISTRATOR),
        *((each, Part.CUSTODIAN) for each in CUSTODIANS),
        ("lind", Part.SCRIBE),
        ("osei", Part.WITNESS),
    )


def saved(room: Participants, name: str = "t", fingerprint: Digest | None = None) -> Verified:
    """The transcript and the minutes, saved by their buttons."""
    office = room.office
    for button, file in (("ceremony.save", f"{name}.json"), ("ceremony.minutes", f"{name}.pdf")):
        office.click(button)
        office.path(room.directory / file)
        office.says("ceremony.files", file)
    assert (room.directory / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    raw = (room.directory / f"{name}.json").read_bytes()
    return verify_transcript(parse_transcript(raw), fingerprint)


def nowhere(room: Participants) -> None:
    """No share is left in any text of the window, on the clipboard, or in a file beside the key
    files."""
    texts = texts_of(room)
    for words in room.sheets.values():
        assert places_of(texts, words) == set()


def places_of(texts: Mapping[str, str], words: list[str]) -> set[str]:
    """Where three words of a share in a row lie, or all of them numbered."""
    whole = [f"{at} {word}" for at, word in enumerate(words, start=1)]
    return {
        name
        for name, text in texts.items()
        if " ".join(words[:3]) in text or all(each in text for each in whole)
    }


def texts_of(room: Participants) -> dict[str, str]:
    """All that is searched: `window`, `clipboard`, and files by their names, PDFs as read."""
    shown = room.office.words + "".join(each.text() for each in room.office.all(QLineEdit))
    shown += "".join(each.text() for each in room.office.all(QAbstractButton))
    found = {"window": shown, "clipboard": QApplication.clipboard().text()}
    for path in room.directory.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            found[path.name] = raw.decode("latin-1") + (_printed(raw) if raw[:4] == b"%PDF" else "")
    return found


def _printed(raw: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(raw)).pages
    return " ".join(" ".join(each.extract_text() for each in pages).split())

"""A page over a paper host: presenters, a scripted officer, everybody's key files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyturn.ceremony.script import Part, ScriptKind
from keyturn.client.profile import Profile
from keyturn.officerkeys.keyfile import write_key_file
from keyturn.officerkeys.location import InFile
from keyturn.quorum.bundle import Authority
from keyturn_app.actions import Actions
from keyturn_app.desk import Identity
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.screens.ceremonies.presenter import CeremoniesPresenter
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.signingview import Page
from keyturn_app.screens.ceremonies.wizard import WizardPresenter
from keyturn_app.surroundings import Surroundings
from support.authority import Clock
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.office import QUICK
from support.paperauthority import paper_authority
from support.paperhost import PaperHost, Participant, make_cast, opened
from support.paperstage import PaperDoor, PaperStage


def passphrase(name: str) -> bytearray:
    return bytearray(f"{name} keeps a long passphrase".encode())


@dataclass
class Room:
    """`page` over `host`; `marks` are what the window's band was told."""

    page: CeremoniesPresenter
    stage: PaperStage
    host: PaperHost
    door: PaperDoor
    desk: InlineDesk
    asker: ScriptedOfficer
    clock: Clock
    keys: dict[str, Path]
    ceremony: str = ""
    went: list[tuple[str, str]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def begin(
        self, *, kind: ScriptKind = ScriptKind.GENESIS, rehearsal: bool = False, until: str = ""
    ) -> WizardPresenter:
        """A ceremony at this step, and the wizard over it."""
        made, self.ceremony = opened(self.host.cast, self.clock, kind=kind, rehearsal=rehearsal)
        self.host.courses.update(made.courses)
        self.host.taken.update(made.taken)
        if until:
            self.host.until(self.ceremony, until)
        self.page.seen()
        self.page.open_ceremony(f"machine {self.ceremony}")
        return self.wizard

    def knows(self) -> Authority:
        """The desk was told the authority of its cast."""
        found = paper_authority(self.host.cast, self.clock())
        bundle = Bundle(found, self.clock())
        self.host.roster = found.roster
        self.desk.facts = Facts(Connection(Link.STATION), bundle=bundle)
        return found

    @property
    def wizard(self) -> WizardPresenter:
        assert isinstance(self.page.over, WizardPresenter)
        return self.page.over

    @property
    def sheet(self) -> SignPresenter:
        assert isinstance(self.wizard.sheet, SignPresenter)
        return self.wizard.sheet

    def open_key(self, officer: str, part: Part) -> SignPresenter:
        """The sheet of this person, with their key open."""
        self.wizard.sign(officer, part)
        sheet = self.sheet
        sheet.write_place(str(self.keys[officer]))
        sheet.unlock(passphrase(officer))
        assert sheet.view().page is not Page.KEY, sheet.view().error
        return sheet

    def sign(self, officer: str, part: Part, **entered: str) -> None:
        sheet = self.open_key(officer, part)
        for name, value in entered.items():
            sheet.enter(name, value)
        sheet.forward()
        assert self.wizard.sheet is None, sheet.view().error


@pytest.fixture(scope="session")
def cast() -> dict[str, Participant]:
    return make_cast()


@pytest.fixture(scope="session")
def keys(cast: dict[str, Participant], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, each in cast.items():
        found[name] = tmp_path_factory.mktemp("keys") / f"{name}.key"
        write_key_file(found[name], each.secret, passphrase(name), cost=QUICK)
    return found


@pytest.fixture
def room(cast: dict[str, Participant], keys: dict[str, Path]) -> Room:
    return make_room(cast, keys)


def make_room(cast: dict[str, Participant], keys: dict[str, Path]) -> Room:
    clock = Clock()
    profile = Profile(
        "https://nowhere.example",
        "0" * 64,  # type: ignore[arg-type]
        "sha256:" + "0" * 64,  # type: ignore[arg-type]
        "novak",
        InFile(keys["novak"]),
    )
    desk = InlineDesk(Identity(profile, "desk", "novak", "Anna Novak", False), None, clock)
    desk.facts = Facts(Connection(Link.STATION))
    host = PaperHost(cast, clock)
    door = PaperDoor(host)
    stage, asker = PaperStage([door], door), ScriptedOfficer()
    went: list[tuple[str, str]] = []
    marks: list[str] = []
    go: Callable[[str, str], None] = lambda page, target: went.append((page, target))  # noqa: E731
    around = Surroundings(desk, InlineDoor(), asker, Actions(), lambda _text: None, go)
    page = CeremoniesPresenter(around, stage, marks.append)
    return Room(page, stage, host, door, desk, asker, clock, keys, went=went, marks=marks)

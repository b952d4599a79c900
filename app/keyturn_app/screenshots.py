"""`keyturn-app --screenshots DIR`: every page, in every state, dark and light, wide and narrow.

What is shown is a recording of a real demo, proved again by the same verifiers (`recording`).
Nothing is invented but the two states that a recording cannot hold: silence, and a lie.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QSize, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from keyturn.ceremony.script import ScriptKind
from keyturn.client.answers import parse_answer
from keyturn.client.errors import FileUnusable
from keyturn.client.hsm import read_hsm
from keyturn.client.profile import Places
from keyturn_app import resources
from keyturn_app.live.profiles import ProfileStore
from keyturn_app.live.replaying import ReplayDesk, ReplaySession
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.recording import Recording, read_recording
from keyturn_app.screens.approvals.view import ApprovalsPage
from keyturn_app.screens.ceremonies.hosts import HostPlace
from keyturn_app.screens.ceremonies.view import CeremoniesPage
from keyturn_app.screens.fleet.view import FleetPage
from keyturn_app.screens.fleet.viewing import Tab
from keyturn_app.settings import Appearance, MemoryPreferences, Settings
from keyturn_app.shell.appearance import follow
from keyturn_app.shell.firstrun import FirstRun
from keyturn_app.shell.window import MainWindow

FILE = "recording/demo.json.gz"
SIZES = (QSize(1280, 800), QSize(1920, 1080))
MODES = ("dark", "light")
SETTLE_MS = 450
"""For what a page reads away from the window's thread, and for its timers."""
LABEL = "demo"


class State(Enum):
    """How the connection stands in a picture."""

    LIVE = "live"
    LOADING = "loading"
    OFFLINE = "offline"
    CAUGHT = "caught"
    REWRITTEN = "rewritten"
    STATION = "station"


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture. `then` is done once the page is there."""

    name: str
    page: str
    target: str = ""
    moment: str = "serving"
    state: State = State.LIVE
    then: Callable[[MainWindow], None] = lambda _: None


def take(directory: Path) -> int:
    """Draw everything into `directory`. Gives the exit status.

    Raises RecordingUnusable, FileUnusable, and whatever the verifiers raise.
    """
    recording = read_recording(resources.directory() / FILE)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileUnusable(f"cannot write {directory}: {error.strerror}") from error
    app = QApplication.instance() or QApplication([sys.argv[0], "-platform", "offscreen"])
    door = QtDoor()
    with TemporaryDirectory(prefix="keyturn-pictures-") as scratch:
        studio = Studio(recording, door, directory, Path(scratch))
        studio.start()
        app.exec()
    door.close()
    if studio.error is not None:
        raise studio.error
    return 0


class Studio:
    """Takes one picture after another, each after the window has settled."""

    def __init__(self, recording: Recording, door: QtDoor, directory: Path, scratch: Path) -> None:
        self.error: Exception | None = None
        self.taken: list[Path] = []
        self._recording = recording
        self._door = door
        self._directory = directory
        self._scratch = scratch
        self._window: MainWindow | None = None
        self._steps = self._all()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        self._timer.start()

    def _step(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self._over()
        except Exception as error:  # noqa: BLE001 - the outermost loop: said, and the end of it
            self.error = error
            self._over()
        else:
            self._timer.start()

    def _over(self) -> None:
        self._close()
        QApplication.exit(0)

    def _all(self) -> Iterator[None]:
        for mode in MODES:
            for size in SIZES:
                yield from self._first_run(mode, size)
                yield from self._first_run(mode, size, self._scratch)
                for scene in scenes(self._recording):
                    yield from self._scene(scene, mode, size)

    def _first_run(self, mode: str, size: QSize, station: Path | None = None) -> Iterator[None]:
        """The page of a machine that knows no server, or will never have one."""
        self._close()
        follow(Appearance(mode))
        place = self._scratch / "nobody"
        store = ProfileStore(Places(place, place))
        window = FirstRun(
            store,
            self._door,
            self._now,
            lambda _: None,
            station=station,
            has_keyring=lambda: False,
        )
        window.resize(size)
        window.show()
        yield
        name = "welcome" if station is None else "welcome-station"
        self._keep(window, f"{name}-{mode}-{size.width()}")
        window.close()
        window.deleteLater()
        store.close()

    def _now(self) -> datetime:
        return self._recording.moments[0].time

    def _keep(self, window: QWidget, name: str) -> None:
        path = self._directory / f"{name}.png"
        if not window.grab().save(str(path)):
            raise FileUnusable(f"cannot write {path}")
        self.taken.append(path)

    def _scene(self, scene: Scene, mode: str, size: QSize) -> Iterator[None]:
        self._close()
        desk = seated(self._recording, scene)
        window = self._window = self._opened(desk, mode, size)
        window.show()
        self._stage(desk, scene)
        window.go(scene.page, scene.target)
        yield
        scene.then(window)
        yield
        window.tick()
        self._keep(window, f"{scene.name}-{mode}-{size.width()}")

    def _opened(self, desk: ReplayDesk, mode: str, size: QSize) -> MainWindow:
        preferences = MemoryPreferences(
            {"settings.appearance": mode, "settings.reduce_motion": "yes"}
        )
        settings = Settings(preferences)
        follow(settings.choices.appearance)  # before the first widget: it takes the fonts along
        window = MainWindow(ReplaySession(desk), settings, self._door)
        window.resize(size)
        return window

    def _stage(self, desk: ReplayDesk, scene: Scene) -> None:
        if scene.state in (State.LOADING, State.STATION):
            return
        desk.meet()
        if scene.state is State.OFFLINE:
            desk.lose(timedelta(minutes=3))
        elif scene.state is State.REWRITTEN:
            desk.rewind(self._recording.moment("serving"), self._scratch)
        elif scene.state is State.CAUGHT:
            status, body = self._recording.moment(scene.moment).answers["/v1/proposals"]
            lie = body.replace(b'"status":"open"', b'"status":"in-force"')
            desk.catch({"/v1/proposals": (status, lie)}, self._scratch)

    def _close(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window.deleteLater()
            self._window = None


def seated(recording: Recording, scene: Scene) -> ReplayDesk:
    """The desk that a window is opened over; a station's is one from the start."""
    desk = ReplayDesk(recording, recording.moment(scene.moment), LABEL)
    if scene.state is State.STATION:
        desk.sever()
    return desk


def scenes(recording: Recording) -> Iterator[Scene]:
    """Every picture of one mode and size."""
    open_one, model, refused = _targets(recording)
    pages = ("fleet", "models", "policies", "baselines", "approvals", "officers", "log")
    for page in (*pages, "ceremonies"):
        yield Scene(page, page)
        yield Scene(f"{page}-empty", page, moment="founded")
        yield Scene(f"{page}-loading", page, state=State.LOADING)
        yield Scene(f"{page}-offline", page, state=State.OFFLINE)
    yield Scene("fleet-node", "fleet", refused)
    yield Scene("fleet-evidence", "fleet", refused, then=_evidence("checks"))
    yield Scene("fleet-fields", "fleet", refused, then=_evidence("fields"))
    yield Scene("models-detail", "models", model)
    yield Scene("baselines-baseline", "baselines", "firmware-2026-11")
    yield Scene("baselines-new", "baselines", then=lambda window: _run(window, "baselines.import"))
    yield Scene(
        "baselines-compare", "baselines", then=lambda window: _run(window, "baselines.compare")
    )
    yield Scene("approvals-policy", "approvals", open_one)
    yield Scene("approvals-short", "approvals", moment="one-short")
    yield Scene("baselines-capture", "baselines", "capture:node-4")
    yield Scene(
        "policies-impact",
        "policies",
        open_one,
        then=lambda window: _run(window, "policies.simulate"),
    )
    yield Scene("policies-edit", "policies", then=lambda window: _run(window, "policies.edit"))
    yield Scene("officers-officer", "officers", "ada")
    yield Scene("officers-change", "officers", then=lambda window: _run(window, "officers.compose"))
    yield Scene("log-entry", "log", "6")
    yield Scene("log-checkpoints", "log", "checkpoints")
    yield Scene("log-witnesses", "log", "witnesses")
    yield Scene("log-rewritten", "log", "alarm", moment="revoked", state=State.REWRITTEN)
    yield Scene("collateral", "collateral")
    yield Scene("collateral-forecast", "collateral", "forecast")
    yield Scene("collateral-carry", "collateral", "carry")
    yield Scene("ceremonies-done", "ceremonies", then=_ceremony("rotation-2026"))
    yield Scene("ceremonies-running", "ceremonies", then=_ceremony("backup-2026"))
    yield Scene("hsm", "hsm")
    yield Scene("hsm-key", "hsm", _kek(recording))
    yield Scene("hsm-preflight", "hsm", "preflight")
    yield Scene("hsm-lineage", "hsm", "lineage")
    yield Scene("hsm-offline", "hsm", state=State.OFFLINE)
    yield Scene("models-seal", "models", then=lambda window: _run(window, "models.seal"))
    yield Scene("approvals-new", "approvals", "new:policy:serving-eu")
    yield Scene("approvals-ceremony", "approvals", "new:ceremony:backup-2026")
    yield Scene("approvals-revoke", "approvals", "new:revocation:node:node-1")
    yield Scene("ceremonies-new", "ceremonies", "new")
    yield Scene("ceremonies-plan", "ceremonies", then=_rehearsing)
    yield Scene("caught", "fleet", state=State.CAUGHT)
    yield Scene("wiped", "fleet", "node-1", moment="revoked")
    yield Scene("notifications", "notifications")
    yield Scene("settings", "settings")
    yield Scene("palette", "fleet", then=MainWindow.open_palette)
    yield Scene("shortcuts", "fleet", then=MainWindow.open_shortcuts)
    yield Scene("station", "approvals", state=State.STATION)
    yield Scene("station-officers", "officers", state=State.STATION)
    yield Scene("station-absent", "fleet", state=State.STATION)
    yield Scene("station-file", "approvals", state=State.STATION, then=_carried(recording))
    yield Scene("locked", "fleet", then=MainWindow.lock)


def _evidence(tab: str) -> Callable[[MainWindow], None]:
    """Opens the evidence viewer of the node that is selected, at a tab."""

    def open_it(window: MainWindow) -> None:
        window.run("fleet.evidence")
        for page in window.frame.host.pages:
            if isinstance(page, FleetPage):
                viewing = page.presenter.understanding.viewing
                viewing.turn_to(Tab(tab))
                branches = page.presenter.view().evidence
                shown = () if branches is None else branches.shown.branches
                failed = [each.children[0] for each in shown if each.children]
                viewing.choose(failed[1 if tab == "fields" else 0].key if len(failed) > 1 else "")

    return open_it


def _rehearsing(window: MainWindow) -> None:
    """The planning form of a rehearsal; no host is started for it."""
    for page in window.frame.host.pages:
        if isinstance(page, CeremoniesPage):
            page.presenter.plan(ScriptKind.GENESIS, rehearsal=True)


def _ceremony(name: str) -> Callable[[MainWindow], None]:
    """Opens a ceremony of the keyholder: its lead where it runs, its record where it is over."""

    def open_it(window: MainWindow) -> None:
        for page in window.frame.host.pages:
            if isinstance(page, CeremoniesPage):
                page.presenter.open_ceremony(f"{HostPlace.KEYHOLDER.value} {name}")

    return open_it


def _carried(recording: Recording) -> Callable[[MainWindow], None]:
    """Opens the file of the policy that waits for approvals."""
    digest, _model, _node = _targets(recording)
    desk = ReplayDesk(recording, recording.moment("serving"), LABEL)
    desk.meet()
    proposals = desk.facts.proposals
    found = [each for each in proposals.all if each.digest == digest] if proposals else []

    def open_it(window: MainWindow) -> None:
        for page in window.frame.host.pages:
            if isinstance(page, ApprovalsPage) and found:
                filing = page.presenter.filing
                filing.read(desk.file_of(found[0]), "proposal.json", page.presenter.changed)

    return open_it


def _kek(recording: Recording) -> str:
    """The id of the KEK in use; empty where the recording says nothing of a token."""
    status, body = recording.moment("serving").answers.get("/v1/hsm", (404, b""))
    if status != 200:
        return ""
    active = read_hsm(parse_answer(body, "HSM")).inventory.active
    return "" if active is None else active.id


def _run(window: MainWindow, action: str) -> None:
    window.run(action)


def _targets(recording: Recording) -> tuple[str, str, str]:
    """The policy under way, the model, and a refused node, as the recording has them."""
    desk = ReplayDesk(recording, recording.moment("serving"), LABEL)
    desk.meet()
    facts = desk.facts
    if facts.proposals is None or facts.models is None or facts.nodes is None:
        return "", "", ""
    proposal = next(
        (p.digest for p in facts.proposals.all if p.index is None and p.approved_by), ""
    )
    model = next((each.digest for each in facts.models.all), "")
    node = next((each.name for each in facts.nodes.all if each.refused), "")
    return proposal, model, node

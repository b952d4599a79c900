"""`keyturn-app`: reads the command line, puts the parts together, runs the window."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from PySide6.QtCore import QLocale
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.client.profile import places_of
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.vault.hygiene import harden_process
from keyturn_app import i18n, resources
from keyturn_app.i18n import _
from keyturn_app.live import airgap
from keyturn_app.live.desk import utc_now
from keyturn_app.live.errors import UnknownSeat
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.icons import icon
from keyturn_app.recording import read_recording
from keyturn_app.settings import Overridden, Settings
from keyturn_app.shell import crashes
from keyturn_app.shell.appearance import follow
from keyturn_app.shell.joining import Joining
from keyturn_app.shell.readiness import Readiness
from keyturn_app.shell.runtime import Collecting, collect_here, serve_window
from keyturn_app.shell.seats import Seats
from keyturn_app.shell.soundness import check_qt
from keyturn_app.shell.starting import (
    ForgivingPreferences,
    chair_of,
    first_seat,
    known_seats,
    recorded_chair,
    repinned_chair,
)
from keyturn_app.shell.window import MainWindow

_log = logging.getLogger("keyturn_app")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="keyturn-app", description=_("Keyturn for officers."))
    add = made.add_argument
    add("--server", metavar="URL", help=_("begin at this server"))
    add(
        "--profile",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help=_("a profile of `keyturn connect`; may be given several times"),
    )
    add(
        "--station",
        metavar="DIR",
        type=Path,
        help=_("an officer station that lies in DIR, or will: opens no connection"),
    )
    add(
        "--ceremony",
        action="store_true",
        help=_("hold key ceremonies on this machine: no seat, opens no connection"),
    )
    add("--profile-dir", metavar="DIR", type=Path, help=_("where the app keeps what it knows"))
    add(
        "--passphrase-fd",
        metavar="N",
        type=int,
        action="append",
        default=[],
        help=_("read the key's passphrase from this descriptor; in the order of --profile"),
    )
    add("--mode", choices=["dark", "light"], help=_("whatever is set"))
    add("--screenshots", metavar="DIR", type=Path, help=_("draw every page into DIR, and end"))
    add("--ready", metavar="FILE", type=Path, help=_("write FILE once the window is live"))
    # Whoever measures the start has it start over the same thing every time.
    add("--recording", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 when it cannot start, 2 for a wrong command line."""
    logging.basicConfig(level=logging.WARNING, format="keyturn-app: %(message)s")
    arguments = parser().parse_args(argv)
    if len(arguments.passphrase_fd) > len(arguments.profile) + (arguments.station is not None):
        print(_("keyturn-app: more --passphrase-fd than --profile"), file=sys.stderr)  # noqa: T201
        return 2
    if arguments.station is not None and (arguments.profile or arguments.server):
        print(_("keyturn-app: a station has no --server and no --profile"), file=sys.stderr)  # noqa: T201
        return 2
    crashes.install()
    harden_process()
    try:
        check_qt()
        if arguments.screenshots is not None:
            return _screenshots(arguments.screenshots)
        return _run(arguments)
    except KeyturnError as error:
        print(f"keyturn-app: {error} {error.hint}".rstrip(), file=sys.stderr)  # noqa: T201
        return 1


def _screenshots(directory: Path) -> int:
    status = import_module("keyturn_app.screenshots").take(directory)
    return int(status)


class NoDisplay(UnreachableError):
    """There is nothing to draw on; Qt itself would end the process without a word to people."""


def check_display(environment: Mapping[str, str], system: str = sys.platform) -> None:
    """Raises NoDisplay. Who names a platform to Qt knows what they do."""
    named = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    if system.startswith("linux") and not any(environment.get(each) for each in named):
        raise NoDisplay(
            _("there is no display"),
            expected=_("DISPLAY or WAYLAND_DISPLAY in the environment"),
            hint=_("Start it in a desktop session; `keyturn` does the same without a window."),
        )


def _run(arguments: argparse.Namespace) -> int:
    check_display(os.environ)
    QGuiApplication.setDesktopFileName("org.keyturn.Keyturn")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Keyturn")
    collect_here(app)
    station = arguments.station
    if station is not None:
        airgap.seal()
    places = places_of(station or arguments.profile_dir, os.environ)
    store = ProfileStore(places)
    given = {"settings.appearance": arguments.mode} if arguments.mode else {}
    settings = Settings(Overridden(ForgivingPreferences(store), given))
    _speak(settings.choices.language)
    follow(settings.choices.appearance)
    app.setWindowIcon(icon("keyturn", "accent", 64))
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda _number, _frame: app.quit())  # keys are wiped on the way out
    door = QtDoor()
    try:
        if arguments.ceremony:
            airgap.seal()
            return _hold_ceremonies(app, door)
        if arguments.recording is not None:
            session = Seats([recorded_chair(read_recording(arguments.recording), places)])
            return _show(app, arguments, session, store, settings, door)
        known = known_seats(store, arguments.profile, places)
        if station is not None:
            known = tuple(each for each in known if each.profile.offline)
        known = known or _first_run(app, store, door, station)
        if known and all(each.profile.offline for each in known):
            airgap.seal()  # nobody here has a server
        return _work(app, arguments, known, store, settings, door) if known else 0
    finally:
        door.close()
        store.close()


def _first_run(
    app: QApplication, store: ProfileStore, door: QtDoor, station: Path | None
) -> tuple[Known, ...]:
    """Nobody is known here yet: one officer, or none when the window was closed."""
    from keyturn_app.shell.firstrun import FirstRun  # most starts have no need of its pages

    joined: list[Known] = []
    rooms: list[QWidget] = []

    def hold() -> None:
        rooms.append(_ceremony_room(door))
        rooms[0].show()
        window.close()

    window = FirstRun(store, door, utc_now, joined.append, station=station, hold=hold)
    window.show()
    app.exec()  # not within another loop: the main window's begins after it
    for each in (window, *rooms):
        each.deleteLater()
    return tuple(joined)


def _ceremony_room(door: QtDoor) -> QWidget:
    """The window in which a ceremony is held on this machine; nobody sits there."""
    from keyturn_app.live.nobody import NobodysDesk
    from keyturn_app.shell.ceremonyroom import CeremonyRoom

    return CeremonyRoom(NobodysDesk(), door)


def _hold_ceremonies(app: QApplication, door: QtDoor) -> int:
    room = _ceremony_room(door)
    room.show()
    try:
        return int(app.exec())
    finally:
        room.close()
        room.deleteLater()


def _work(
    app: QApplication,
    arguments: argparse.Namespace,
    known: Sequence[Known],
    store: ProfileStore,
    settings: Settings,
    door: QtDoor,
) -> int:
    passphrases = [read_passphrase("", fd=each) for each in arguments.passphrase_fd]
    session = _session(known, arguments.server, store)

    def unlock() -> None:
        for each, passphrase in zip(known, passphrases, strict=False):
            session.unlock_seat(each.id, passphrase, _not_unlocked)

    return _show(app, arguments, session, store, settings, door, then=unlock)


def _show(
    app: QApplication,
    arguments: argparse.Namespace,
    session: Seats,
    store: ProfileStore,
    settings: Settings,
    door: QtDoor,
    *,
    then: Callable[[], None] = lambda: None,
) -> int:
    window = MainWindow(session, settings, door)
    joining = Joining(window.actions_, session, store, door, _opener(store))
    window.show()
    serve_window()
    collecting = Collecting()
    window.watch.ticked.connect(lambda: collecting.tick(window.watch.idling.idle))
    ready = Readiness(window, session.desk, arguments.ready) if arguments.ready else None
    then()
    try:
        return int(app.exec())
    finally:
        if ready is not None:
            ready.close()
        joining.close()
        window.shut_down()


def _session(known: Sequence[Known], server: str | None, store: ProfileStore) -> Seats:
    opened = _opener(store)
    chairs = [chair_of(each, opened) for each in known]
    start = first_seat(known, server)
    return Seats(chairs, start, repinned=repinned_chair(store, known, opened))


def _opener(store: ProfileStore) -> Callable[[str], None]:
    def opened(seat: str) -> None:
        with suppress(UnknownSeat):  # a profile that was only named on the command line
            store.used(seat, utc_now())

    return opened


def _not_unlocked(error: KeyturnError) -> None:
    """The unlock page asks again; nothing of the passphrase is in an error."""
    _log.warning("a key was not opened: %s", type(error).__name__)


def _speak(language: str) -> None:
    """The chosen language, or the desktop's."""
    names = [language] if language else [QLocale.system().name()]
    i18n.use(resources.directory() / "translations", names, complete=not language)

"""What locks the app by itself: an idle officer, a locked desktop, a machine put to sleep.

Where there is no D-Bus only the idle time is left; that is said once, in the log.
"""

import logging

from PySide6.QtCore import SLOT, QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtDBus import QDBusConnection
from PySide6.QtGui import QGuiApplication, QWindow

from keyturn_app.shell.idling import Idling

_log = logging.getLogger("keyturn_app.shell")

_INPUT = frozenset(
    [
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
    ]
)


class IdleWatch(QObject):
    """Ticks every second; `over` when the officer did nothing for too long.

    Listens to windows, not to the application: what it need not hear costs nothing.
    """

    over = Signal()
    ticked = Signal()

    def __init__(self, idling: Idling, parent: QObject) -> None:
        super().__init__(parent)
        self.idling = idling
        self._windows: list[QWindow] = []
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.tick)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self.listen_to)

    def start(self) -> None:
        self.idling.touch()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def listen_to(self, window: QWindow | None) -> None:
        """Input of this window counts."""
        if window is not None:
            window.removeEventFilter(self)
            window.installEventFilter(self)

    def tick(self) -> None:
        self.ticked.emit()
        if self.idling.over:
            self.over.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802
        if event.type() in _INPUT:
            self.idling.touch()
        return False


class DesktopWatch(QObject):
    """`locked`: the desktop was locked, or the machine goes to sleep."""

    locked = Signal()

    def __init__(
        self,
        parent: QObject,
        *,
        session: QDBusConnection | None = None,
        system: QDBusConnection | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session or QDBusConnection.sessionBus()
        self._system = system or QDBusConnection.systemBus()
        self.listening = self._listen()

    def _listen(self) -> bool:
        """Any path: whose session it was cannot be told from here, so each one locks."""
        heard = False
        if self._session.isConnected():
            saver, gnome = "org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver"
            for name in (saver, gnome):
                heard |= self._connect(self._session, name, "ActiveChanged", "turned(bool)")
        if self._system.isConnected():
            logind = "org.freedesktop.login1"
            heard |= self._connect(self._system, f"{logind}.Session", "Lock", "told()")
            heard |= self._connect(
                self._system, f"{logind}.Manager", "PrepareForSleep", "turned(bool)"
            )
        if not heard:
            _log.info("no D-Bus: the app locks when idle, not with the desktop")
        return heard

    def _connect(self, bus: QDBusConnection, interface: str, signal: str, slot: str) -> bool:
        # The stub asks for bytes; the call itself takes nothing but text.
        return bool(bus.connect("", "", interface, signal, self, SLOT(slot)))  # type: ignore[call-overload]

    @Slot(bool)
    def turned(self, active: bool) -> None:
        if active:
            self.locked.emit()

    @Slot()
    def told(self) -> None:
        self.locked.emit()

"""The tray icon: that something waits, never what (I8). Only where the desktop has a tray."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import icon


class Tray(QObject):
    """Says no name, no number and no state of anything."""

    def __init__(
        self,
        window: QWidget,
        *,
        show: Callable[[], None],
        lock: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        super().__init__(window)
        self._icon: QSystemTrayIcon | None = None
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        self._menu = QMenu(window)
        self._menu.addAction(_("Show Keyturn"), show)
        self._menu.addAction(_("Lock"), lock)
        self._menu.addAction(_("Quit"), leave)
        self._icon = QSystemTrayIcon(icon("keyturn", "accent", 32), self)
        self._icon.setToolTip("Keyturn")
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(lambda _why: show())
        self._icon.show()

    def tell(self) -> None:
        """Something new waits."""
        if self._icon is not None:
            self._icon.showMessage("Keyturn", _("Keyturn has news for you."))

    def hide(self) -> None:
        if self._icon is not None:
            self._icon.hide()

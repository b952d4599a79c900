"""Copying: what is secret-like leaves the clipboard after 30 seconds, if it is still there."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

SECONDS = 30


class Clipboard(QObject):
    """The app's way to the clipboard."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SECONDS * 1000)
        self._timer.timeout.connect(self.clear)
        self._ours = ""

    @property
    def seconds(self) -> int:
        """How long a copied value stays."""
        return self._timer.interval() // 1000

    def keep_for(self, seconds: int) -> None:
        """For what is copied from now on."""
        self._timer.setInterval(seconds * 1000)

    def copy(self, text: str) -> None:
        """Copy, and clear it again after `seconds`."""
        self._ours = text
        QApplication.clipboard().setText(text)
        self._timer.start()

    def clear(self) -> None:
        """Only what we put there: never what another program copied meanwhile."""
        clipboard = QApplication.clipboard()
        if self._ours and clipboard.text() == self._ours:
            clipboard.clear()
        self._ours = ""
        self._timer.stop()

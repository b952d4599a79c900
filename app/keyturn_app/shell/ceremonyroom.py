"""The window of a ceremony's machine: the page Ceremonies, where questions are asked, no seat.

For a genesis nobody has an authority yet, and at a desk that all share nobody sits down.
"""

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from keyturn_app.actions import Actions
from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.qtkit.clipboard import Clipboard
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.widgets import column, frame, label, row
from keyturn_app.screens.ceremonies.view import build
from keyturn_app.shell.asking import Asking
from keyturn_app.shell.frame import Band
from keyturn_app.tasks import Door


class CeremonyRoom(QWidget):
    """Closing it ends the hosts that it started; a ceremony goes on from its record later."""

    def __init__(self, desk: Desk, door: Door) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle(_("Keyturn: key ceremonies on this machine"))
        self.resize(1440, 900)
        self.setMinimumSize(900, 650)
        self._clipboard = Clipboard(self)
        self.asking = Asking(self, self._clipboard.copy)
        self._band = Band("band.rehearsal", "rehearsal")
        self.page = build(
            PageContext(
                desk,
                door,
                self.asking,
                Actions(),
                self._clipboard.copy,
                self._nowhere,
                mark=self._band.say,
            )
        )
        head = row(
            IconLabel("shield-lock", "accent", 22),
            label(_("Key ceremonies on this machine"), "H1"),
            None,
            spacing=12,
            margins=(24, 0, 24, 0),
        )
        bar = frame(head, name="topbar")
        bar.setFixedHeight(56)
        whole = column(self._band, bar, self.page, spacing=0)
        whole.setStretch(2, 1)
        self.setLayout(whole)
        self.page.shown()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        self.page.turn_down()
        if self.asking.keeps_open():
            event.ignore()
            return
        self.asking.turn_down_all()
        self.page.close_page()
        self._clipboard.clear()
        event.accept()

    def _nowhere(self, _page: str, _target: str) -> None:
        self.asking.toast(_("There is no such page on a ceremony's machine."))

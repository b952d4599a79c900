"""The window of the first run: the first page, where questions are asked, and nothing else.

Also for one officer or server more, beside the main window.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFrame, QWidget

from keyturn.officerkeys.oskeyring import has_system_keyring, system_keyring
from keyturn_app.i18n import _
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.qtkit.clipboard import Clipboard
from keyturn_app.qtkit.widgets import button, column, frame, label, row
from keyturn_app.screens.welcome.joining import Joiner
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.view import WelcomePage
from keyturn_app.shell.asking import Asking
from keyturn_app.tasks import Door


class FirstRun(QWidget):
    """`joined` is told the new seat once the officer goes on; closing the window is *cancel*.

    `station`: the directory of an officer station that is to be set up, and no other seat.
    `hold`: what opens the ceremonies' window instead.
    """

    def __init__(
        self,
        store: ProfileStore,
        door: Door,
        now: Callable[[], datetime],
        joined: Callable[[Known], None],
        *,
        joiner: Joiner | None = None,
        station: Path | None = None,
        has_keyring: Callable[[], bool] = has_system_keyring,
        hold: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        title = _("Keyturn: set up an officer station")
        self.setWindowTitle(_("Keyturn: connect to a server") if station is None else title)
        self.resize(1120, 780)
        self._clipboard = Clipboard(self)
        self.asking = Asking(self, self._clipboard.copy)
        self.presenter = WelcomePresenter(
            joiner or Joiner(store, system_keyring, station=station),
            door,
            self.asking,
            now,
            has_keyring=has_keyring,
            station=station is not None,
            finished=lambda known: self._finish(joined, known),
            cancelled=self._cancel,
        )
        self.page = WelcomePage(self.presenter, self._clipboard.copy)
        inside = column(self.page)
        if hold is not None:
            inside.addWidget(self._genesis(hold))
        self.setLayout(inside)

    def _genesis(self, hold: Callable[[], None]) -> QFrame:
        """There may be no authority to connect to yet."""
        begin = button(
            _("Hold a key ceremony on this machine…"),
            name="welcome.ceremony",
            kind="link",
            clicked=hold,
        )
        said = label(_("No authority yet, or its token is lost?"), "Second")
        return frame(row(None, said, begin, None, margins=(0, 0, 0, 12)))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Asks nothing: before the last step there is nothing to lose."""
        self.asking.turn_down_all()
        self.page.close_page()
        self.presenter.close()
        self._clipboard.clear()
        event.accept()

    def _cancel(self) -> None:
        self.close()

    def _finish(self, joined: Callable[[Known], None], known: Known) -> None:
        self.close()
        joined(known)

"""The ceremonies page: the list, or the plan or wizard that lies over it."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout

from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.screens.ceremonies.closing import SealPresenter
from keyturn_app.screens.ceremonies.hosts import Stage
from keyturn_app.screens.ceremonies.list_view import ROOM_FOR_CALENDAR, ListPane
from keyturn_app.screens.ceremonies.plan_view import PlanPane
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from keyturn_app.screens.ceremonies.presenter import CeremoniesPresenter, Over
from keyturn_app.screens.ceremonies.saying_view import SaySheet
from keyturn_app.screens.ceremonies.stage import AppStage
from keyturn_app.screens.ceremonies.unseal_view import UnsealPane
from keyturn_app.screens.ceremonies.unsealing import UnsealPresenter
from keyturn_app.screens.ceremonies.wizard_view import WizardPane
from keyturn_app.surroundings import Surroundings


class CeremoniesPage(Page):
    """Ticks once a second while it is seen: hosts are asked, and time is told anew."""

    def __init__(self, context: PageContext, stage: Stage | None = None) -> None:
        super().__init__()
        self.setObjectName("page.ceremonies")
        self.setProperty("class", "Page")
        self.presenter = CeremoniesPresenter(
            Surroundings(
                context.desk,
                context.door,
                context.asker,
                context.actions,
                context.copy,
                context.go,
            ),
            stage or AppStage(context.desk, context.door),
            context.mark,
        )
        self._list = ListPane(self.presenter)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._list)
        self._over: Over | None = None
        self._pane: PlanPane | WizardPane | UnsealPane | SaySheet | None = None
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self.presenter.tick)
        self.presenter.listeners.add(self._show)
        self._show()

    @property
    def of_the_server(self) -> bool:
        """A ceremony on this machine does not grow old without the server."""
        return self._pane is None

    def open(self, target: str) -> None:
        if target:
            self.presenter.open(target)

    def shown(self) -> None:
        self.presenter.seen()
        if self._pane is None:
            self._list.focus_first()

    def turn_down(self) -> None:
        self.presenter.turn_down()

    def close_page(self) -> None:
        self._second.stop()
        self.presenter.close()

    # ---- Qt's own names ----

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._second.start()
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        self._second.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._list.fit(self.width())
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._pane is not None:
            self._pane.escape()
        else:
            self.presenter.choose(False)

    # ---- inside ----

    def _show(self) -> None:
        self._show_over()
        if self._pane is None:
            self._list.show_view(self.presenter.view(), wide=self.width() >= ROOM_FOR_CALENDAR)

    def _show_over(self) -> None:
        over = self.presenter.over
        if over is self._over:
            return
        pane, self._pane = self._pane, None
        if pane is not None:
            self._stack.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        self._over = over
        if over is None:
            self._stack.setCurrentWidget(self._list)
            return
        if isinstance(over, PlanPresenter):
            self._pane = PlanPane(over)
        elif isinstance(over, UnsealPresenter):
            self._pane = UnsealPane(over)
        elif isinstance(over, SealPresenter):
            self._pane = SaySheet(over)
        else:
            self._pane = WizardPane(over)
        self._stack.addWidget(self._pane)
        self._stack.setCurrentWidget(self._pane)


def build(context: PageContext) -> Page:
    return CeremoniesPage(context)

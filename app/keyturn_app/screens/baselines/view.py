"""The baselines page: list and drawer, or the draft or comparison that lies over them."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import row
from keyturn_app.screens.baselines.compare_view import CompareSheet
from keyturn_app.screens.baselines.detail_view import DetailView
from keyturn_app.screens.baselines.list_view import ListView
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.new_view import NewSheet
from keyturn_app.screens.baselines.presenter import BaselinesPresenter, Sheet
from keyturn_app.screens.baselines.viewmodel import BaselinesView
from keyturn_app.surroundings import Surroundings

DRAWER_NARROW, DRAWER_WIDE, WIDE, ROOM_FOR_BOTH = 420, 560, 1400, 860


class BaselinesPage(Page):
    """Ticks once a second while it is seen: countdowns and ages."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("page.baselines")
        self.setProperty("class", "Page")
        self.presenter = BaselinesPresenter(
            Surroundings(
                context.desk,
                context.door,
                context.asker,
                context.actions,
                context.copy,
                context.go,
            )
        )
        self._list = ListView(self.presenter)
        self._detail = DetailView(self.presenter)
        under = QWidget()
        both = row(self._list, self._detail, spacing=0)
        both.setStretch(0, 1)
        under.setLayout(both)
        self._under = under
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(under)
        self._sheet: Sheet | None = None
        self._over: QWidget | None = None
        self._shown: BaselinesView | None = None
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self.presenter.tick)
        self.presenter.listeners.add(self._show)
        self._show()

    def open(self, target: str) -> None:
        if target:
            self.presenter.open(target)

    def shown(self) -> None:
        self.presenter.seen()
        if self._sheet is None:
            self._list.focus_first()

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
        self._make_room()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Find goes to the filter; Esc closes what lies over the page, or the drawer."""
        if event.matches(QKeySequence.StandardKey.Find):
            self._list.focus_filter()
        elif event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._sheet is not None:
            self._sheet.cancel()
        else:
            self.presenter.select("")

    # ---- inside ----

    def _show(self) -> None:
        self._show_sheet()
        if self._over is not None:
            return  # nobody sees what lies under it
        view = self.presenter.view()
        if view == self._shown:
            return
        self._shown = view
        self._list.show_view(view)
        self._detail.show_view(view)
        self._make_room()

    def _make_room(self) -> None:
        """Where there is no room for both, the drawer has the whole page until it is closed."""
        alone = self.width() < ROOM_FOR_BOTH
        width = DRAWER_WIDE if self.width() >= WIDE else DRAWER_NARROW
        self._detail.setFixedWidth(self.width() if alone else width)
        chosen = self._shown is not None and self._shown.detail is not None
        self._list.setVisible(not (alone and chosen))

    def _show_sheet(self) -> None:
        sheet = self.presenter.sheet
        if sheet is self._sheet:
            return
        if self._over is not None:
            self._stack.removeWidget(self._over)
            self._over.hide()
            self._over.deleteLater()
            self._over = None
        self._sheet = sheet
        if sheet is not None:
            self._over = self._make(sheet)
            self._stack.addWidget(self._over)
            self._stack.setCurrentWidget(self._over)
        else:
            self._stack.setCurrentWidget(self._under)

    def _make(self, sheet: Sheet) -> QWidget:
        return NewSheet(sheet) if isinstance(sheet, NewPresenter) else CompareSheet(sheet)


def build(context: PageContext) -> Page:
    return BaselinesPage(context)

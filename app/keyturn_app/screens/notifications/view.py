"""The news page. It shows a NotificationsView and decides nothing."""

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QListView, QStackedWidget

from keyturn_app.desk import Topic
from keyturn_app.i18n import _
from keyturn_app.news import News
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import Button, EmptyState, button, card, column, label, row
from keyturn_app.screens.notifications.model import NewsModel, NewsPainter
from keyturn_app.screens.notifications.presenter import NotificationsPresenter


class NewsList(QListView):
    """Enter opens a row."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.activated.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


class NotificationsPage(Page):
    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("notifications")
        self._own_news = context.news is None
        self._news = context.news or News(context.desk, context.settings.preferences)
        self._presenter = NotificationsPresenter(context.desk, self._news, context.go)
        self._model = NewsModel()
        self._model.setParent(self)
        self._list = NewsList()
        self._list.setObjectName("notifications.list")
        self._list.setAccessibleName(_("Notifications"))
        self._list.setModel(self._model)
        self._list.setItemDelegate(NewsPainter(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._list.activated.connect(self._open)
        self._list.clicked.connect(self._open)
        self._summary = label("", "Muted", "Small", name="notifications.summary")
        self._everything = self._chip(_("Everything"), "all", only=False)
        self._attention = self._chip(_("Needs attention"), "attention", only=True)
        self._empty = EmptyState("bell", "", "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._list)
        self._stack.addWidget(self._empty)
        chips = row(self._everything, self._attention, None, self._summary)
        inside = card(chips, self._stack, spacing=12, margin=14, name="notifications.card")
        self.setLayout(column(inside, margins=(20, 16, 20, 16)))
        self._leaving = [
            self._presenter.listeners.add(self._show),
            context.desk.subscribe(lambda _topics: self._show(), Topic.CONNECTION),
        ]
        self._show()

    def _chip(self, text: str, name: str, *, only: bool) -> Button:
        return button(
            text,
            name=f"notifications.{name}",
            kind="chip",
            checkable=True,
            clicked=lambda: self._presenter.show_only_attention(only),
        )

    def _show(self) -> None:
        view = self._presenter.view()
        self._model.show_rows(view.rows)
        self._summary.setText(view.summary)
        self._everything.setChecked(not view.only_attention)
        self._attention.setChecked(view.only_attention)
        self._empty.say(view.empty, _("What happens at the server is listed here as it comes."))
        self._stack.setCurrentIndex(1 if view.empty else 0)

    def _open(self, index: QModelIndex) -> None:
        self._presenter.open(index.row())

    def shown(self) -> None:
        self._presenter.look()
        self._list.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        self._presenter.leave()
        super().hideEvent(event)

    def close_page(self) -> None:
        for leave in self._leaving:
            leave()
        self._presenter.close()
        if self._own_news:
            self._news.close()


def build(context: PageContext) -> Page:
    return NotificationsPage(context)

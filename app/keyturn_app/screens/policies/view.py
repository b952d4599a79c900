"""The page of policies: the list, one in full, and the form that lies over both."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import Banner, EmptyState, button, column, line, row
from keyturn_app.screens.policies.detailview import DetailView
from keyturn_app.screens.policies.editing import EditorPresenter
from keyturn_app.screens.policies.editorview import PolicyForm
from keyturn_app.screens.policies.listview import PolicyList
from keyturn_app.screens.policies.presenter import PoliciesPresenter
from keyturn_app.screens.policies.viewmodel import Phase, PoliciesView
from keyturn_app.surroundings import Surroundings

LIST, LIST_NARROW, NARROW = 280, 216, 960
TICK_MS = 1000


class PoliciesPage(Page):
    """Ticks once a second while it is seen: ages, and how far a simulation is."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("page.policies")
        self.setProperty("class", "Page")
        self._copy = context.copy
        self._presenter = PoliciesPresenter(
            Surroundings(
                context.desk,
                context.door,
                context.asker,
                context.actions,
                context.copy,
                context.go,
            )
        )
        self._banner = Banner(name="policies.banner")
        self._list = PolicyList(self._presenter)
        self._list.setFixedWidth(LIST)
        self._detail = DetailView(self._presenter, context.copy)
        self._write = button(
            _("Write a policy…"),
            name="policies.first",
            kind="primary",
            icon_name="plus",
            clicked=self._presenter.write_new,
        )
        self._instead = EmptyState("file-check-2", "", "", self._write)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._detail)
        self._middle.addWidget(self._instead)
        both = row(self._list, line(vertical=True), self._middle, spacing=0)
        both.setStretch(2, 1)
        under = QWidget()
        above = column(self._banner, spacing=0, margins=(16, 0, 16, 0))
        whole = column(above, spacing=0)
        whole.addLayout(both, 1)
        under.setLayout(whole)
        self._under = under
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(under)
        self._editor: EditorPresenter | None = None
        self._over: PolicyForm | None = None
        self._shown: PoliciesView | None = None
        self._second = QTimer(self)
        self._second.setInterval(TICK_MS)
        self._second.timeout.connect(self._presenter.tick)
        self._presenter.listeners.add(self._show)
        self._show()

    def open(self, target: str) -> None:
        if target:
            self._presenter.open(target)

    def shown(self) -> None:
        if self._editor is None:
            self._list.focus_list()

    def close_page(self) -> None:
        self._second.stop()
        self._presenter.close()

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
        self._list.setFixedWidth(LIST_NARROW if self.width() < NARROW else LIST)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Find goes to the search; Esc leaves the form."""
        if event.matches(QKeySequence.StandardKey.Find) and self._editor is None:
            self._list.focus_search()
        elif event.key() == Qt.Key.Key_Escape and self._editor is not None:
            self._editor.cancel()
        else:
            super().keyPressEvent(event)

    # ---- inside ----

    def _show(self) -> None:
        self._show_editor()
        if self._over is not None:
            return  # nobody sees what lies under it
        view = self._presenter.view()
        if view == self._shown:
            return
        self._shown = view
        self._banner.say(view.banner, tone=view.tone)
        self._list.show_view(view)
        self._list.setVisible(view.phase in {Phase.READY, Phase.NO_MATCH})
        ready = view.phase is Phase.READY and view.detail is not None
        self._middle.setCurrentWidget(self._detail if ready else self._instead)
        if view.detail is not None and ready:
            self._detail.show_view(view.detail, view.form)
        else:
            self._instead.say(view.title, view.text)
            self._write.setVisible(view.phase is Phase.EMPTY and not view.why_not_new)

    def _show_editor(self) -> None:
        editor = self._presenter.editor
        if editor is self._editor:
            return
        if self._over is not None:
            self._stack.removeWidget(self._over)
            self._over.hide()
            self._over.deleteLater()
            self._over = None
        self._editor = editor
        if editor is None:
            self._stack.setCurrentWidget(self._under)
            return
        self._over = PolicyForm(editor, self._copy)
        editor.listeners.add(self._over.show_view)
        self._stack.addWidget(self._over)
        self._stack.setCurrentWidget(self._over)


def build(context: PageContext) -> Page:
    return PoliciesPage(context)

"""The sheet in which a custodian unseals a keyholder."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QStackedWidget, QWidget

from keyturn.ceremony.sharewords import EntryState
from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    button,
    card,
    column,
    frame,
    label,
    line,
    over,
    row,
)
from keyturn_app.screens.ceremonies.share_view import ShareEntry
from keyturn_app.screens.ceremonies.signing_view import WIDTH, AlonePage
from keyturn_app.screens.ceremonies.unsealing import UnsealPage, UnsealPresenter


class UnsealPane(QFrame):
    """Esc turns it down."""

    def __init__(self, presenter: UnsealPresenter) -> None:
        super().__init__()
        self.setObjectName("unsealing")
        self.setProperty("class", "Page")
        self._presenter = presenter
        self._page: UnsealPage | None = None
        self._title = label("", "H1", wrap=True, name="unsealing.title")
        self._says = label("", "Second", wrap=True, name="unsealing.says")
        self._error = Banner(name="unsealing.error")
        self._caveats = Banner(name="unsealing.caveats")
        self._rows = KeyValues(width=140, name="unsealing.rows")
        self._facts = card(over(_("What was proved of it")), self._rows, spacing=10)
        self._entry = ShareEntry(presenter.feedback, self._typed)
        self._right = False
        self._stack = QStackedWidget()
        self._looked = frame(column(self._facts, self._caveats, None, spacing=10))
        self._alone = AlonePage()
        self._entering = frame(column(self._entry, None))
        for each in (self._looked, self._alone, self._entering):
            self._stack.addWidget(each)
        self._build()
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.headline)
        self._says.setText(view.says)
        self._error.say(view.error, tone="danger")
        self._caveats.say(
            _("Not proved by anything: {caveats}").format(caveats=", ".join(view.caveats))
            if view.caveats
            else ""
        )
        self._rows.show_rows(view.rows)
        self._facts.setVisible(bool(view.rows))
        pages = {UnsealPage.ALONE: self._alone, UnsealPage.ENTER: self._entering}
        self._stack.setCurrentWidget(pages.get(view.page, self._looked))
        if view.page is UnsealPage.ENTER and self._page is not UnsealPage.ENTER:
            self._entry.show_entry(view.count)
            self._entry.first.setFocus(Qt.FocusReason.OtherFocusReason)
        self._page = view.page
        self._show_foot()

    def escape(self) -> None:
        self._presenter.cancel()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._presenter.cancel()
            return
        super().keyPressEvent(event)

    # ---- inside ----

    def _build(self) -> None:
        head = row(IconLabel("lock-open", "accent", 22), self._title, None, spacing=12)
        body = QWidget()
        body.setLayout(
            column(self._says, self._error, 4, self._stack, spacing=10, margins=(28, 8, 28, 12))
        )
        self._cancel = button(_("Cancel"), name="unsealing.cancel", clicked=self._presenter.cancel)
        self._why = label("", "Small", "Second", wrap=True, name="unsealing.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._next = button("", name="unsealing.next", kind="primary", clicked=self._forward)
        foot = row(self._cancel, self._why, self._next, spacing=12, margins=(28, 12, 28, 14))
        foot.setStretch(1, 1)
        whole = column(
            frame(column(head, margins=(28, 22, 28, 4))),
            Scroller(body, name="unsealing.scroll", title=_("This page")),
            line(),
            foot,
            spacing=0,
        )
        whole.setStretch(1, 1)
        panel = frame(whole, "Sheet", name="unsealing.panel")
        panel.setMinimumWidth(520)
        panel.setMaximumSize(WIDTH, 640)
        panel.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        middle = row(None, panel, None, spacing=0)
        middle.setStretch(1, 1000)
        outer = column(None, middle, None, spacing=0, margins=(24, 20, 24, 20))
        outer.setStretch(1, 1000)
        self.setLayout(outer)

    def _show_foot(self) -> None:
        view = self._presenter.view()
        why = view.why_not
        if not why and view.page is UnsealPage.ENTER and not self._right:
            why = _("Enter all the words first.")
        self._next.setText(view.next_text)
        self._next.setAccessibleName(view.next_text)
        self._next.setEnabled(not why)
        self._why.setText(why)
        self._cancel.setVisible(view.page is not UnsealPage.OPEN)

    def _typed(self) -> None:
        found = self._presenter.feedback(self._entry.typed())
        self._right = found.state is EntryState.RIGHT
        self._show_foot()

    def _forward(self) -> None:
        if self._presenter.view().page is UnsealPage.ENTER:
            self._right = False
            self._presenter.hand_in(self._entry.taken())
        else:
            self._presenter.forward()

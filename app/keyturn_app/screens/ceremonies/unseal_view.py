"""The sheet in which custodians unseal a keyholder."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

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
from keyturn_app.screens.ceremonies.key_view import KeyForm
from keyturn_app.screens.ceremonies.parts import People
from keyturn_app.screens.ceremonies.share_view import ShareEntry
from keyturn_app.screens.ceremonies.signing_view import WIDTH, AlonePage
from keyturn_app.screens.ceremonies.unsealing import UnsealPage, UnsealPresenter, UnsealView


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
        self._notice = Banner(name="unsealing.notice")
        self._caveats = Banner(name="unsealing.caveats")
        self._rows = KeyValues(width=140, name="unsealing.rows")
        self._facts = card(over(_("What was proved of it")), self._rows, spacing=10)
        self._entry = ShareEntry(presenter.feedback, self._typed)
        self._right = False
        self._people = People(presenter.take_turn)
        self._looked = frame(column(self._facts, self._caveats, 2, self._people, None, spacing=10))
        self._key = KeyForm(presenter, "unsealing.key", self._forward)
        self._unlocking = frame(column(self._key, None))
        self._alone = AlonePage()
        self._entering = frame(column(self._entry, None))
        self._build()
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.headline)
        self._says.setText(view.says)
        self._error.say(view.error, tone="danger")
        self._notice.say(view.notice)
        self._caveats.say(
            _("Not proved by anything: {caveats}").format(caveats=", ".join(view.caveats))
            if view.caveats
            else ""
        )
        self._rows.show_rows(view.rows)
        self._facts.setVisible(bool(view.rows))
        self._people.show_people(view.people)
        self._people.fit(min(self.width(), WIDTH) - 80)
        if view.key is not None:
            self._key.show_key(view.key, busy=view.busy)
        self._turn_to(view)
        self._show_foot()

    def escape(self) -> None:
        """Esc: a custodian's turn is ended, or the sheet is closed."""
        if self._presenter.view().can_back:
            self._presenter.back()
        else:
            self._presenter.cancel()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.escape()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._people.fit(min(self.width(), WIDTH) - 80)

    # ---- inside ----

    def _turn_to(self, view: UnsealView) -> None:
        pages = {
            UnsealPage.KEY: self._unlocking,
            UnsealPage.ALONE: self._alone,
            UnsealPage.ENTER: self._entering,
        }
        came, self._page = self._page is not view.page, view.page
        if came and view.page is not UnsealPage.KEY:
            self._key.forget()
        shown = pages.get(view.page, self._looked)
        for each in (*pages.values(), self._looked):  # the sheet is as high as what is shown
            each.setVisible(each is shown)
        if came and view.page is UnsealPage.ENTER:
            self._right = False
            self._entry.show_entry(view.count)
            self._entry.first.setFocus(Qt.FocusReason.OtherFocusReason)
        elif came and view.page is UnsealPage.KEY:
            self._key.first.setFocus(Qt.FocusReason.OtherFocusReason)

    def _build(self) -> None:
        head = row(IconLabel("lock-open", "accent", 22), self._title, None, spacing=12)
        body = QWidget()
        body.setLayout(
            column(
                self._says,
                self._error,
                self._notice,
                4,
                self._looked,
                self._unlocking,
                self._alone,
                self._entering,
                None,
                spacing=10,
                margins=(28, 8, 28, 12),
            )
        )
        self._cancel = button(_("Cancel"), name="unsealing.cancel", clicked=self._presenter.cancel)
        self._why = label("", "Small", "Second", wrap=True, name="unsealing.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._next = button("", name="unsealing.next", kind="primary", clicked=self._forward)
        self._back = button(_("Back"), name="unsealing.back", clicked=self._presenter.back)
        foot = row(
            self._cancel, self._back, self._why, self._next, spacing=12, margins=(28, 12, 28, 14)
        )
        foot.setStretch(2, 1)
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
        closes = view.page in {UnsealPage.OPEN, UnsealPage.UNPROVED} or bool(view.people)
        self._cancel.setVisible(not closes)
        self._back.setVisible(view.can_back)

    def _typed(self) -> None:
        found = self._presenter.feedback(self._entry.typed())
        self._right = found.state is EntryState.RIGHT
        self._show_foot()

    def _forward(self) -> None:
        view = self._presenter.view()
        if view.page is UnsealPage.ENTER:
            self._right = False
            self._presenter.hand_in(self._entry.taken())
        elif view.page is UnsealPage.KEY:
            if not view.why_not:
                self._presenter.unlock(self._key.taken())
        else:
            self._presenter.forward()

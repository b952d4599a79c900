"""The drawer: one document, what is proved of it, what is only said, who needs it, what ends."""

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.scrolling import Scroller, Tall
from keyturn_app.qtkit.tokens import DRAWER
from keyturn_app.qtkit.widgets import (
    KeyValues,
    Pill,
    button,
    clear,
    column,
    label,
    line,
    over,
    row,
)
from keyturn_app.screens.collateral.presenter import CollateralPresenter
from keyturn_app.screens.collateral.viewmodel import Detail


class DocumentDrawer(QFrame):
    """Shows a `Detail`; hidden without one."""

    def __init__(self, presenter: CollateralPresenter, copy_text: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("collateral.drawer")
        self.setAccessibleName(_("Document"))
        self.setProperty("class", "Drawer")
        self.setFixedWidth(DRAWER)
        self._shown: Detail | None = None
        self._title = label("", "H2", wrap=True, name="collateral.drawer.title")
        self._about = label("", "Second", wrap=True, selectable=True)
        self._pill = Pill("", "unknown", "circle", name="collateral.drawer.state")
        self._text = label("", "Small", "Second", wrap=True, name="collateral.drawer.text")
        self._fault = label(
            "", "Danger", wrap=True, selectable=True, name="collateral.drawer.fault"
        )
        self._facts = KeyValues(width=92, name="collateral.drawer.facts")
        self._certificates = KeyValues(width=92, name="collateral.drawer.certificates")
        self._said = KeyValues(width=92, name="collateral.drawer.said")
        self._users = label("", wrap=True, selectable=True, name="collateral.drawer.users")
        self._ends = column(spacing=4)
        self._digest = DigestLabel(copy_text, name="collateral.drawer.digest")
        close = button(
            "",
            name="collateral.drawer.close",
            kind="ghost",
            icon_name="x",
            tip=_("Close"),
            clicked=lambda: presenter.select(None),
        )
        close.setFixedWidth(32)
        self.setLayout(column(self._head(close), self._body(), spacing=0))
        self.hide()

    def show_detail(self, detail: Detail | None) -> None:
        self.setVisible(detail is not None)
        if detail is None or detail == self._shown:
            return
        fresh = self._shown is None or self._shown.id != detail.id
        self._shown = detail
        self._title.setText(detail.title)
        self._about.setText(detail.about)
        self.setAccessibleName(f"{detail.title}, {detail.about}: {detail.look.word}")
        self._pill.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._text.setText(detail.text)
        self._fault.setText(detail.fault)
        self._fault.setVisible(bool(detail.fault))
        self._facts.show_rows(detail.facts)
        self._certificates.show_rows(detail.certificates)
        self._said.show_rows(detail.said)
        self._users.setText(detail.users)
        self._digest.show_digest(detail.digest)
        clear(self._ends)
        for each in detail.ends or (_("Nothing of it ends within the forecast."),):
            self._ends.addWidget(label(each, "Small", wrap=True, selectable=True))
        if fresh:
            self._scroll.verticalScrollBar().setValue(0)

    def _head(self, close: QWidget) -> QFrame:
        made = QFrame()
        inside = row(self._title, close, margins=(16, 12, 10, 8))
        inside.setStretch(0, 1)
        made.setLayout(inside)
        return made

    def _body(self) -> QWidget:
        inside = Tall()
        inside.setLayout(
            column(
                row(self._pill, None),
                self._about,
                self._text,
                self._fault,
                line(),
                over(_("Proved here")),
                self._facts,
                row(label(_("Digest"), "Muted", "Small"), None, self._digest),
                over(_("Certificates, and when they end")),
                self._certificates,
                line(),
                over(_("Who needs it")),
                self._users,
                over(_("What ends")),
                self._ends,
                line(),
                over(_("Said, not proved")),
                self._said,
                None,
                spacing=10,
                margins=(16, 4, 12, 16),
            )
        )
        inside.setMaximumWidth(DRAWER - 2)
        self._scroll = Scroller(inside, name="collateral.drawer.scroll", title=_("Document"))
        return self._scroll

"""The drawer: one key, what it may do, what its token says of it, and what that is worth."""

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.icons import IconLabel
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
from keyturn_app.screens.hsm.presenter import HsmPresenter
from keyturn_app.screens.hsm.viewmodel import Detail, Half


class KeyDrawer(QFrame):
    """Shows a `Detail`; hidden without one."""

    def __init__(self, presenter: HsmPresenter, copy_text: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("hsm.drawer")
        self.setAccessibleName(_("Key"))
        self.setProperty("class", "Drawer")
        self.setFixedWidth(DRAWER)
        self._shown: Detail | None = None
        self._title = label("", "H2", wrap=True, name="hsm.drawer.title")
        self._pill = Pill("", "unknown", "circle", name="hsm.drawer.state")
        self._text = label("", "Small", "Second", wrap=True, name="hsm.drawer.text")
        self._facts = KeyValues(width=70, name="hsm.drawer.facts")
        self._worth = label("", "Small", "Warn", wrap=True, name="hsm.drawer.worth")
        self._known = label("", "Small", "Muted", wrap=True, name="hsm.drawer.known")
        self._digest = DigestLabel(copy_text, name="hsm.drawer.id")
        self._halves: QVBoxLayout = column(spacing=8)
        self._follow = button(
            _("What hangs on it"),
            name="hsm.drawer.follow",
            icon_name="git-branch",
            clicked=presenter.follow,
        )
        close = button(
            "",
            name="hsm.drawer.close",
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
        self.setAccessibleName(f"{detail.title}: {detail.look.word}")
        self._pill.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._text.setText(detail.text)
        self._facts.show_rows(detail.facts[1:])
        self._digest.show_digest(detail.id)
        self._worth.setText(detail.worth)
        self._known.setText(detail.known)
        self._follow.setVisible(detail.is_kek)
        clear(self._halves)
        for half in detail.halves:
            self._halves.addWidget(over(half.title))
            self._halves.addWidget(_attributes(half))
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
                self._text,
                row(label(_("Id"), "Muted", "Small"), self._digest, None),
                self._facts,
                self._known,
                row(self._follow, None),
                line(),
                self._worth,
                self._halves,
                None,
                spacing=10,
                margins=(16, 4, 12, 16),
            )
        )
        inside.setMaximumWidth(DRAWER - 2)
        self._scroll = Scroller(inside, name="hsm.drawer.scroll", title=_("Key"))
        return self._scroll


def _attributes(half: Half) -> QWidget:
    """One line each; what is not as made has a mark and says so."""
    made = QWidget()
    lines = column(spacing=4)
    for name, value, as_made in half.attributes:
        shown = value if as_made else _("{value}, not as made").format(value=value)
        mark = IconLabel("check" if as_made else "octagon-x", "ok" if as_made else "danger", 12)
        left = label(name, "Mono", "Small")
        right = label(shown, "Small", *(() if as_made else ("Danger",)), wrap=True, selectable=True)
        right.setAccessibleName(f"{name}: {shown}")
        if len(value) > _LONG:
            lines.addLayout(row(mark, left, None, spacing=6))
            lines.addLayout(row(18, right, spacing=0))
            continue
        inside = row(mark, left, None, right, spacing=6)
        lines.addLayout(inside)
    made.setLayout(lines)
    return made


_LONG = 16  # characters that fit beside a name

"""The rail: brand, environment, pages with what waits there, and the foot. Narrow below 1180 px."""

from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.pages import PageSpec
from keyturn_app.qtkit.theme import css, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import RAIL, RAIL_NARROW
from keyturn_app.qtkit.widgets import Button, column, label, row
from keyturn_app.shell.viewmodel import Environment


class Rail(QFrame):
    """`go` is told the page that was asked for, `lock` that the officer leaves."""

    def __init__(
        self,
        pages: Sequence[PageSpec],
        foot: Sequence[PageSpec],
        *,
        go: Callable[[str], None],
        lock: Callable[[], None],
    ) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setAccessibleName(_("Pages"))
        self._entries: dict[str, _Entry] = {}
        self._page = ""
        self._name = label(_("Keyturn"), "H1", name="rail.brand")
        self._environment = _EnvironmentChip()
        main = [self._entry(spec, go) for spec in pages]
        last = [self._entry(spec, go) for spec in foot]
        self._lock = _Entry("lock", _("Lock"), "lock", "Ctrl+L", checkable=False)
        self._lock.button.clicked.connect(lambda: lock())  # noqa: PLW0108 - drops `checked`
        brand = row(IconLabel("shield-check", "accent", 24), self._name, None, spacing=10)
        brand.setContentsMargins(6, 0, 0, 0)
        self._layout = column(
            brand,
            8,
            self._environment,
            6,
            *main,
            None,
            *last,
            self._lock,
            spacing=2,
            margins=(12, 16, 12, 12),
        )
        self.setLayout(self._layout)
        self._narrow = False
        self.setFixedWidth(RAIL)

    def _entry(self, spec: PageSpec, go: Callable[[str], None]) -> "_Entry":
        made = _Entry(spec.id, spec.title(), spec.icon, spec.shortcut, checkable=True)
        made.button.clicked.connect(lambda: self._pressed(spec.id, go))
        self._entries[spec.id] = made
        return made

    def show_page(self, page: str) -> None:
        """Mark it. Not an exclusive group of buttons: Tab would reach only one of them."""
        self._page = page
        for name, entry in self._entries.items():
            entry.button.setChecked(name == page)

    def _pressed(self, page: str, go: Callable[[str], None]) -> None:
        """The mark goes where the window goes, and stays when it does not."""
        go(page)
        self.show_page(self._page)

    def show_only(self, pages: Collection[str]) -> None:
        """Of the seat that is taken; the others are not there."""
        for name, entry in self._entries.items():
            entry.setVisible(name in pages)

    def show_badges(self, counts: Mapping[str, int]) -> None:
        for page, count in counts.items():
            if page in self._entries:
                self._entries[page].show_count(count)

    def show_environment(self, environment: Environment) -> None:
        self._environment.show_environment(environment)

    def set_narrow(self, narrow: bool) -> None:
        if narrow == self._narrow:
            return
        self._narrow = narrow
        self.setFixedWidth(RAIL_NARROW if narrow else RAIL)
        self._layout.setContentsMargins(8 if narrow else 12, 16, 8 if narrow else 12, 12)
        self._name.setVisible(not narrow)
        self._environment.set_narrow(narrow)
        for each in (*self._entries.values(), self._lock):
            each.set_narrow(narrow)


class _Entry(QWidget):
    """One line of the rail: a button, and a count over its right end."""

    def __init__(self, page: str, title: str, icon: str, shortcut: str, *, checkable: bool) -> None:
        super().__init__()
        self._title = title
        tip = f"{title} ({shortcut})" if shortcut else title
        self.button = Button(title, icon, "text2", size=18, gap=8)
        self.button.setObjectName(f"rail.{page}")
        self.button.setAccessibleName(title)
        self.button.setToolTip(plain(tip))
        self.button.setCheckable(checkable)
        self.button.setProperty("kind", "nav")
        self._count = label("", "Small", "Second")
        self._count.hide()
        inside = row(None, self._count, margins=(0, 0, 8, 0))
        self.button.setLayout(inside)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setLayout(column(self.button, spacing=0))
        self._narrow = False

    def show_count(self, count: int) -> None:
        text = f"{count:,}" if count else ""
        self._count.setText(text)
        self._count.setVisible(bool(text) and not self._narrow)
        waiting = n_("{count} waiting", "{count} waiting", count) if count else ""
        self.button.setAccessibleName(f"{self._title}, {waiting}" if waiting else self._title)

    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self.button.setText("" if narrow else self._title)
        self._count.setVisible(bool(self._count.text()) and not narrow)


class _EnvironmentChip(QFrame):
    """Which server this is, and how much hangs on it. Always on the rail."""

    def __init__(self) -> None:
        super().__init__()
        self._icon = IconLabel("shield-alert", "stale", 16)
        self._label = label("", "Strong", name="rail.environment.label")
        self._mark = label("", "Small", "Strong", name="rail.environment.mark")
        self._shown = Environment("", "", "stale")
        self._narrow = False
        self.setObjectName("rail.environment")
        self.setProperty("class", "Raised")
        self.setLayout(row(self._icon, self._label, None, self._mark, margins=(10, 0, 8, 0)))
        self.setFixedHeight(32)
        theme().changed.connect(self._tint)

    def show_environment(self, environment: Environment) -> None:
        if environment == self._shown:
            return
        self._shown = environment
        whole = f"{environment.label} · {environment.mark}"
        self._mark.setText(environment.mark)
        self.setToolTip(plain(whole))
        self.setAccessibleName(_("Environment: {name}").format(name=whole))
        self._icon.show_icon("shield-alert", environment.token)
        self._fit()
        self._tint()

    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self._label.setVisible(not narrow)
        self._mark.setVisible(not narrow)
        self._fit()

    def _fit(self) -> None:
        room = RAIL - 24 - 50 - self._mark.sizeHint().width()
        metrics = self._label.fontMetrics()
        self._label.setText(
            metrics.elidedText(self._shown.label, Qt.TextElideMode.ElideRight, max(24, room))
        )

    def _tint(self) -> None:
        self._mark.setStyleSheet(f"color: {css(self._shown.token)}; font-size: 11px")

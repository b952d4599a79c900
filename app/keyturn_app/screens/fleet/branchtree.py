"""A tree of branches in columns: shape and word, found by keyboard, copied whole."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
)

from keyturn_app.qtkit.icons import icon
from keyturn_app.qtkit.theme import colour, mono, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.fleet.branches import Branch
from keyturn_app.screens.fleet.viewing import Tab, TabView

_KEY = Qt.ItemDataRole.UserRole + 1
_TINTS = ("danger", "ok", "stale", "unknown")
_LONGEST = 300  # characters of a cell; the whole value stands among the details


class BranchTree(QTreeWidget):
    """`chosen`: the key of a branch that was gone to."""

    chosen = Signal(str)

    def __init__(self, copied: Callable[[], None], *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._copied = copied
        self._items: dict[str, QTreeWidgetItem] = {}
        self._shown: TabView | None = None
        self._filling = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.currentItemChanged.connect(self._gone_to)
        theme().changed.connect(self._redraw)

    def show_tab(self, view: TabView, chosen: str) -> None:
        before = self._shown
        if before is None or (before.tab, before.branches) != (view.tab, view.branches):
            self._fill(view, anew=before is None or before.tab is not view.tab)
        self._go_to(chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copied()
            return
        super().keyPressEvent(event)

    # ---- inside ----

    def _fill(self, view: TabView, *, anew: bool) -> None:
        self._shown, self._filling = view, True
        self.setAccessibleName(view.title)
        self.clear()
        self._items = {}
        self.setColumnCount(len(view.columns))
        self.setHeaderLabels(list(view.columns))
        for each in view.branches:
            self.addTopLevelItem(self._item(each, view))
        for branch in view.branches:
            self._items[branch.key].setExpanded(branch.open)
        if anew:
            self._set_widths(view)
        self._filling = False

    def _item(self, branch: Branch, view: TabView) -> QTreeWidgetItem:
        made = QTreeWidgetItem([_cut(each) for each in branch.cells])
        self._items[branch.key] = made
        made.setData(0, _KEY, branch.key)
        made.setData(0, Qt.ItemDataRole.AccessibleTextRole, branch.spoken[:1000])
        for place, text in enumerate(branch.cells):
            made.setToolTip(place, plain(_cut(text)))
        if branch.icon:
            made.setIcon(0, icon(branch.icon, branch.token or "text2", 16))
        for place in view.mono:
            made.setFont(place, mono(12))
        worded = view.tab is Tab.CHECKS or bool(branch.children)
        if worded and branch.token in _TINTS:
            made.setForeground(1, colour(branch.token))
        for each in branch.children:
            made.addChild(self._item(each, view))
        return made

    def _set_widths(self, view: TabView) -> None:
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for place, width in enumerate(_WIDTHS[view.tab.value]):
            self.setColumnWidth(place, width)

    def _go_to(self, chosen: str) -> None:
        item = self._items.get(chosen)
        if item is not None and item is not self.currentItem():
            self._filling = True
            parent = item.parent()
            if parent is not None:
                parent.setExpanded(True)
            self.setCurrentItem(item)
            self.scrollToItem(item)
            self._filling = False

    def _gone_to(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and not self._filling:
            self.chosen.emit(str(item.data(0, _KEY)))

    def _redraw(self) -> None:
        shown, self._shown = self._shown, None
        if shown is not None:
            self.show_tab(shown, "")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_WIDTHS: dict[str, Sequence[int]] = {
    "checks": (230, 130, 230, 260, 160),
    "fields": (210, 66, 62, 300),
    "certificates": (330, 230, 220, 100, 200),
    "events": (80, 60, 220, 220, 260),
    "caveats": (240, 400),
}

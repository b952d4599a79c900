"""The evidence viewer: in the place of the whole page, as wide as that is."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.widgets import (
    Banner,
    Button,
    EmptyState,
    KeyValues,
    Pill,
    button,
    column,
    frame,
    label,
    row,
)
from keyturn_app.screens.fleet import parts
from keyturn_app.screens.fleet.branchtree import BranchTree
from keyturn_app.screens.fleet.hexpane import HexPane
from keyturn_app.screens.fleet.viewing import EvidenceView, Tab

_NARROW = 900
_WIDE = 1500
"""Below it the details stand under the tree, not beside it: of fields, and of all else."""


@dataclass(frozen=True, slots=True)
class EvidenceCalls:
    turn_to: Callable[[Tab], None]
    search: Callable[[str], None]
    choose: Callable[[str], None]
    choose_byte: Callable[[int], None]
    copy_chosen: Callable[[], None]
    copy_all: Callable[[], None]
    export: Callable[[], None]
    retry: Callable[[], None]
    copy: Callable[[str], None]


class EvidencePage(QWidget):
    """Shows an `EvidenceView`; `closed`: back to the fleet."""

    closed = Signal()

    def __init__(self, calls: EvidenceCalls) -> None:
        super().__init__()
        self.setObjectName("fleet.evidence")
        self._calls = calls
        self._name = label("", "H1", name="fleet.evidence.node", selectable=True)
        self._pill = Pill("", "unknown", "circle-slash", name="fleet.evidence.state")
        self._simulated = label(_("SIMULATED"), "Over", "Warn", name="fleet.evidence.simulated")
        self._note = label("", "Muted", "Small", name="fleet.evidence.note")
        self._trouble = Banner(name="fleet.evidence.trouble")
        self._tabs: dict[Tab, Button] = {}
        self._of_bytes = False
        self._turned: tuple[bool, bool] | None = None
        self.tree = BranchTree(calls.copy_chosen, name="fleet.evidence.tree")
        self.tree.chosen.connect(calls.choose)
        self.hex = HexPane(calls.copy, name="fleet.evidence.hex")
        self.hex.picked.connect(calls.choose_byte)
        self._details = KeyValues(width=104, name="fleet.evidence.details")
        self._empty = EmptyState("file-search", "", "")
        self._empty.setObjectName("fleet.evidence.empty")
        self._build()

    def show_view(self, view: EvidenceView | None) -> None:
        if view is None:
            return
        self._name.setText(view.node)
        self.setAccessibleName(_("Evidence of {name}").format(name=view.node))
        self._pill.show_state(view.look.word, view.look.token, view.look.icon)
        self._simulated.setVisible(view.simulated)
        self._note.setText(view.exporting or view.loading or view.note)
        self._trouble.say(view.trouble, tone="danger")
        self._retry.setVisible(bool(view.trouble))
        for each in (self._copy_all, self._export):
            each.setEnabled(view.can_copy and not view.exporting)
        self._copy_one.setEnabled(view.chosen is not None)
        if self._find.text() != view.query:
            self._find.setText(view.query)
        self._show_tab(view)

    def focus_tree(self) -> None:
        self.tree.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_search(self) -> None:
        self._find.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._find.selectAll()

    # ---- how it is put together ----

    def _build(self) -> None:
        back = button(
            _("Fleet"),
            name="fleet.evidence.back",
            kind="ghost",
            icon_name="arrow-left",
            tip=_("Back to the fleet (Esc)"),
            clicked=self.closed.emit,
        )
        head = row(back, self._name, self._pill, self._simulated, None, *self._takers(), spacing=10)
        inside = column(
            head, self._note, self._trouble, self._tools(), spacing=8, margins=(20, 14, 20, 16)
        )
        inside.addWidget(self._body(), 1)
        self.setLayout(inside)

    def _takers(self) -> tuple[QWidget, ...]:
        self._copy_one = button(
            _("Copy part"),
            name="fleet.evidence.copy_one",
            icon_name="copy",
            tip=_("The chosen part as JSON"),
            clicked=self._calls.copy_chosen,
        )
        self._copy_all = button(
            _("Copy all"),
            name="fleet.evidence.copy_all",
            icon_name="copy",
            tip=_("Everything here as JSON"),
            clicked=self._calls.copy_all,
        )
        self._export = button(
            _("Export…"),
            name="fleet.evidence.export",
            icon_name="download",
            tip=_("A zip that proves it without a server; it holds no secret"),
            clicked=self._calls.export,
        )
        return self._copy_one, self._copy_all, self._export

    def _tools(self) -> QWidget:
        self._group = QButtonGroup(self)
        chips = row(spacing=6)
        for tab in Tab:
            chip = button("", name=f"fleet.evidence.tab.{tab.value}", kind="chip", checkable=True)
            chip.clicked.connect(lambda _on=False, tab=tab: self._calls.turn_to(tab))
            self._group.addButton(chip)
            self._tabs[tab] = chip
            chips.addWidget(chip)
        self._find = QLineEdit()
        self._find.setObjectName("fleet.evidence.search")
        self._find.setAccessibleName(_("Search names, values and meanings"))
        self._find.setPlaceholderText(_("Search"))
        self._find.setClearButtonEnabled(True)
        self._find.setMaximumWidth(260)
        self._find.textChanged.connect(self._calls.search)
        self._retry = button(
            _("Try again"), name="fleet.evidence.retry", kind="link", clicked=self._calls.retry
        )
        opened = button(
            "",
            name="fleet.evidence.expand",
            kind="ghost",
            icon_name="chevrons-up-down",
            tip=_("Expand all"),
            clicked=self.tree.expandAll,
        )
        shut = button(
            "",
            name="fleet.evidence.collapse",
            kind="ghost",
            icon_name="minus",
            tip=_("Collapse all"),
            clicked=self.tree.collapseAll,
        )
        holder = QWidget()
        line = row(chips, None, self._retry, opened, shut, self._find, spacing=8)
        line.setStretch(5, 1)
        holder.setLayout(line)
        return holder

    def _body(self) -> QWidget:
        area = QScrollArea()
        area.setObjectName("fleet.evidence.details.scroll")
        area.setAccessibleName(_("Details"))
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setLayout(column(self._details, None, spacing=0, margins=(14, 12, 12, 12)))
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self._below = QSplitter(Qt.Orientation.Vertical)
        self._below.setObjectName("fleet.evidence.below")
        self._below.addWidget(_card(area))
        self._hex_card = _card(self.hex)
        self._below.addWidget(self._hex_card)
        self._below.setSizes([200, 280])
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setObjectName("fleet.evidence.split")
        self._split.setChildrenCollapsible(False)
        left = _card(self.tree)
        inside = left.layout()
        if inside is not None:
            inside.addWidget(self._empty)
        left.setMinimumWidth(260)
        self._split.addWidget(left)
        self._split.addWidget(self._below)
        self._split.setStretchFactor(0, 5)
        self._split.setStretchFactor(1, 4)
        return self._split

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._turn()

    def _turn(self) -> None:
        """Bytes stand beside the fields, all else below the tree, as far as there is room."""
        needed = _NARROW if self._of_bytes else _WIDE
        below = self.width() < needed
        wanted = Qt.Orientation.Vertical if below else Qt.Orientation.Horizontal
        self._below.setMinimumWidth(0 if below else self.hex.sizeHint().width() + 14)
        if self._split.orientation() is wanted and self._turned == (below, self._of_bytes):
            return
        self._turned = (below, self._of_bytes)
        self._split.setOrientation(wanted)
        self._split.setSizes([600, 400] if not self._of_bytes or not below else [400, 600])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
            return
        super().keyPressEvent(event)

    # ---- showing ----

    def _show_tab(self, view: EvidenceView) -> None:
        shown = view.shown
        self._of_bytes = shown.tab is Tab.FIELDS
        self._turn()
        for each in view.tabs:
            chip, count = self._tabs[each.tab], len(each.branches)
            many = count and each.tab in (Tab.EVENTS, Tab.CAVEATS, Tab.CERTIFICATES)
            chip.setText(f"{each.title} {count}" if many else each.title)
            chip.setAccessibleName(each.title)
            chip.setChecked(each.tab is view.tab)
        self.tree.show_tab(shown, view.chosen.key if view.chosen else "")
        self.tree.setVisible(bool(shown.branches))
        self._empty.setVisible(not shown.branches)
        if not shown.branches:
            self._empty.say(shown.title, view.loading or view.trouble or shown.empty)
        chosen = view.chosen
        rows = (
            []
            if chosen is None
            else [(d.label, parts.readable(d.value), d.mono) for d in chosen.details]
        )
        hint = [(_("Details"), _("Choose a line to see all of it."), False)]
        self._details.show_rows(rows or hint)
        data = chosen.data if chosen is not None and shown.has_bytes else None
        self.hex.show_bytes(data)
        self._hex_card.setVisible(data is not None)


def _card(inside: QWidget) -> QFrame:
    made = frame(column(inside, spacing=0, margins=(1, 1, 1, 1)), "Card")
    made.setMinimumWidth(200)
    return made

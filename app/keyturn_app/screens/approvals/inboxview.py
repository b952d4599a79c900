"""The inbox: filters above, the list below. Shows a `PageView`, says what was asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QStackedWidget,
    QWidget,
)

from keyturn.base.encoding import Digest
from keyturn.quorum.kinds import Kind
from keyturn_app.i18n import _
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.widgets import Button, EmptyState, button, card, column, label, row
from keyturn_app.screens.approvals.inbox import Filter, FilterChoice
from keyturn_app.screens.approvals.model import (
    WIDTHS,
    Column,
    InboxModel,
    QuorumDelegate,
    SubjectDelegate,
)
from keyturn_app.screens.approvals.viewmodel import PageView

_SEARCH, _SEARCH_NARROW, _BROAD = 270, 170, 940


@dataclass(frozen=True, slots=True)
class InboxCalls:
    """What the officer may ask for here."""

    show_filter: Callable[[Filter], None]
    show_kind: Callable[[Kind | None], None]
    search: Callable[[str], None]
    select: Callable[[Digest | None], None]
    open: Callable[[], None]
    new: Callable[[], None]
    open_file: Callable[[], None]
    paste: Callable[[], None]
    undo: Callable[[], None]
    copy: Callable[[str], None]


class InboxView(QWidget):
    """Everything but the open proposal."""

    def __init__(self, calls: InboxCalls) -> None:
        super().__init__()
        self._calls = calls
        self._kinds: tuple[tuple[Kind, str], ...] = ()
        self._filling = False
        self._chips: dict[Filter, Button] = {}
        self._build_filters()
        self._build_table()
        self._new = button(
            _("New proposal"),
            name="approvals.new",
            kind="primary",
            icon_name="plus",
            clicked=calls.new,
        )
        self._file = button(
            _("Open file…"),
            name="approvals.openfile",
            icon_name="folder-open",
            clicked=calls.open_file,
        )
        self._paste = button(
            _("Paste picture"),
            name="approvals.paste",
            icon_name="clipboard",
            clicked=calls.paste,
        )
        self._why = label("", "Muted", "Small", name="approvals.new.why")
        self._undo_text = label("", "Second", "Small")
        self._undo = button(_("Undo"), name="approvals.undo", kind="link", clicked=calls.undo)
        heading = row(
            label(_("Proposals"), "H1"),
            None,
            self._undo_text,
            self._undo,
            self._why,
            self._paste,
            self._file,
            self._new,
        )
        self._filters = QWidget()
        chips = row(*self._chips.values(), None, self.search, self._kind, spacing=8)
        self._filters.setLayout(chips)
        body = column(heading, self._filters, self._body, spacing=14, margins=(24, 18, 24, 20))
        body.setStretchFactor(self._body, 1)
        self.setLayout(body)

    def show_view(self, view: PageView, undo: str) -> None:
        """`undo`: which draft was thrown away and can come back."""
        self._filling = True
        for choice in view.filters:
            self._chip(choice)
        self._show_kinds(view)
        if self.search.text() != view.text:
            self.search.setText(view.text)
        self._model.show_rows(view.rows)
        self._select(view)
        self._paste.setVisible(view.offline)
        self._new.setVisible(view.proposes)
        self._empty.say(view.empty_title, view.empty_text)
        self._body.setCurrentIndex(0 if view.rows else 1)
        self._new.setEnabled(view.propose.possible)
        self._why.setText("" if view.propose.possible else view.propose.why_not)
        self._why.setVisible(view.proposes)
        self._filters.setVisible(view.proposes)  # a station has no list
        self._undo_text.setText(undo)
        self._undo.setVisible(bool(undo))
        self._undo_text.setVisible(bool(undo))
        self._filling = False

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.search.setFixedWidth(_SEARCH if self.width() >= _BROAD else _SEARCH_NARROW)

    def focus_list(self, *, quietly: bool) -> None:
        """Qt makes the first row current by itself; `quietly`: that chooses nothing."""
        self._filling = quietly
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._filling = False

    # ---- inside ----

    def _build_filters(self) -> None:
        group = QButtonGroup(self)
        for each in Filter:
            chip = button(
                "",
                name=f"approvals.filter.{each.value}",
                kind="chip",
                checkable=True,
                clicked=partial(self._calls.show_filter, each),
            )
            group.addButton(chip)
            self._chips[each] = chip
        self.search = QLineEdit()
        self.search.setObjectName("approvals.search")
        self.search.setAccessibleName(_("Search proposals"))
        self.search.setPlaceholderText(_("Search subject, officer, reason, digest"))
        self.search.setFixedWidth(_SEARCH)
        self.search.textChanged.connect(self._searched)
        self._kind = QComboBox()
        self._kind.setObjectName("approvals.kind")
        self._kind.setAccessibleName(_("Kind of proposal"))
        self._kind.setFixedWidth(160)
        self._kind.currentIndexChanged.connect(self._kind_chosen)

    def _build_table(self) -> None:
        self._model = InboxModel()
        self.table = Table(name="approvals.list", title=_("Proposals"), copied=self._calls.copy)
        self.table.setModel(self._model)
        self.table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self.table.setItemDelegateForColumn(Column.STATUS, LookDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.QUORUM, QuorumDelegate(self.table))
        self.table.setItemDelegateForColumn(Column.SUBJECT, SubjectDelegate(self.table))
        for place, width in WIDTHS.items():
            self.table.setColumnWidth(place, width)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(60)
        header.setSectionResizeMode(Column.SUBJECT, QHeaderView.ResizeMode.Stretch)
        self.table.activated.connect(lambda _index: self._calls.open())
        self.table.clicked.connect(self._clicked)
        self.table.selectionModel().currentRowChanged.connect(self._moved)
        self._empty = EmptyState("stamp", "", "")
        self._body = QStackedWidget()
        self._body.addWidget(card(self.table, margin=6))
        self._body.addWidget(self._empty)

    def _chip(self, choice: FilterChoice) -> None:
        chip = self._chips[choice.filter]
        text = f"{choice.text}  {choice.count}"
        if chip.text() != text:
            chip.setText(text)
            chip.setAccessibleName(f"{choice.text}, {choice.count}")
        chip.setChecked(choice.chosen)

    def _show_kinds(self, view: PageView) -> None:
        if self._kinds != view.kinds or self._kind.count() == 0:
            self._kinds = view.kinds
            self._kind.clear()
            self._kind.addItem(_("Every kind"), None)
            for kind, word in view.kinds:
                self._kind.addItem(word, kind.value)
        wanted = 0
        for place, (kind, _word) in enumerate(view.kinds, 1):
            if kind is view.kind:
                wanted = place
        self._kind.setCurrentIndex(wanted)

    def _select(self, view: PageView) -> None:
        digests = [each.digest for each in view.rows]
        if view.selected not in digests:
            return
        place = digests.index(view.selected)
        if self.table.selected_rows() != [place]:
            self.table.selectionModel().setCurrentIndex(
                self._model.index(place, 0),
                QItemSelectionModel.SelectionFlag.ClearAndSelect
                | QItemSelectionModel.SelectionFlag.Rows,
            )

    def _searched(self, text: str) -> None:
        if not self._filling:
            self._calls.search(text)

    def _kind_chosen(self, place: int) -> None:
        if self._filling or place < 0:
            return
        value = self._kind.itemData(place)
        self._calls.show_kind(None if value is None else Kind(value))

    def _moved(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._filling and index.isValid():
            self._calls.select(self._model.rows[index.row()].digest)

    def _clicked(self, index: QModelIndex) -> None:
        if index.isValid():
            self._calls.select(self._model.rows[index.row()].digest)
            self._calls.open()

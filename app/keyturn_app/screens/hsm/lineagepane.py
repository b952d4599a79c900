"""The lineage: the picture, its zoom, and the same as a table."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker
from PySide6.QtWidgets import QHeaderView, QLineEdit, QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.textmodel import TextModel
from keyturn_app.qtkit.widgets import EmptyState, button, card, column, label, row
from keyturn_app.screens.hsm.lineagepicture import LineagePicture, LineageScroll
from keyturn_app.screens.hsm.presenter import HsmPresenter
from keyturn_app.screens.hsm.viewmodel import LineageView

STATE = 3


class LineagePane(QWidget):
    """Shows a `LineageView`."""

    def __init__(self, presenter: HsmPresenter, context: PageContext) -> None:
        super().__init__()
        self._presenter = presenter
        self._view: LineageView | None = None
        self.filter = QLineEdit()
        self.filter.setObjectName("hsm.lineage.filter")
        self.filter.setAccessibleName(_("Filter what hangs on the keys"))
        self.filter.setPlaceholderText(_("Filter: model, version, node, KEK"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(presenter.filter_line)
        self.picture = LineagePicture()
        self.area = LineageScroll(self.picture)
        self.picture.stepped.connect(presenter.step_spot)
        self.picture.picked.connect(presenter.select_spot)
        self.picture.zoomed.connect(lambda _steps: self._show_zoom())
        self._zoom = label("100 %", "Small", "Second", name="hsm.lineage.zoom")
        self._summary = label("", "Muted", "Small", name="hsm.lineage.summary")
        self._note = OneLine("", "Muted", "Small", name="hsm.lineage.note")
        self._build_table(context)
        self._empty = EmptyState("git-branch", "", "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.area)
        self._stack.addWidget(self._empty)
        zooming = (self._zoom_button(-1), self._zoom, self._zoom_button(1), self._zoom_button(0))
        first = row(self.filter, *zooming)
        first.setStretch(0, 1)
        second = row(self._note, self._summary)
        second.setStretch(0, 1)
        head = column(first, second, margins=(12, 12, 12, 6))
        drawn = card(head, self._stack, spacing=0, margin=1, name="hsm.lineage.card")
        listed = card(self._table, margin=1)
        whole = column(drawn, listed, spacing=12)
        whole.setStretch(0, 3)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def show_lineage(self, view: LineageView) -> None:
        before, self._view = self._view, view
        self.picture.show_lineage(view)
        self._note.setText(view.note)
        self._summary.setText(view.summary)
        with QSignalBlocker(self._table.selectionModel()):
            self._model.show_rows(view.lineage.rows)
            self._mark(view)
        bare = not view.lineage.spots
        self._stack.setCurrentIndex(1 if bare else 0)
        if bare:
            filtered = bool(view.lineage.models)
            self._empty.say(
                _("Nothing passes the filter") if filtered else _("No keys are known"),
                _("Clear the filter to see all.") if filtered else view.note,
            )
        if before is None or before.selected != view.selected:
            self.area.reveal(view.selected)

    def take_focus(self) -> None:
        (self.picture if self._stack.currentIndex() == 0 else self.filter).setFocus()

    def _build_table(self, context: PageContext) -> None:
        heads = (
            lambda: "KEK",
            lambda: "DEK",
            lambda: _("Model version"),
            lambda: _("State"),
            lambda: _("Nodes that hold it"),
        )
        self._model = TextModel(heads, {STATE: lambda each: each.look}, frozenset({1}))
        self._model.setParent(self)
        self._table = Table(
            name="hsm.lineage.table", title=_("What hangs on each key"), copied=context.copy
        )
        self._table.setModel(self._model)
        self._table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self._table.setItemDelegateForColumn(STATE, LookDelegate(self._table))
        self._table.set_widths((220, 130, 230, 130))
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._table.setMinimumHeight(110)
        self._table.selectionModel().currentRowChanged.connect(self._current)
        for signal in (self._table.clicked, self._table.activated):
            signal.connect(self._picked)

    def _zoom_button(self, steps: int) -> QWidget:
        text, icon = {
            -1: (_("Smaller"), "minus"),
            1: (_("Larger"), "plus"),
            0: (_("Back to 100 %"), "rotate-ccw"),
        }[steps]
        made = button(
            "",
            name=f"hsm.lineage.zoom.{ {-1: 'out', 1: 'in', 0: 'reset'}[steps] }",
            kind="ghost",
            icon_name=icon,
            tip=text,
            clicked=lambda: self._zoom_by(steps),
        )
        made.setFixedWidth(32)
        return made

    def _zoom_by(self, steps: int) -> None:
        self.area.zoom_by(steps)
        self._show_zoom()

    def _show_zoom(self) -> None:
        self._zoom.setText(f"{self.area.zoom:.0%}".replace("%", " %"))
        if self._view is not None:
            self.area.reveal(self._view.selected)

    def _mark(self, view: LineageView) -> None:
        selection = self._table.selectionModel()
        spot = view.selected
        place = next((at for at, each in enumerate(view.lineage.rows) if spot in each.spots), None)
        if spot is None or place is None:
            selection.clearSelection()
            return
        index = self._model.index(place, 0)
        flags = QItemSelectionModel.SelectionFlag
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self._table.viewport().update()

    def _current(self, index: QModelIndex, before: QModelIndex) -> None:
        if before.isValid():
            self._picked(index)

    def _picked(self, index: QModelIndex) -> None:
        view = self._view
        if view is not None and index.isValid() and index.row() < len(view.lineage.rows):
            self._presenter.select_spot(view.lineage.rows[index.row()].id)

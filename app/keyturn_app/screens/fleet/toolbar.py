"""The line above the table: filter with its errors, saved views, columns, export."""

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QAction, QInputMethodEvent, QKeyEvent, QTextCharFormat
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import icon
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.theme import colour, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Pill, button, clear, column, label, restyle, row
from keyturn_app.screens.fleet.buttons import spaced_button
from keyturn_app.screens.fleet.columns import ALWAYS, COLUMNS, Column, title
from keyturn_app.screens.fleet.filtering import examples
from keyturn_app.screens.fleet.viewmodel import Chip, FleetView, Problem

_CHIPS = 3
"""Saved views that have a chip; the rest is in the menu."""


class FilterEdit(QLineEdit):
    """Marks the place that is not understood. Esc empties it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fleet.filter")
        self.setAccessibleName(_("Filter nodes"))
        self.setPlaceholderText(_("Filter: state:refused site:fra-*"))
        self.setToolTip(plain(_("Words, or fields such as") + "\n" + "\n".join(examples())))
        self.setClearButtonEnabled(True)
        self._search = QAction(_("Filter"), self)
        self.addAction(self._search, QLineEdit.ActionPosition.LeadingPosition)
        self._marked: tuple[int, int] | None = None
        self._draw()
        theme().changed.connect(self._draw)

    def show_problem(self, problem: Problem | None) -> None:
        state = "error" if problem else ""
        if self.property("state") != state:
            self.setProperty("state", state)
            restyle(self)
        self.setAccessibleDescription(problem.text if problem else "")
        marked = (problem.start, problem.end) if problem else None
        if marked != self._marked:
            self._marked = marked
            self._underline()

    def _underline(self) -> None:
        """QLineEdit has no other way to format a part of its text."""
        attributes = []
        if self._marked is not None:
            wave = QTextCharFormat()
            wave.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            wave.setUnderlineColor(colour("danger"))
            wave.setForeground(colour("danger"))
            start, end = self._marked
            attributes.append(
                QInputMethodEvent.Attribute(
                    QInputMethodEvent.AttributeType.TextFormat,
                    start - self.cursorPosition(),
                    max(1, end - start),
                    wave,
                )
            )
        QCoreApplication.sendEvent(self, QInputMethodEvent("", attributes))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)

    def _draw(self) -> None:
        self._search.setIcon(icon("search", "muted", 16))


class Toolbar(QWidget):
    """Says what was asked for; shows what the view-model holds."""

    filtered = Signal(str)
    toggled = Signal(str)
    saved = Signal(str)
    removed = Signal(str)
    column_shown = Signal(Column, bool)
    sorted_by = Signal(Column)
    exported = Signal(bool)  # as JSON

    def __init__(self) -> None:
        super().__init__()
        self.filter = FilterEdit()
        self.filter.setMinimumWidth(64)
        self.filter.setMaximumWidth(340)
        self.filter.textEdited.connect(self.filtered.emit)
        self.filter.textChanged.connect(self._cleared)
        self._chips = row(spacing=6)
        self._shown: tuple[Chip, ...] | None = None
        self._views = button(
            "", name="fleet.views", kind="ghost", icon_name="bookmark", tip=_("Saved views")
        )
        self._views_menu = QMenu(self._views)
        self._views.setMenu(self._views_menu)
        self._name = _NameEdit(self.saved.emit)
        self._paused = Pill(_("Live sort paused"), "pending", "pause", name="fleet.paused")
        self._count = OneLine("", "Muted", "Small", name="fleet.count")
        self._columns = button(
            "",
            name="fleet.columns",
            kind="ghost",
            icon_name="columns-3",
            tip=_("Columns and order"),
        )
        self._columns.setMenu(self._columns_menu())
        self._export = spaced_button(_("Export"), name="fleet.export", icon_name="download")
        self._export.setMenu(self._export_menu())
        self._problem = label("", "Danger", "Small", wrap=True, name="fleet.filter.problem")
        line = row(
            self.filter,
            self._chips,
            self._views,
            self._name,
            None,
            self._paused,
            self._count,
            self._columns,
            self._export,
            spacing=8,
        )
        line.setStretch(0, 3)
        line.setStretch(4, 1)
        self.setLayout(column(line, self._problem, spacing=6, margins=(12, 12, 12, 10)))

    def show_view(self, view: FleetView) -> None:
        if self.filter.text() != view.filter:
            self.filter.setText(view.filter)
            self.filter.setCursorPosition(0)
        self.filter.show_problem(view.problem)
        self._problem.setText(view.problem.text if view.problem else "")
        self._problem.setVisible(view.problem is not None)
        self._paused.setVisible(view.paused)
        self._count.setText(view.count)
        self._show_chips(view.chips)
        for column_, action in self._column_actions.items():
            action.setChecked(column_ in view.columns)

    def _cleared(self, text: str) -> None:
        """The clear button and Esc edit nothing by hand, and mean it all the same."""
        if not text:
            self.filtered.emit("")

    def _show_chips(self, chips: tuple[Chip, ...]) -> None:
        if chips == self._shown:
            return
        self._shown = chips
        focused = self.focusWidget()
        again = focused.objectName() if focused is not None else ""
        clear(self._chips)
        for place, chip in enumerate(chips[:_CHIPS]):
            made = button(
                chip.name, name=f"fleet.chip.{place}", kind="chip", tip=chip.query, checkable=True
            )
            made.setChecked(chip.chosen)
            made.clicked.connect(lambda _on=False, query=chip.query: self.toggled.emit(query))
            self._chips.addWidget(made)
            if made.objectName() == again:
                made.setFocus()
        self._fill_views(chips)

    def _fill_views(self, chips: tuple[Chip, ...]) -> None:
        menu = self._views_menu
        menu.clear()
        for chip in chips:
            action = menu.addAction(chip.name)
            action.setCheckable(True)
            action.setChecked(chip.chosen)
            action.triggered.connect(lambda _on=False, query=chip.query: self.toggled.emit(query))
        menu.addSeparator()
        menu.addAction(_("Save this filter as a view…")).triggered.connect(self._name.ask)
        for chip in chips:
            if chip.own:
                gone = menu.addAction(_("Remove “{name}”").format(name=chip.name))
                gone.triggered.connect(lambda _on=False, name=chip.name: self.removed.emit(name))

    def _columns_menu(self) -> QMenu:
        menu = QMenu(self._columns)
        self._column_actions: dict[Column, QAction] = {}
        for each in COLUMNS:
            action = menu.addAction(title(each))
            action.setCheckable(True)
            action.setEnabled(each not in ALWAYS)
            action.triggered.connect(lambda on, col=each: self.column_shown.emit(col, on))
            self._column_actions[each] = action
        menu.addSeparator()
        order = menu.addMenu(_("Sort by"))
        for each in COLUMNS:
            action = order.addAction(title(each))
            action.triggered.connect(lambda _on=False, col=each: self.sorted_by.emit(col))
        return menu

    def _export_menu(self) -> QMenu:
        menu = QMenu(self._export)
        for text, as_json in ((_("CSV…"), False), (_("JSON…"), True)):
            action = menu.addAction(text)
            action.triggered.connect(lambda _on=False, j=as_json: self.exported.emit(j))
        return menu


class _NameEdit(QLineEdit):
    """A view's name: Enter saves, Esc or leaving does not."""

    def __init__(self, saved: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("fleet.view_name")
        self.setAccessibleName(_("Name of the view"))
        self.setPlaceholderText(_("Name of the view, Enter"))
        self.setMaxLength(60)
        self.setFixedWidth(150)
        self._saved = saved
        self.returnPressed.connect(self._done)
        self.hide()

    def ask(self) -> None:
        self.clear()
        self.show()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.FocusOut:
            self.hide()
        return super().event(event)

    def _done(self) -> None:
        name = self.text()
        self.hide()
        self._saved(name)

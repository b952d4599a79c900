"""The filter over the table: kinds, words, how far back, and straight to an index."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QSizePolicy, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import icon
from keyturn_app.qtkit.theme import theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, clear, column, label, restyle, row
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.viewmodel import Chip
from keyturn_app.screens.log.viewmodel import FilterBar as Shown

IN_A_ROW = 5
"""Chips in one line: more would not fit the smallest window."""


class FilterBar(QWidget):
    """Tells the presenter what is asked for; shows what it made of it."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._chips: tuple[str, ...] = ()
        self.setObjectName("log.filter")
        self.line = _field("log.filter.line", _("Filter the log"))
        self.line.setPlaceholderText(_("Filter: words, digests, node:… since:… until:…"))
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(presenter.filter_line)
        self._search = self.line.addAction(
            icon("search", "muted", 16), QLineEdit.ActionPosition.LeadingPosition
        )
        self._search.setText(_("Filter the log"))
        theme().changed.connect(self._draw_search)
        self._span = QComboBox()
        self._span.setObjectName("log.filter.span")
        self._span.setAccessibleName(_("How far back"))
        self._span.currentIndexChanged.connect(self._chosen)
        self.index = _field("log.goto", _("Go to index"))
        self.index.setPlaceholderText(_("Go to index"))
        self.index.setFixedWidth(116)
        self.index.returnPressed.connect(self._go)
        self._row, self._more = row(spacing=6), row(spacing=6)
        self._buttons: list[QPushButton] = []
        self._summary = label("", "Muted", "Small", wrap=True, name="log.filter.summary")
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._busy = label("", "Small", name="log.filter.busy")
        self._clear = button(
            _("Clear"),
            name="log.filter.clear",
            kind="ghost",
            icon_name="funnel-x",
            clicked=presenter.clear_filter,
        )
        self._older = button(
            "",
            name="log.filter.older",
            kind="ghost",
            icon_name="history",
            clicked=presenter.load_older,
        )
        self._older.setAccessibleName(_("Load older entries"))
        self._error = label("", "Danger", "Small", wrap=True, name="log.filter.error")
        first = row(self.line, self._span, self.index)
        first.setStretch(0, 1)
        second = row(self._row, self._clear, self._busy, self._summary, self._older)
        second.setStretchFactor(self._summary, 1)
        self.setLayout(column(first, self._error, second, self._more, margins=(12, 12, 12, 6)))
        self._error.hide()

    def _draw_search(self) -> None:
        self._search.setIcon(icon("search", "muted", 16))

    def show_filter(self, shown: Shown, why_not_older: str = "") -> None:
        self._show_chips(shown.chips)
        if self.line.text() != shown.line:
            with QSignalBlocker(self.line):
                self.line.setText(shown.line)
        self._show_error(shown.error)
        self._show_spans(shown)
        self._summary.setText(shown.summary)
        self._busy.setText(shown.busy)
        self._busy.setVisible(bool(shown.busy))
        self._older.setText(shown.older)
        self._older.setVisible(bool(shown.older))
        self._older.setEnabled(not why_not_older)
        self._older.setToolTip(plain(why_not_older))
        used = bool(shown.line or shown.span != "any" or any(c.checked for c in shown.chips))
        self._clear.setVisible(used)

    def _show_error(self, text: str) -> None:
        self._error.setVisible(bool(text))
        self._error.setText(text)
        state = "error" if text else ""
        if self.line.property("state") != state:
            self.line.setProperty("state", state)
            restyle(self.line)

    def _show_spans(self, shown: Shown) -> None:
        with QSignalBlocker(self._span):
            if self._span.count() != len(shown.spans):
                self._span.clear()
                for each in shown.spans:
                    self._span.addItem(each.text, each.id)
            self._span.setCurrentIndex(self._span.findData(shown.span))

    def _show_chips(self, chips: tuple[Chip, ...]) -> None:
        if tuple(each.id for each in chips) != self._chips:
            self._chips = tuple(each.id for each in chips)
            for line in (self._row, self._more):
                clear(line)
            self._buttons = [self._chip(each) for each in chips]
            for place, made in enumerate(self._buttons):
                line = self._row if place < IN_A_ROW else self._more
                line.addWidget(made)
            self._more.addStretch(1)
        for made, each in zip(self._buttons, chips, strict=True):
            made.setText(f"{each.text} {each.count:,}")
            made.setChecked(each.checked)

    def _chip(self, each: Chip) -> QPushButton:
        made = button(
            each.text,
            name=f"log.kind.{each.id}",
            kind="chip",
            icon_name=each.icon,
            checkable=True,
            clicked=lambda: self._presenter.toggle_kind(each.id),
        )
        made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        made.setAccessibleName(_("Only {kind}").format(kind=each.text))
        return made

    def _chosen(self, place: int) -> None:
        self._presenter.choose_span(str(self._span.itemData(place)))

    def _go(self) -> None:
        problem = self._presenter.go_to(self.index.text())
        if problem:
            self._show_error(problem)
            self.index.selectAll()
        else:
            self.index.clear()


class SectionChips(QWidget):
    """Which part of the page is in front."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._row = row(spacing=6)
        self._buttons: dict[str, QPushButton] = {}
        self._texts: tuple[tuple[str, str], ...] = ()
        self.setLayout(self._row)

    def show_sections(self, texts: tuple[tuple[str, str], ...], chosen: str) -> None:
        if texts != self._texts:
            self._texts = texts
            clear(self._row)
            self._buttons = {each: self._make(each, text) for each, text in texts}
            for made in self._buttons.values():
                self._row.addWidget(made)
        for each, made in self._buttons.items():
            made.setChecked(each == chosen)

    def focus_chosen(self) -> None:
        for made in self._buttons.values():
            if made.isChecked():
                made.setFocus()

    def _make(self, section: str, text: str) -> QPushButton:
        icons = {
            "entries": "scroll-text",
            "checkpoints": "shield-check",
            "witnesses": "stamp",
            "alarm": "siren",
        }
        made = button(
            text,
            name=f"log.section.{section}",
            kind="chip",
            icon_name=icons[section],
            checkable=True,
            clicked=lambda: self._presenter.open(section),
        )
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return made


def _field(name: str, spoken: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(spoken)
    return made

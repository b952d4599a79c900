"""The newest pre-flight report, check by check, with what to do."""

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import (
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.textmodel import TextModel
from keyturn_app.qtkit.tokens import ROW
from keyturn_app.qtkit.widgets import (
    Banner,
    EmptyState,
    Pill,
    button,
    card,
    column,
    frame,
    label,
    row,
)
from keyturn_app.screens.hsm.presenter import HsmPresenter
from keyturn_app.screens.hsm.viewmodel import CheckRow, Empty, HsmView, PreflightView

_BESIDE, _ABOVE_AND_BELOW = 24, 16
"""What a cell keeps free around its text."""


class PreflightPane(QWidget):
    """Shows a `PreflightView`, or how to come by a report."""

    def __init__(self, presenter: HsmPresenter, context: PageContext) -> None:
        super().__init__()
        self._presenter = presenter
        self._rows: tuple[CheckRow, ...] = ()
        self._pill = Pill("", "unknown", "circle", name="hsm.preflight.level")
        self._title = label("", "H2", name="hsm.preflight.title")
        self._text = OneLine("", "Small", "Second", name="hsm.preflight.text")
        self._whence = OneLine("", "Small", "Muted", name="hsm.preflight.whence")
        self._digest = DigestLabel(context.copy, name="hsm.preflight.digest")
        self._banner = Banner(name="hsm.preflight.warning")
        self._back = button(
            _("Back to the keyholder's"),
            name="hsm.preflight.back",
            kind="ghost",
            icon_name="undo-2",
            clicked=presenter.close_report,
        )
        self._chips: dict[str, QPushButton] = {}
        self._chip_row = row(spacing=6)
        self._build_table(context)
        self._detail = label("", wrap=True, selectable=True, name="hsm.preflight.detail")
        self._detail_card = frame(
            column(self._detail, margins=(14, 10, 14, 10)), "Raised", name="hsm.preflight.more"
        )
        self._detail_card.hide()
        head = column(
            row(self._pill, self._title, None, self._back),
            self._text,
            row(self._whence, self._digest),
            self._banner,
            self._chip_row,
            margins=(14, 12, 14, 8),
        )
        shown = card(head, self._table, self._detail_card, spacing=0, margin=1)
        shown.layout().setStretch(1, 1)  # type: ignore[union-attr]
        self._command = _CommandLine(context.copy)
        self._empty = EmptyState("clipboard-check", "", "", self._command)
        self._stack = QStackedWidget()
        self._stack.addWidget(shown)
        self._stack.addWidget(card(self._empty))
        self.setLayout(column(self._stack))

    def show_preflight(self, view: HsmView) -> None:
        shown = view.preflight
        self._stack.setCurrentIndex(0 if shown is not None else 1)
        if shown is not None:
            self._show(shown)
        elif view.no_report is not None:
            self._say(view.no_report)

    def take_focus(self) -> None:
        if self._stack.currentIndex() == 0:
            self._table.setFocus()
        else:
            self._command.take_focus()

    def _say(self, empty: Empty) -> None:
        self._empty.say(empty.title, empty.text)
        self._command.show_command(empty.commands[0] if empty.commands else "")

    def _show(self, view: PreflightView) -> None:
        self._pill.show_state(view.look.word, view.look.token, view.look.icon)
        self._title.setText(view.title)
        self._text.setText(view.text)
        self._whence.setText(view.whence)
        self._back.setVisible(view.from_file)
        self._digest.show_digest(view.digest)
        self._banner.say(view.notice.text, tone=view.notice.tone)
        self._show_chips(view)
        if view.rows != self._rows:
            self._rows = view.rows
            with QSignalBlocker(self._table.selectionModel()):
                self._model.show_rows(view.rows)
                self._table.clearSelection()
            self._table.resizeRowsToContents()
            self._detail_card.hide()

    def _show_chips(self, view: PreflightView) -> None:
        for level, word, count, is_on in view.counts:
            made = self._chips.get(level)
            if made is None:
                made = self._chips[level] = self._chip(level, word)
                self._chip_row.addWidget(made)
                if len(self._chips) == len(view.counts):
                    self._chip_row.addStretch(1)
            made.setText(f"{word} {count}")
            made.setChecked(is_on)

    def _chip(self, level: str, word: str) -> QPushButton:
        made = button(
            word,
            name=f"hsm.preflight.only.{level}",
            kind="chip",
            checkable=True,
            clicked=lambda: self._presenter.toggle(level),
        )
        made.setAccessibleName(_("Only {kind}").format(kind=word))
        return made

    def _build_table(self, context: PageContext) -> None:
        heads = (
            lambda: _("Level"),
            lambda: _("Check"),
            lambda: _("Found"),
            lambda: _("Expected"),
            lambda: _("What to do"),
        )
        self._model = TextModel(heads, {0: lambda each: each.look})
        self._model.setParent(self)
        self._table = Table(
            name="hsm.preflight.checks", title=_("Checks of the pre-flight"), copied=context.copy
        )
        self._table.setModel(self._model)
        self._table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self._table.setItemDelegateForColumn(0, LookDelegate(self._table))
        self._table.setWordWrap(True)
        for at in range(1, len(heads)):
            self._table.setItemDelegateForColumn(at, _Wrapping(self._table))
        self._table.set_widths((92, 176))
        head = self._table.horizontalHeader()
        for at in range(2, len(heads)):
            head.setSectionResizeMode(at, QHeaderView.ResizeMode.Stretch)
        head.sectionResized.connect(lambda *_: self._table.resizeRowsToContents())
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._more())

    def _more(self) -> None:
        """The texts of one check, to select and copy."""
        rows = self._table.selected_rows()
        self._detail_card.setVisible(bool(rows))
        if not rows or rows[0] >= len(self._rows):
            return
        each = self._rows[rows[0]]
        lines = [f"{each.name}: {each.look.word}", _("Found: {text}").format(text=each.found)]
        if each.expected:
            lines.append(_("Expected: {text}").format(text=each.expected))
        if each.hint:
            lines.append(_("What to do: {text}").format(text=each.hint))
        self._detail.setText("\n".join(lines))
        self._detail.setAccessibleName(self._detail.text())


class _Wrapping(QStyledItemDelegate):
    """As high as the text needs at its column's width, with the room that a row of one line has."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._table = table

    def sizeHint(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        width = self._table.columnWidth(index.column())
        room = QRect(0, 0, max(40, width - _BESIDE), 10_000)
        text = str(index.data() or "")
        height = option.fontMetrics.boundingRect(room, Qt.TextFlag.TextWordWrap, text).height()
        return QSize(width, max(ROW, height + _ABOVE_AND_BELOW))


class _CommandLine(QWidget):
    """One command to run elsewhere, and a button that copies it."""

    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._text = label("", "Mono", wrap=True, selectable=True, name="hsm.empty.command")
        self._copy = button(
            "",
            name="hsm.empty.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy"),
            clicked=lambda: copy(self._text.text()),
        )
        self._copy.setFixedWidth(32)
        inside = row(self._text, self._copy, margins=(12, 6, 6, 6))
        inside.setStretch(0, 1)
        self.setLayout(column(frame(inside, "Raised")))
        self.setMinimumWidth(460)

    def show_command(self, text: str) -> None:
        self.setVisible(bool(text))
        self._text.setText(text)

    def take_focus(self) -> None:
        self._copy.setFocus()

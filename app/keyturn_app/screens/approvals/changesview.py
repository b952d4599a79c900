"""The card *What changes*: as fields, side by side, unified, or as the exact bytes."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QPlainTextEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.diffpane import DiffPane, rows_of, see_through
from keyturn_app.qtkit.diffsides import DiffSides
from keyturn_app.qtkit.prose import Elided, Prose, WrappedMono
from keyturn_app.qtkit.theme import mono, sans
from keyturn_app.qtkit.widgets import (
    Button,
    KeyValues,
    button,
    clear,
    column,
    frame,
    label,
    line,
    row,
)
from keyturn_app.screens.approvals.exact import Exact
from keyturn_app.screens.approvals.viewmodel import ChangeRow, Changes, Detail, Form

SHOWN = 200
"""Fields in the list; the text shows all."""


class ChangesCard(QFrame):
    """`show_form` is told which form is wanted, `copy` gets texts."""

    def __init__(self, show_form: Callable[[Form], None], copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("approvals.changes")
        self._json = ""
        self._title = label("", "H2", name="approvals.changes.title")
        self._summary = Elided("", "text2", sans(12), name="approvals.changes.summary")
        self._forms: dict[Form, Button] = {}
        group = QButtonGroup(self)
        for form, text in (
            (Form.WORDS, _("In words")),
            (Form.FIELDS, _("Fields")),
            (Form.SIDES, _("Side by side")),
            (Form.UNIFIED, _("Unified")),
            (Form.EXACT, _("Exact bytes")),
        ):
            chip = button(
                text,
                name=f"approvals.form.{form.value}",
                kind="chip",
                checkable=True,
                clicked=partial(show_form, form),
            )
            group.addButton(chip)
            self._forms[form] = chip
        as_json = button(
            _("As JSON"),
            name="approvals.changes.json",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the signed payload"),
            clicked=lambda: copy(self._json),
        )
        self._pages: dict[Form, WordsPage | FieldsPage | SidesPage | UnifiedPage | ExactPage] = {
            Form.WORDS: WordsPage(),
            Form.FIELDS: FieldsPage(),
            Form.SIDES: SidesPage(copy),
            Form.UNIFIED: UnifiedPage(copy),
            Form.EXACT: ExactPage(),
        }
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        self._too_long = label(
            _("It is too long to be compared as text here: see its fields."), "Second"
        )
        head = row(self._title, self._summary, None, as_json, spacing=8)
        forms = row(*self._forms.values(), None, spacing=8)
        body = column(
            column(head, forms, spacing=4),
            self._too_long,
            self._stack,
            spacing=10,
            margins=(16, 10, 16, 16),
        )
        body.setStretchFactor(self._stack, 1)
        self.setLayout(body)
        self.setMinimumHeight(300)

    def show_view(self, detail: Detail, form: Form) -> None:
        changes = detail.changes
        self._json = detail.json
        self._title.setText(changes.title)
        self._summary.setText(changes.summary)
        self._too_long.setVisible(changes.too_long and form in (Form.SIDES, Form.UNIFIED))
        self._forms[form].setChecked(True)
        page = self._pages[form]
        if isinstance(page, ExactPage):
            page.show_exact(detail.exact)
        elif isinstance(page, WordsPage):
            page.show_words(detail.words)
        else:
            page.show_changes(changes)
        self._stack.setCurrentWidget(page)


class WordsPage(QScrollArea):
    """All that it says, sentence by sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("approvals.words")
        self.setAccessibleName(_("What it says, in words"))
        self.setWidgetResizable(True)
        self._shown: tuple[str, ...] = ()
        inside = QWidget()
        inside.setObjectName("approvals.words.inside")
        self._lines = column(spacing=6)
        outer = QVBoxLayout(inside)
        outer.setContentsMargins(0, 0, 8, 0)
        outer.addLayout(self._lines)
        outer.addStretch(1)
        self.setWidget(inside)
        see_through(self)

    def show_words(self, words: tuple[str, ...]) -> None:
        if words == self._shown:
            return
        self._shown = words
        clear(self._lines)
        for each in words:
            line = Prose(each)
            line.setAccessibleName(each)
            self._lines.addWidget(line)


class SidesPage(DiffSides):
    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__("approvals", copy)

    def show_changes(self, changes: Changes) -> None:
        self.show_sides(changes.before_title, changes.after_title, changes.pairs)


class UnifiedPage(QWidget):
    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._title = Elided("", "text2", sans(12))
        self._pane = DiffPane(name="approvals.diff.unified", title=_("Changes"), copied=copy)
        self.setLayout(column(self._title, self._pane, spacing=6))

    def show_changes(self, changes: Changes) -> None:
        titles = [each for each in (changes.before_title, changes.after_title) if each]
        self._title.setText("  →  ".join(titles))
        self._pane.show_rows(rows_of(changes.lines))


class FieldsPage(QScrollArea):
    """Place by place: what it is called, what it was, what it would be."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("approvals.fields")
        self.setAccessibleName(_("Changed fields"))
        self.setWidgetResizable(True)
        self._shown: tuple[ChangeRow, ...] | None = None
        inside = QWidget()
        inside.setObjectName("approvals.fields.inside")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        outer = QVBoxLayout(inside)
        outer.setContentsMargins(0, 0, 8, 0)
        outer.addLayout(self._grid)
        outer.addStretch(1)
        self.setWidget(inside)
        see_through(self)

    def show_changes(self, changes: Changes) -> None:
        if self._shown == changes.rows:
            return
        self._shown = changes.rows
        clear(self._grid)
        heads = (_("Field"), changes.before_title or _("Before"), changes.after_title)
        for place, text in enumerate(heads):
            self._grid.addWidget(Prose(text, "muted", sans(12)), 0, place)
        for place, each in enumerate(changes.rows[:SHOWN], 1):
            self._add(2 * place, each)
        left = len(changes.rows) - SHOWN
        if left > 0:
            more = n_("and {count} more field", "and {count} more fields", left)
            self._grid.addWidget(label(more, "Second"), 2 * SHOWN + 2, 0)

    def _add(self, at: int, change: ChangeRow) -> None:
        self._grid.addWidget(line(), at - 1, 0, 1, 3)
        name = Prose(change.words, "text", sans(13, QFont.Weight.DemiBold))
        place = WrappedMono(change.place, "muted")
        left = QWidget()
        left.setFixedWidth(210)
        left.setLayout(column(name, place, spacing=2))
        self._grid.addWidget(left, at, 0, Qt.AlignmentFlag.AlignTop)
        for column_at, sign, value, token in (
            (1, "-", change.before, "removed"),
            (2, "+", change.after, "added"),
        ):
            text = "—" if value is None else f"{sign} {value}"
            cell = WrappedMono(text, "muted" if value is None else token)
            cell.setAccessibleName(f"{change.words}: {text}")
            self._grid.addWidget(cell, at, column_at)


class ExactPage(QWidget):
    """The payload as it came: text and hex, its digest computed here."""

    def __init__(self) -> None:
        super().__init__()
        self._facts = KeyValues(width=96, name="approvals.exact.facts")
        self._text = _reader("approvals.exact.text", _("Signed bytes as text"))
        self._hex = _reader("approvals.exact.hex", _("Signed bytes in hex"))
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        both = row(self._text, self._hex, spacing=12)
        both.setStretch(0, 2)
        both.setStretch(1, 3)
        whole = column(frame(column(self._facts)), spacing=8)
        whole.addLayout(both, 1)
        self.setLayout(whole)
        self._shown: Exact | None = None

    def show_exact(self, exact: Exact | None) -> None:
        if exact is None or exact == self._shown:
            return
        self._shown = exact
        size = exact.size
        if exact.cut:
            size += " " + _("(the beginning is shown)")
        rows = [
            (_("Payload type"), exact.payload_type, True),
            (_("Size"), size, False),
            (_("Digest, here"), exact.digest, True),
            *((_("Signed by key"), each, True) for each in exact.signatures),
        ]
        self._facts.show_rows(rows)
        self._text.setPlainText(exact.text)
        self._hex.setPlainText(exact.dump)


def _reader(name: str, title: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setReadOnly(True)
    made.setTabChangesFocus(True)
    made.setFont(mono(12))
    made.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    return made

"""The form over the page: its sections on the left, its impact and the proposal on the right."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.diffpane import DiffPane, rows_of
from keyturn_app.qtkit.impactpane import ImpactPane
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.prose import Prose
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import mono
from keyturn_app.qtkit.widgets import (
    Banner,
    Button,
    Pill,
    button,
    column,
    label,
    line,
    row,
)
from keyturn_app.screens.policies.detailview import Lines
from keyturn_app.screens.policies.editing import EditorPresenter
from keyturn_app.screens.policies.editorvalues import EditorView
from keyturn_app.screens.policies.fieldwidgets import FieldWidget, Remarks
from keyturn_app.screens.policies.form import Section

SIDE, SIDE_NARROW, NARROW = 400, 340, 1000
LAPSES = (24, 72, 168)
_TONES = {"ok": "circle-check", "danger": "octagon-x", "stale": "triangle-alert", "pending": "info"}


class PolicyForm(QFrame):
    def __init__(self, presenter: EditorPresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("policies.editor")
        self._presenter = presenter
        self._cards: dict[str, _SectionCard] = {}
        self._structure: tuple[object, ...] = ()
        self._side = self._make_side(copy)
        left = QWidget()
        main = column(
            self._make_head(),
            self._make_forms(copy),
            spacing=8,
            margins=(20, 16, 12, 12),
        )
        main.setStretchFactor(self._stack, 1)
        left.setLayout(main)
        both = row(left, line(vertical=True), self._side, spacing=0)
        both.setStretch(0, 1)
        self.setLayout(both)
        self.show_view()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        first = self._reason if self._name.isReadOnly() else self._name
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        self._side.setFixedWidth(SIDE_NARROW if narrow else SIDE)
        self._as_json.setText("" if narrow else _("As JSON"))
        self._summary.setVisible(not narrow)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Undo):
            self._presenter.undo()
        elif event.matches(QKeySequence.StandardKey.Redo):
            self._presenter.redo()
        else:
            super().keyPressEvent(event)

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.title)
        self._basis.setText(view.basis)
        icon = _TONES.get(view.verdict_tone, "circle-dashed")
        self._verdict.show_state(view.verdict, view.verdict_tone, icon)
        self._problem.say(view.problem, tone="danger")
        self._undo.setEnabled(view.can_undo)
        self._redo.setEnabled(view.can_redo)
        self._reset.setEnabled(view.differs)
        self._show_said(view)
        self._show_sections(view)
        self._general.show_remarks(view.remarks)
        self._words.show_lines(view.words)
        self._diff.show_rows(rows_of(view.lines))
        if self._json.toPlainText() != view.json:
            self._json.setPlainText(view.json)
        self._summary.setText(view.summary)
        old = _("The form has changed since: this is the impact of what stood there before.")
        self._impact.show_state(
            view.simulation, view.simulated, view.why_not_simulate, old if view.impact_old else ""
        )
        self._propose.setEnabled(not view.why_not_propose)
        self._why.setText(view.why_not_propose)

    # ---- inside ----

    def _make_head(self) -> QVBoxLayout:
        presenter = self._presenter
        self._title = OneLine("", "H1", name="policy.title")
        self._basis = OneLine("", "Second", name="policy.basis")
        self._verdict = Pill("", "unknown", "circle-dashed", name="policy.verdict")
        self._undo = button(
            "",
            name="policy.undo",
            kind="ghost",
            icon_name="undo-2",
            tip=_("Undo (Ctrl+Z)"),
            clicked=presenter.undo,
        )
        self._redo = button(
            "",
            name="policy.redo",
            kind="ghost",
            icon_name="redo-2",
            tip=_("Redo (Ctrl+Shift+Z)"),
            clicked=presenter.redo,
        )
        self._reset = button(
            "",
            name="policy.reset",
            kind="ghost",
            icon_name="rotate-ccw",
            tip=_("Back to where this form began"),
            clicked=presenter.reset,
        )
        self._problem = Banner(name="policy.problem")
        names = column(self._title, self._basis, spacing=2)
        head = row(spacing=6)
        head.addLayout(names, 1)
        for each in (self._verdict, self._undo, self._redo, self._reset):
            head.addWidget(each)
        self._general = Remarks()
        return column(head, self._problem, self._general, spacing=6)

    def _make_forms(self, copy: Callable[[str], None]) -> QVBoxLayout:
        inside = QWidget()
        self._sections = column(spacing=12, margins=(0, 0, 8, 0))
        self._sections.addStretch(1)
        inside.setLayout(self._sections)
        self._words = Lines()
        self._diff = DiffPane(name="policy.diff", title=_("Changes"), copied=copy)
        self._json = QPlainTextEdit()
        self._json.setObjectName("policy.json")
        self._json.setAccessibleName(_("The body that will be signed"))
        self._json.setReadOnly(True)
        self._json.setTabChangesFocus(True)
        self._json.setFont(mono(12))
        self._stack = QStackedWidget()
        group = QButtonGroup(self)
        chips: list[Button] = []
        for at, (name, text, page) in enumerate(
            (
                ("form", _("Form"), Scroller(inside, name="policy.scroll", title=_("Form"))),
                (
                    "words",
                    _("In words"),
                    Scroller(self._words, name="policy.words", title=_("In words")),
                ),
                ("changes", _("Changes"), self._diff),
                ("json", _("Exact JSON"), self._json),
            )
        ):
            self._stack.addWidget(page)
            chip = button(
                text,
                name=f"policy.show.{name}",
                kind="chip",
                checkable=True,
                clicked=partial(self._stack.setCurrentIndex, at),
            )
            chip.setChecked(not at)
            group.addButton(chip)
            chips.append(chip)
        self._summary = OneLine("", "Small", "Second", name="policy.summary")
        self._as_json = button(
            _("As JSON"),
            name="policy.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the body as JSON"),
            clicked=self._presenter.copy_json,
        )
        bar = row(*chips, self._summary, None, self._as_json, spacing=6)
        made = column(bar, self._stack, spacing=8)
        made.setStretchFactor(self._stack, 1)
        return made

    def _make_side(self, copy: Callable[[str], None]) -> QFrame:
        presenter = self._presenter
        self._name = _line("policy.name", _("Name"), lambda text: presenter.say(subject=text))
        self._reason = QPlainTextEdit()
        self._reason.setObjectName("policy.reason")
        self._reason.setAccessibleName(_("Reason"))
        self._reason.setPlaceholderText(_("Why: every officer will read it"))
        self._reason.setTabChangesFocus(True)
        self._reason.setFixedHeight(58)
        self._reason.textChanged.connect(lambda: presenter.say(reason=self._reason.toPlainText()))
        self._ticket = _line("policy.ticket", _("Ticket"), lambda text: presenter.say(ticket=text))
        self._days = _line("policy.days", _("Days in force"), lambda text: presenter.say(days=text))
        self._lapses = QComboBox()
        self._lapses.setObjectName("policy.lapses")
        self._lapses.setAccessibleName(_("How long others may approve"))
        for hours in LAPSES:
            self._lapses.addItem(n_("{count} hour", "{count} hours", hours), hours)
        self._lapses.activated.connect(
            lambda: presenter.say(lapses_hours=self._lapses.currentData())
        )
        self._impact = ImpactPane(
            "policy.impact",
            simulate=presenter.simulate,
            stop=presenter.stop,
            export=presenter.export,
            copy=copy,
            narrow=True,
        )
        self._why = Prose("", "text2", name="policy.why")
        self._propose = button(
            _("Propose…"),
            name="policy.propose",
            kind="primary",
            icon_name="send",
            clicked=presenter.propose,
        )
        leave = button(_("Cancel"), name="policy.cancel", clicked=presenter.cancel)
        buttons = row(self._propose, leave, spacing=8)
        buttons.setStretch(0, 1)
        inside = column(
            _titled(_("Name"), self._name),
            _titled(_("Reason"), self._reason),
            row(
                _titled(_("Ticket"), self._ticket),
                _titled(_("Days in force"), self._days),
                _titled(_("Open for"), self._lapses),
                spacing=8,
            ),
            line(),
            label(_("Impact if applied now"), "H2"),
            self._impact,
            spacing=8,
            margins=(16, 12, 16, 4),
        )
        inside.setStretchFactor(self._impact, 1)
        above = QWidget()
        above.setLayout(inside)
        foot = column(self._why, buttons, spacing=8, margins=(16, 4, 16, 12))
        whole = column(
            Scroller(above, name="policy.side", title=_("Reason and impact")), foot, spacing=0
        )
        whole.setStretch(0, 1)
        side = QFrame()
        side.setProperty("class", "Drawer")
        side.setFixedWidth(SIDE)
        side.setLayout(whole)
        return side

    def _show_said(self, view: EditorView) -> None:
        said = view.said
        self._name.setReadOnly(view.name_fixed)
        for edit, text in (
            (self._name, said.subject),
            (self._ticket, said.ticket),
            (self._days, said.days),
        ):
            if edit.text().strip() != text.strip():
                edit.setText(text)
        if self._reason.toPlainText() != said.reason:
            with QSignalBlocker(self._reason):
                self._reason.setPlainText(said.reason)
        with QSignalBlocker(self._lapses):
            self._lapses.setCurrentIndex(self._lapses.findData(said.lapses_hours))

    def _show_sections(self, view: EditorView) -> None:
        structure = tuple(
            (each.id, tuple((f.place, f.shape, f.options, f.low, f.high) for f in each.fields))
            for each in view.sections
        )
        if structure == self._structure:
            for section in view.sections:
                self._cards[section.id].show_section(section)
            return
        self._structure = structure
        focused = self._focused()
        ids = [each.id for each in view.sections]
        for gone in [each for each in self._cards if each not in ids]:
            self._take_out(self._cards.pop(gone))
        for at, section in enumerate(view.sections):
            known = self._cards.get(section.id)
            if known is not None and known.fits(section):
                known.show_section(section)
                continue
            if known is not None:
                self._take_out(known)
            self._cards[section.id] = _SectionCard(section, self._presenter)
            self._sections.insertWidget(at, self._cards[section.id])
        self._focus(focused)

    def _take_out(self, gone: QWidget) -> None:
        self._sections.removeWidget(gone)
        gone.hide()
        gone.setParent(None)
        gone.deleteLater()

    def _focused(self) -> str:
        widget = self.focusWidget()
        return "" if widget is None else widget.objectName()

    def _focus(self, name: str) -> None:
        """Where the officer was, though its widget was made anew."""
        if name.startswith("policy.") and self.focusWidget() is None:
            found = self.findChild(QWidget, name)
            if found is not None:
                found.setFocus(Qt.FocusReason.OtherFocusReason)


class _SectionCard(QFrame):
    def __init__(self, section: Section, presenter: EditorPresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName(f"policy.section.{section.id}")
        self.setAccessibleName(section.title)
        self._shape = _shape(section)
        self._fields = {each.place: FieldWidget(each, presenter) for each in section.fields}
        self._remarks = Remarks()
        whole = column(label(section.title, "H2"), spacing=10, margins=(16, 12, 16, 14))
        if section.text:
            whole.addWidget(Prose(section.text, "text2"))
        whole.addWidget(self._remarks)
        for field in self._fields.values():
            whole.addWidget(field)
        self.setLayout(whole)
        self.show_section(section)

    def fits(self, section: Section) -> bool:
        return self._shape == _shape(section)

    def show_section(self, section: Section) -> None:
        self._remarks.show_remarks(section.remarks)
        for field in section.fields:
            self._fields[field.place].show_field(field)


def _shape(section: Section) -> tuple[object, ...]:
    return tuple((f.place, f.shape, f.options, f.low, f.high) for f in section.fields)


def _line(name: str, title: str, changed: Callable[[str], None]) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setMinimumWidth(60)
    made.textEdited.connect(changed)
    return made


def _titled(title: str, field: QWidget) -> QVBoxLayout:
    return column(label(title, "Small", "Strong"), field, spacing=4)

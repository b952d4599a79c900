"""Writing a new proposal: the body on the left, what it changes on the right, why below."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from keyturn.policy.remarks import Severity
from keyturn.quorum.kinds import Kind
from keyturn_app.i18n import _
from keyturn_app.impact import Phase
from keyturn_app.qtkit.diffpane import DiffPane, rows_of
from keyturn_app.qtkit.impactpane import ImpactStatus, ImpactTiles
from keyturn_app.qtkit.theme import colour, mono
from keyturn_app.qtkit.widgets import Banner, button, card, column, label, restyle, row
from keyturn_app.screens.approvals.draftimpact import DraftImpactView
from keyturn_app.screens.approvals.drafting import DraftView


@dataclass(frozen=True, slots=True)
class DraftCalls:
    edit: Callable[[str], None]
    say: Callable[..., None]
    choose_kind: Callable[[Kind], None]
    choose_subject: Callable[[str], None]
    propose: Callable[[], None]
    discard: Callable[[], None]
    leave: Callable[[], None]
    copy: Callable[[str], None]
    simulate: Callable[[], None]
    stop: Callable[[], None]


class Editor(QPlainTextEdit):
    """JSON in mono with line numbers; undo and redo are Qt's own. Tab leaves the field."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("approvals.draft.body")
        self.setAccessibleName(_("Body, as JSON"))
        self.setFont(mono(12))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self.setCornerWidget(QWidget())
        self._numbers = _Numbers(self)
        self.blockCountChanged.connect(lambda _count: self._make_room())
        self.updateRequest.connect(lambda _area, _by: self._numbers.update())
        self._make_room()

    def mark_line(self, line: int) -> None:
        """Tint a line, 1 the first; 0 none."""
        if line <= 0 or line > self.blockCount():
            self.setExtraSelections([])
            return
        made = QTextEdit.ExtraSelection()
        made.format.setBackground(colour("danger_bg"))
        made.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        made.cursor = QTextCursor(self.document().findBlockByNumber(line - 1))
        self.setExtraSelections([made])

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)  # type: ignore[arg-type]
        area = self.contentsRect()
        self._numbers.setGeometry(area.x(), area.y(), self._gutter(), area.height())

    def paint_numbers(self, painter: QPainter, width: int) -> None:
        painter.setFont(self.font())
        painter.setPen(QColor(colour("muted")))
        block = self.firstVisibleBlock()
        while block.isValid():
            area = self.blockBoundingGeometry(block).translated(self.contentOffset())
            if area.top() > self.viewport().height():
                return
            painter.drawText(
                0,
                int(area.top()),
                width - 10,
                int(area.height()),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                str(block.blockNumber() + 1),
            )
            block = block.next()

    def _gutter(self) -> int:
        digits = max(2, len(str(self.blockCount())))
        return int(self.fontMetrics().horizontalAdvance("0") * digits) + 22

    def _make_room(self) -> None:
        self.setViewportMargins(self._gutter(), 0, 0, 0)


class _Numbers(QWidget):
    def __init__(self, editor: Editor) -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(40, 0)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        self._editor.paint_numbers(QPainter(self), self.width())


class DraftImpactRow(QWidget):
    """Who would get or lose keys, once it was asked for; the proposal shows every node."""

    def __init__(self, simulate: Callable[[], None], stop: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("approvals.draft.impact.row")
        name = "approvals.draft.impact"
        self._status = ImpactStatus(name, simulate, stop)
        self._old = Banner(name=f"{name}.old")
        self._tiles = ImpactTiles(name)
        head = row(label(_("IMPACT IF APPLIED NOW"), "Over"), self._status, spacing=10)
        head.setStretch(1, 1)
        self.setLayout(column(head, self._old, self._tiles, spacing=6))

    def show_view(self, view: DraftImpactView | None) -> None:
        self.setVisible(view is not None)
        if view is None:
            return
        simulation = view.simulation
        self._status.show_state(simulation, view.told, view.why_not)
        error = simulation.error if simulation.phase is Phase.FAILED else ""
        self._old.say(error or view.old, tone="danger" if error else "warn")
        self._tiles.show_view(simulation.view)
        self._tiles.setVisible(simulation.view is not None)


class DraftPage(QWidget):
    """Shows a `DraftView`."""

    def __init__(self, calls: DraftCalls) -> None:
        super().__init__()
        self._calls = calls
        self._filling = False
        self._fields()
        self._editor = Editor()
        self._editor.textChanged.connect(self._edited)
        self._problem = Banner(name="approvals.draft.problem")
        self._remarks = Banner(name="approvals.draft.remarks")
        self._basis = label("", "Second", "Small", wrap=True, name="approvals.draft.basis")
        self._summary = label("", "Second", "Small", name="approvals.draft.summary")
        self._diff = DiffPane(
            name="approvals.draft.diff", title=_("What would change"), copied=calls.copy
        )
        self._impact = DraftImpactRow(calls.simulate, calls.stop)
        self._why = label("", "Second", "Small", wrap=True, name="approvals.draft.why")
        self._propose = button(
            _("Propose…"),
            name="approvals.draft.propose",
            kind="primary",
            icon_name="send",
            clicked=calls.propose,
        )
        self._build()

    def show_view(self, view: DraftView) -> None:
        self._filling = True
        draft = view.draft
        self._show_choices(view)
        if self._editor.toPlainText() != draft.text:
            self._editor.setPlainText(draft.text)
        for field, text in (
            (self._reason, draft.reason),
            (self._ticket, draft.ticket),
            (self._days, draft.days),
        ):
            if field.text() != text:
                field.setText(text)
        self._days.setEnabled(view.can_expire)
        self._problem.say(view.problem, tone="danger")
        tones = {Severity.ERROR: "danger", Severity.WARNING: "warn"}
        tone = "info" if view.worst is None else tones.get(view.worst, "info")
        self._remarks.say("\n".join(view.remarks), tone=tone)
        state = "error" if view.problem else ""
        if self._editor.property("state") != state:
            self._editor.setProperty("state", state)
            restyle(self._editor)
        self._editor.mark_line(view.line)
        self._basis.setText(view.basis)
        self._summary.setText(view.summary)
        self._diff.show_rows(rows_of(view.lines))
        self._impact.show_view(view.impact)
        self._propose.setEnabled(view.propose.possible)
        self._why.setText(view.propose.why_not)
        self._filling = False

    def focus_body(self) -> None:
        self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    # ---- inside ----

    def _fields(self) -> None:
        self._kind, self._subject = QComboBox(), QComboBox()
        self._subject.setEditable(True)
        self._subject.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._kind.setObjectName("approvals.draft.kind")
        self._kind.setAccessibleName(_("Kind"))
        self._subject.setObjectName("approvals.draft.subject")
        self._subject.setAccessibleName(_("Subject"))
        self._kind.currentIndexChanged.connect(self._kind_chosen)
        self._subject.activated.connect(lambda _place: self._subject_chosen())
        edit = self._subject.lineEdit()
        if edit is not None:
            edit.setObjectName("approvals.draft.subject.text")
            edit.setAccessibleName(_("Subject"))
            edit.editingFinished.connect(self._subject_chosen)
        self._reason, self._ticket = QLineEdit(), QLineEdit()
        self._reason.setObjectName("approvals.draft.reason")
        self._reason.setAccessibleName(_("Reason"))
        self._reason.setPlaceholderText(_("Why; every officer will read it"))
        self._reason.textChanged.connect(lambda text: self._said(reason=text))
        self._ticket.setObjectName("approvals.draft.ticket")
        self._ticket.setAccessibleName(_("Change ticket"))
        self._ticket.setPlaceholderText(_("Your own reference"))
        self._ticket.setFixedWidth(170)
        self._ticket.textChanged.connect(lambda text: self._said(ticket=text))
        self._days = QLineEdit()
        self._days.setObjectName("approvals.draft.days")
        self._days.setAccessibleName(_("Days in force"))
        self._days.setFixedWidth(96)
        self._days.textChanged.connect(lambda text: self._said(days=text))

    def _build(self) -> None:
        back = button(
            _("All proposals"),
            name="approvals.draft.back",
            kind="ghost",
            icon_name="arrow-left",
            tip=_("The draft is kept"),
            clicked=self._calls.leave,
        )
        discard = button(
            _("Discard draft"),
            name="approvals.draft.discard",
            kind="ghost",
            icon_name="trash-2",
            clicked=self._calls.discard,
        )
        self._kind.setFixedWidth(160)
        fields = row(spacing=12)
        for title, field, stretch in (
            (_("Kind"), self._kind, 0),
            (_("Subject"), self._subject, 2),
            (_("Reason"), self._reason, 3),
            (_("Change ticket"), self._ticket, 0),
            (_("Days in force"), self._days, 0),
        ):
            fields.addLayout(column(label(title, "Muted", "Small"), field, spacing=4), stretch)
        left = card(
            label(_("Body"), "H2"),
            self._basis,
            self._problem,
            self._remarks,
            self._editor,
            spacing=8,
        )
        changes = row(label(_("What would change"), "H2"), self._summary, None)
        right = card(changes, self._diff, spacing=8)
        both = row(left, right, spacing=12)
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        foot = row(self._why, discard, self._propose, spacing=16)
        foot.setStretch(0, 1)
        body = column(
            row(back, None),
            label(_("New proposal"), "H1"),
            fields,
            spacing=10,
            margins=(24, 10, 24, 20),
        )
        body.addLayout(both, 1)
        body.addWidget(self._impact)
        body.addLayout(foot)
        self.setLayout(body)

    def _show_choices(self, view: DraftView) -> None:
        if self._kind.count() != len(view.kinds):
            self._kind.clear()
            for kind, word in view.kinds:
                self._kind.addItem(word, kind.value)
        kinds = [kind for kind, _word in view.kinds]
        if view.draft.kind in kinds:
            self._kind.setCurrentIndex(kinds.index(view.draft.kind))
        known = [self._subject.itemText(place) for place in range(self._subject.count())]
        shown = self._typed_subject() or view.draft.subject
        if known != list(view.subjects):
            self._subject.clear()
            self._subject.addItems(list(view.subjects))
        if self._subject.currentText() != shown:
            self._subject.setCurrentText(shown)
        self._subject.setEnabled(not view.subject_fixed)

    def _typed_subject(self) -> str:
        """What is being typed and not taken over yet: news of the server's must not undo it."""
        edit = self._subject.lineEdit()
        typing = edit is not None and edit.hasFocus() and edit.isModified()
        return self._subject.currentText() if typing else ""

    def _edited(self) -> None:
        if not self._filling:
            self._calls.edit(self._editor.toPlainText())

    def _said(self, **what: object) -> None:
        if not self._filling:
            self._calls.say(**what)

    def _kind_chosen(self, place: int) -> None:
        if not self._filling and place >= 0:
            self._calls.choose_kind(Kind(self._kind.itemData(place)))

    def _subject_chosen(self) -> None:
        if not self._filling:
            self._calls.choose_subject(self._subject.currentText().strip())

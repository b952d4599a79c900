"""A draft of a baseline: where from, which values, what changes, why. It lies over the page."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import (
    Pill,
    button,
    card,
    clear,
    column,
    frame,
    label,
    line,
    over,
    row,
)
from keyturn_app.screens.baselines.compare_view import ComparisonView
from keyturn_app.screens.baselines.drafting import LAPSES, LIVES, Into
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.newview import NewView
from keyturn_app.screens.baselines.parts import (
    combo,
    explain,
    labelled,
    line_edit,
    lines_edit,
    set_text,
)
from keyturn_app.screens.baselines.pick_view import PickCard
from keyturn_app.screens.baselines.remarking import Remark
from keyturn_app.screens.baselines.source_view import SourceView

FILL = 1000  # against stretches of 1: as wide as it may be
MEASURE = 980


class NewSheet(QFrame):
    def __init__(self, presenter: NewPresenter) -> None:
        super().__init__()
        self.setObjectName("baselines.new")
        self._presenter = presenter
        self._remarks: tuple[Remark, ...] = ()
        self._source = SourceView(presenter)
        self._values = PickCard(presenter)
        self._needs = label("", "Second", wrap=True)
        inside = QWidget()
        inside.setMaximumWidth(MEASURE)
        inside.setLayout(
            column(
                label(_("New baseline values"), "H1", name="new.title"),
                self._needs,
                self._source,
                self._values,
                self._make_target(),
                self._make_changes(),
                self._make_reason(),
                None,
                spacing=12,
                margins=(28, 22, 28, 16),
            )
        )
        around = QWidget()
        centred = row(None, inside, None, spacing=0)
        centred.setStretch(1, FILL)
        around.setLayout(centred)
        whole = column(
            Scroller(around, name="new.scroll", title=_("Draft of a baseline")),
            line(),
            self._make_foot(),
            spacing=0,
        )
        whole.setStretch(0, 1)
        self.setLayout(whole)
        presenter.listeners.add(self.show_view)
        self.show_view()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._source.first.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_view(self) -> None:
        view = self._presenter.view()
        self._needs.setText(view.needs)
        self._source.show_view(view)
        self._values.show_view(view)
        has_values = bool(view.sets)
        for each in (self._target, self._changes, self._why):
            each.setVisible(has_values)
        self._show_target(view)
        self._show_changes(view)
        set_text(self._reason, view.reason)
        set_text(self._ticket, view.ticket)
        self._problem.setText(view.problem)
        explain(self._propose, view.problem)

    # ---- inside ----

    def _make_target(self) -> QFrame:
        self._subject = combo("new.subject", _("Baseline"))
        self._subject.setEditable(True)
        self._subject.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        edit = self._subject.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(_("Name: an existing one, or a new one"))
            edit.setAccessibleName(_("Baseline"))
        self._subject.editTextChanged.connect(self._presenter.set_subject)
        self._into = combo("new.into", _("What becomes of the values in force"))
        for into, text in (
            (Into.ADD, _("stay, and these come to them")),
            (Into.REPLACE, _("end: only these count")),
        ):
            self._into.addItem(text, into.value)
        self._into.activated.connect(
            lambda at: self._presenter.set_into(Into(str(self._into.itemData(at))))
        )
        self._into_field = labelled(_("Values in force"), self._into)
        self._until = line_edit("new.until", _("The values count until"), self._presenter.set_until)
        self._until.setPlaceholderText(_("without end"))
        until = labelled(
            _("The values count until"),
            self._until,
            hint=_("days, or a time such as 2027-01-31T00:00:00Z; a signer's end comes sooner"),
        )
        self._basis = label("", "Small", "Second", wrap=True, name="new.basis")
        both = row(labelled(_("Baseline"), self._subject), self._into_field, spacing=16)
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        self._target = card(over(_("Into which baseline")), both, self._basis, until, spacing=10)
        return self._target

    def _make_changes(self) -> QFrame:
        self._comparison = ComparisonView(name="new.changes")
        self._remark_rows = column(spacing=6)
        self._remarks_box = frame(column(over(_("Remarks")), self._remark_rows, spacing=6))
        self._changes = card(
            over(_("Against what is in force")), self._comparison, self._remarks_box, spacing=10
        )
        return self._changes

    def _make_reason(self) -> QFrame:
        self._reason = lines_edit(
            "new.reason", _("Reason"), lambda text: self._presenter.say(reason=text)
        )
        self._reason.setPlaceholderText(_("Why; every officer will read it"))
        self._ticket = line_edit(
            "new.ticket", _("Ticket"), lambda text: self._presenter.say(ticket=text)
        )
        self._ticket.setPlaceholderText(_("optional"))
        self._life = combo("new.life", _("In force for"), width=140)
        for days in LIVES:
            self._life.addItem(n_("{count} day", "{count} days", days), days)
        self._lapses = combo("new.lapses", _("Time to gather approvals"), width=140)
        for hours in LAPSES:
            self._lapses.addItem(n_("{count} hour", "{count} hours", hours), hours)
        view = self._presenter.view()
        self._life.setCurrentIndex(LIVES.index(view.life_days))
        self._lapses.setCurrentIndex(LAPSES.index(view.lapses_hours))
        for each in (self._life, self._lapses):
            each.activated.connect(self._timed)
        times = row(
            labelled(_("In force for"), self._life),
            labelled(_("Time to gather approvals"), self._lapses),
            labelled(_("Ticket"), self._ticket),
            spacing=16,
        )
        times.setStretch(2, 1)
        self._why = card(over(_("Why, and how long")), self._reason, times, spacing=10)
        return self._why

    def _make_foot(self) -> QFrame:
        cancel = button(_("Cancel"), name="new.cancel", clicked=self._presenter.cancel)
        self._problem = label("", "Second", wrap=True, name="new.problem")
        self._problem.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._problem.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._propose = button(
            _("Sign and propose"),
            name="new.propose",
            kind="primary",
            icon_name="signature",
            clicked=self._presenter.propose,
        )
        foot = row(cancel, self._problem, self._propose, spacing=10, margins=(28, 12, 28, 12))
        foot.setStretch(1, 1)
        return frame(foot, name="new.foot")

    def _timed(self) -> None:
        self._presenter.set_times(int(self._life.currentData()), int(self._lapses.currentData()))

    def _show_target(self, view: NewView) -> None:
        self._subject.blockSignals(True)
        if [self._subject.itemText(at) for at in range(self._subject.count())] != list(
            view.subjects
        ):
            self._subject.clear()
            self._subject.addItems(list(view.subjects))
        if self._subject.currentText() != view.subject:
            self._subject.setEditText(view.subject)
        self._subject.blockSignals(False)
        self._into.setCurrentIndex(self._into.findData(view.into.value))
        self._into_field.setVisible(view.can_add)
        set_text(self._until, view.until)
        self._basis.setText(view.result.basis)

    def _show_changes(self, view: NewView) -> None:
        self._comparison.show_comparison(view.result.changes)
        remarks = view.result.remarks
        self._remarks_box.setVisible(bool(remarks))
        if remarks == self._remarks:
            return
        self._remarks = remarks
        clear(self._remark_rows)
        for each in remarks:
            pill = Pill(each.look.word, each.look.token, each.look.icon)
            text = label(each.text, wrap=True, selectable=True)
            inside = row(pill, text, spacing=10)
            inside.setStretch(1, 1)
            self._remark_rows.addLayout(inside)

"""The form of a new admission. Shows an AdmissionView and says what was asked for."""

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QPlainTextEdit, QSizePolicy, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    button,
    card,
    column,
    frame,
    label,
    line,
    over,
    row,
)
from keyturn_app.screens.models.admitting import (
    LAPSES,
    LIVES,
    AdmissionPresenter,
    AdmissionView,
    PolicyChoice,
)
from keyturn_app.screens.models.wizard_pages import field, labelled

FILL = 1000  # against stretches of 1: as wide as it may be
MEASURE = 820


class AdmissionForm(QFrame):
    def __init__(self, presenter: AdmissionPresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("models.admission")
        self._presenter = presenter
        self._policies: tuple[PolicyChoice, ...] = ()
        self._title = label("", "H1", name="admit.title")
        self._needs = label("", "Second", wrap=True)
        self._error = Banner(name="admit.error")
        inside = QWidget()
        inside.setMaximumWidth(MEASURE)
        inside.setLayout(
            column(
                self._title,
                self._needs,
                self._error,
                self._make_files(copy),
                self._make_policy(),
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
            Scroller(around, name="admit.scroll", title=_("This step")),
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
        self._choose.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.title)
        self._needs.setText(view.needs)
        self._error.say(view.error, tone="danger")
        self._directory.setText(view.directory)
        self._files.show_rows(view.files)
        self._digest.show_digest(view.digest)
        self._tag.show_digest(view.tag)
        self._bound.setVisible(bool(view.digest))
        self._show_policies(view)
        self._policy_lines.show_rows(view.policy_lines)
        if self._reason.toPlainText() != view.reason:
            self._reason.setPlainText(view.reason)
        self._problem.setText(view.problem)
        self._propose.setEnabled(not view.problem)

    # ---- inside ----

    def _make_files(self, copy: Callable[[str], None]) -> QFrame:
        self._directory = field("admit.directory", _("The sealed model's folder"))
        self._directory.setReadOnly(True)
        self._directory.setPlaceholderText(_("No folder chosen"))
        self._choose = button(
            _("Choose…"),
            name="admit.choose",
            icon_name="folder-open",
            clicked=self._presenter.choose_directory,
        )
        self._files = KeyValues(name="admit.files")
        self._digest = DigestLabel(copy, name="admit.digest")
        self._tag = DigestLabel(copy, name="admit.tag")
        self._bound = frame(
            column(
                self._files,
                row(_name(_("Digest")), self._digest, None),
                row(_name(_("Tag")), self._tag, None),
                spacing=6,
            )
        )
        hint = label(
            _("Digest and tag are read from the sealed model's own files, never from the server."),
            "Small",
            "Second",
            wrap=True,
        )
        picking = row(self._directory, self._choose)
        return card(over(_("What is admitted")), hint, picking, self._bound, spacing=10)

    def _make_policy(self) -> QFrame:
        self._policy = _combo("admit.policy", _("Policy"))
        self._policy.activated.connect(self._chosen)
        self._policy_lines = KeyValues(name="admit.policy.lines")
        hint = label(
            _("Only a machine that satisfies this policy gets the key. The newest version counts."),
            "Small",
            "Second",
            wrap=True,
        )
        return card(
            over(_("Under which policy")), hint, self._policy, self._policy_lines, spacing=10
        )

    def _make_reason(self) -> QFrame:
        self._reason = QPlainTextEdit()
        self._reason.setObjectName("admit.reason")
        self._reason.setAccessibleName(_("Reason"))
        self._reason.setPlaceholderText(_("Why; every officer will read it"))
        self._reason.setTabChangesFocus(True)
        self._reason.setFixedHeight(84)
        self._reason.textChanged.connect(
            lambda: self._presenter.set_reason(self._reason.toPlainText())
        )
        self._life = _combo("admit.life", _("In force for"))
        for days in LIVES:
            self._life.addItem(n_("{count} day", "{count} days", days), days)
        self._lapses = _combo("admit.lapses", _("Time to gather approvals"))
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
            None,
            spacing=16,
        )
        return card(over(_("Why, and how long")), self._reason, times, spacing=10)

    def _make_foot(self) -> QFrame:
        cancel = button(_("Cancel"), name="admit.cancel", clicked=self._presenter.cancel)
        self._problem = label("", "Second", wrap=True, name="admit.problem")
        self._problem.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._problem.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._propose = button(
            _("Sign and propose"),
            name="admit.propose",
            kind="primary",
            icon_name="signature",
            clicked=self._presenter.propose,
        )
        foot = row(cancel, self._problem, self._propose, spacing=10, margins=(28, 12, 28, 12))
        foot.setStretch(1, 1)
        return frame(foot, name="admit.foot")

    def _show_policies(self, view: AdmissionView) -> None:
        blocker = QSignalBlocker(self._policy)
        if view.policies != self._policies:
            self._policies = view.policies
            self._policy.clear()
            for each in view.policies:
                self._policy.addItem(each.text, each.id)
        self._policy.setCurrentIndex(self._policy.findData(view.policy))
        self._policy.setPlaceholderText(_("Choose a policy in force"))
        blocker.unblock()

    def _chosen(self, at: int) -> None:
        self._presenter.set_policy(str(self._policy.itemData(at)))

    def _timed(self) -> None:
        self._presenter.set_times(int(self._life.currentData()), int(self._lapses.currentData()))


def _combo(name: str, title: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setMinimumWidth(200)
    made.setMaximumWidth(440)
    return made


def _name(text: str) -> QWidget:
    made = label(text, "Muted", "Small")
    made.setFixedWidth(112)
    return made

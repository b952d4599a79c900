"""The right column: who has decided, what was checked, and this officer's own decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QPlainTextEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.diffpane import see_through
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.prose import Elided, Prose
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import DRAWER
from keyturn_app.qtkit.widgets import (
    button,
    clear,
    column,
    label,
    line,
    restyle,
    row,
)
from keyturn_app.screens.approvals.outcome import Check, Outcome, tally
from keyturn_app.screens.approvals.people import Person
from keyturn_app.screens.approvals.previewing import ToSign
from keyturn_app.screens.approvals.viewmodel import Decide, Detail

_CHECK_LOOK = {
    Outcome.MET: ("circle-check", "ok"),
    Outcome.WARNING: ("triangle-alert", "stale"),
    Outcome.NOT_MET: ("octagon-x", "danger"),
    Outcome.UNKNOWN: ("circle-help", "unknown"),
}


@dataclass(frozen=True, slots=True)
class SideCalls:
    comment: Callable[[str], None]
    approve: Callable[[], None]
    reject: Callable[[], None]
    withdraw: Callable[[], None]
    copy: Callable[[str], None]


class Initials(QWidget):
    """A round with two letters, tinted by what the officer did; decoration only."""

    def __init__(self, text: str, token: str) -> None:
        super().__init__()
        self._text, self._token = text, token
        self.setFixedSize(QSize(34, 34))
        theme().changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(f"{self._token}_bg"))
        painter.drawEllipse(QRectF(0, 0, 34, 34))
        painter.setPen(colour(self._token))
        painter.setFont(sans(12, QFont.Weight.DemiBold))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)


class SignedPreviewLine(QWidget):
    """The impact preview's digest beside the statement's; or that none is signed, and why."""

    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("approvals.preview")
        self._digest = ""
        self._text = Prose("", "text2", sans(12), name="approvals.preview.text")
        self._warn = IconLabel("triangle-alert", "stale", 14)
        self._grouped = label("", "Mono", "Second", wrap=True, selectable=True)
        self._grouped.setObjectName("approvals.preview.digest")
        self._grouped.setFont(mono(12))
        self._copy = button(
            "",
            name="approvals.preview.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the impact preview's digest"),
            clicked=lambda: copy(self._digest),
        )
        self._copy.setFixedWidth(28)
        digest = row(self._grouped, spacing=4)
        digest.setStretch(0, 1)
        digest.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)
        said = row(self._warn, spacing=6)
        said.addWidget(self._text, 1)
        self.setLayout(column(said, digest, spacing=4))

    def show_view(self, signed: ToSign | None) -> None:
        self.setVisible(signed is not None and bool(signed.text))
        if signed is None:
            return
        self._digest = signed.digest or ""
        self._text.setText(signed.text)
        self._text.setAccessibleName(signed.text)
        self._grouped.setText(wording.grouped(self._digest) if self._digest else "")
        self._grouped.setAccessibleName(self._digest)
        self._warn.setVisible(not self._digest)
        for each in (self._grouped, self._copy):
            each.setVisible(bool(self._digest))


class SideView(QFrame):
    """Everything that decides is in the view-model; this shows it and passes on clicks."""

    def __init__(self, calls: SideCalls) -> None:
        super().__init__()
        self.setProperty("class", "Drawer")
        self.setObjectName("approvals.side")
        self.setFixedWidth(DRAWER)
        self._calls = calls
        self._digest = ""
        self._filling = False
        self._shown: tuple[object, ...] = ()
        self._quorum = label("", "Second", name="approvals.quorum")
        self._bar = QProgressBar()
        self._bar.setObjectName("approvals.quorum.bar")
        self._bar.setAccessibleName(_("Approvals"))
        self._bar.setTextVisible(False)
        self._missing = label("", "Second", "Small", wrap=True, name="approvals.missing")
        self._people, self._checks = QVBoxLayout(), QVBoxLayout()
        self._people.setSpacing(10)
        self._checks.setSpacing(8)
        body = column(None, spacing=0)
        body.addWidget(self._upper(), 1)
        body.takeAt(0)
        body.addWidget(self._foot())
        self.setLayout(body)

    def show_view(self, detail: Detail, decide: Decide) -> None:
        quorum = detail.quorum
        self._quorum.setText(quorum.text)
        self._bar.setRange(0, max(1, quorum.needed))
        self._bar.setValue(min(quorum.have, quorum.needed))
        self._bar.setAccessibleDescription(quorum.text)
        self._missing.setText(quorum.missing)
        self._missing.setVisible(bool(quorum.missing))
        if self._shown != (detail.people, detail.checks):
            self._shown = (detail.people, detail.checks)
            self._show_people(detail.people)
            self._show_checks(detail.checks)
        self._digest = detail.digest
        self._grouped.setText(detail.grouped)
        self._grouped.setAccessibleName(detail.digest)
        self._show_decide(decide)

    def focus_comment(self) -> None:
        self._comment.setFocus(Qt.FocusReason.OtherFocusReason)

    # ---- inside ----

    def _upper(self) -> QScrollArea:
        inside = QWidget()
        inside.setObjectName("approvals.side.inside")
        head = row(label(_("Approvals"), "H2"), None, self._quorum)
        body = column(head, self._bar, self._missing, spacing=8, margins=(20, 16, 16, 12))
        body.addSpacing(4)
        body.addLayout(self._people)
        body.addSpacing(4)
        body.addWidget(line())
        self._tally = label("", "Small", "Second", name="approvals.checks.tally")
        body.addLayout(row(label(_("CHECKS"), "Over"), None, self._tally))
        body.addLayout(self._checks)
        body.addStretch(1)
        inside.setLayout(body)
        scroll = QScrollArea()
        scroll.setObjectName("approvals.side.scroll")
        scroll.setAccessibleName(_("Approvals and checks"))
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        see_through(scroll)
        return scroll

    def _foot(self) -> QWidget:
        self._comment = QPlainTextEdit()
        self._comment.setObjectName("approvals.comment")
        self._comment.setAccessibleName(_("Comment, required to reject"))
        self._comment.setPlaceholderText(_("Comment (required to reject)"))
        self._comment.setTabChangesFocus(True)
        self._comment.setFixedHeight(64)
        self._comment.textChanged.connect(self._commented)
        self._signing = label("", "Second", "Small", wrap=True)
        self._grouped = label("", "Mono", "Second", wrap=True, selectable=True)
        self._grouped.setObjectName("approvals.digest")
        self._grouped.setFont(mono(12))
        copy = button(
            "",
            name="approvals.digest.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the digest"),
            clicked=lambda: self._calls.copy(self._digest),
        )
        copy.setFixedWidth(28)
        self._approve = button(
            _("Approve"),
            name="approvals.approve",
            kind="primary",
            icon_name="fingerprint",
            clicked=self._calls.approve,
        )
        self._reject = button(
            _("Reject"),
            name="approvals.reject",
            kind="danger",
            icon_name="x",
            clicked=self._calls.reject,
        )
        self._withdraw = button(
            _("Withdraw…"),
            name="approvals.withdraw",
            kind="danger",
            icon_name="undo-2",
            clicked=self._calls.withdraw,
        )
        self._preview = SignedPreviewLine(self._calls.copy)
        self._why = label("", "Second", "Small", wrap=True, name="approvals.why")
        digest = row(self._grouped, spacing=4)
        digest.setStretch(0, 1)
        digest.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
        buttons = row(self._reject, self._withdraw, spacing=8)
        body = column(
            line(),
            label(_("YOUR DECISION"), "Over"),
            self._comment,
            self._signing,
            digest,
            self._preview,
            self._why,
            self._approve,
            buttons,
            spacing=8,
            margins=(20, 0, 16, 16),
        )
        foot = QWidget()
        foot.setObjectName("approvals.side.foot")
        foot.setLayout(body)
        return foot

    def _show_people(self, people: Sequence[Person]) -> None:
        clear(self._people)
        for each in people:
            name = Elided(each.name, "text", sans(13, QFont.Weight.DemiBold))
            words = column(name, spacing=1)
            said = each.line
            if each.key:
                said += f" · {each.key[:8]}"
            under = label(said, "Second", "Small", wrap=True, selectable=True)
            under.setToolTip(plain(_("Signed by key {id}").format(id=each.key) if each.key else ""))
            words.addWidget(under)
            if each.preview is not None:
                signed = Prose(each.preview.text, each.preview.token, sans(12))
                signed.setToolTip(plain(each.preview.digest or ""))
                words.addWidget(signed)
                said += f". {each.preview.text}"
            if each.comment:
                words.addWidget(Prose(f"“{each.comment}”", "text", sans(12)))
            holder = QWidget()
            holder.setAccessibleName(f"{each.name}: {said}")
            inside = row(spacing=10)
            inside.addWidget(Initials(each.initials, each.token), 0, Qt.AlignmentFlag.AlignTop)
            inside.addLayout(words, 1)
            if each.icon:
                mark = IconLabel(each.icon, each.token, 16)
                inside.addWidget(mark, 0, Qt.AlignmentFlag.AlignVCenter)
            holder.setLayout(inside)
            self._people.addWidget(holder)

    def _show_checks(self, checks: Sequence[Check]) -> None:
        clear(self._checks)
        self._tally.setText(tally(checks))
        for each in checks:
            words = column(Prose(each.text), spacing=1)
            if each.found:
                found = each.found
                if each.expected:
                    found = _("found {found}; expected {expected}").format(
                        found=each.found, expected=each.expected
                    )
                words.addWidget(Prose(found, "text2", sans(12)))
            look = _CHECK_LOOK[each.outcome]
            inside = row(spacing=8)
            inside.addWidget(IconLabel(*look, 16), 0, Qt.AlignmentFlag.AlignTop)
            inside.addLayout(words, 1)
            holder = QWidget()
            holder.setAccessibleName(f"{_outcome_word(each.outcome)}: {each.text}")
            holder.setLayout(inside)
            self._checks.addWidget(holder)

    def _show_decide(self, decide: Decide) -> None:
        self._filling = True
        if self._comment.toPlainText() != decide.comment:
            self._comment.setPlainText(decide.comment)
        self._filling = False
        can = decide.approve.possible or decide.reject.possible
        self._comment.setVisible(can)
        state = "error" if decide.comment_wanted else ""
        if self._comment.property("state") != state:
            self._comment.setProperty("state", state)
            restyle(self._comment)
        self._signing.setText(decide.signing)
        self._signing.setVisible(can)
        self._preview.show_view(decide.signed if can else None)
        self._approve.setText(decide.approve_text)
        self._approve.setEnabled(decide.approve.possible)
        self._reject.setEnabled(decide.reject.possible)
        self._withdraw.setVisible(decide.withdraw.shown)
        self._withdraw.setEnabled(decide.withdraw.possible)
        why = decide.approve.why_not or decide.reject.why_not
        if decide.comment_wanted:
            why = _("Say why: a rejection needs a comment.")
        self._why.setText(why)
        self._why.setVisible(bool(why))
        self._approve.setAccessibleDescription(decide.approve.why_not)
        self._reject.setAccessibleDescription(decide.reject.why_not)

    def _commented(self) -> None:
        if not self._filling:
            self._calls.comment(self._comment.toPlainText())


def _outcome_word(outcome: Outcome) -> str:
    return {
        Outcome.MET: _("met"),
        Outcome.WARNING: _("warning"),
        Outcome.NOT_MET: _("not met"),
        Outcome.UNKNOWN: _("unknown"),
    }[outcome]

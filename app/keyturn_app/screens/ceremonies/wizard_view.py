"""The wizard: steps, who must sign, what is made, the live record, and what comes next."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QProgressBar, QSizePolicy, QStackedLayout, QWidget

from keyturn.ceremony.steps import Word
from keyturn_app.i18n import _
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
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
from keyturn_app.screens.ceremonies.parts import MadeCard, People, QuorumRing, StepRow
from keyturn_app.screens.ceremonies.saying import SayPresenter
from keyturn_app.screens.ceremonies.saying_view import SaySheet
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.signing_view import SignSheet
from keyturn_app.screens.ceremonies.transcript_view import TranscriptPane
from keyturn_app.screens.ceremonies.viewmodel import Phase, WizardView
from keyturn_app.screens.ceremonies.wizard import Sheet, WizardPresenter
from keyturn_app.screens.ceremonies.wizard_cards import (
    EndedCard,
    GivenCard,
    HandInCard,
    PhraseCard,
    TroubleCard,
)
from keyturn_app.states import Look

STEPS, STEPS_NARROW, TRANSCRIPT, TRANSCRIPT_WIDE = 252, 72, 300, 324
ROOM_FOR_RECORD, ROOM_FOR_STEPS = 980, 760
_ROOM_FOR_RING, _ROOM_FOR_THREE, _ROOM_BESIDE = 460, 520, 600
_FITS_BESIDE, _LONG_NEXT, _ROOM_FOR_NEXT = 480, 40, 760
"""Letters that stand beside the ring without being higher than it."""
"""Widths under which the transcript waits behind a button, and the steps are numbers alone."""


class WizardPane(QFrame):
    """Shows a `WizardView`; a sheet for one person's signature takes all of it."""

    def __init__(self, presenter: WizardPresenter) -> None:
        super().__init__()
        self.setObjectName("ceremony.wizard")
        self.setProperty("class", "Page")
        self._presenter = presenter
        self._steps: list[StepRow] = []
        self._view: WizardView | None = None
        self._record_asked = False
        self._rail = self._make_rail()
        self._centre = Centre(presenter, self._toggle_record)
        self._note = button(
            _("Add note"),
            name="ceremony.note",
            icon_name="message-square",
            clicked=lambda: presenter.say(Word.NOTE),
        )
        self._print = button(
            _("Print draft"),
            name="ceremony.print",
            icon_name="printer",
            clicked=presenter.save_minutes,
        )
        for each in (self._note, self._print):
            each.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._record = TranscriptPane(self._note, self._print)
        self._record_line = line(vertical=True)
        body = QWidget()
        inside = row(
            self._rail,
            line(vertical=True),
            self._centre,
            self._record_line,
            self._record,
            spacing=0,
        )
        inside.setStretch(2, 1)
        body.setLayout(inside)
        self._body = body
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(body)
        self._sheet: Sheet | None = None
        self._sheet_view: QWidget | None = None
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        self._show_sheet()
        view = self._presenter.view()
        if view == self._view:
            return
        self._view = view
        self._head.setText(view.title)
        self._id.setText(view.ceremony)
        self._show_steps(view)
        self._script.show_rows(view.script)
        self._centre.show_view(view)
        self._record.show_records(view.transcript, view.chain)
        self._note.setEnabled(not view.why_not_say)
        self._note.setToolTip(plain(view.why_not_say))
        over_now = view.phase in {Phase.OVER, Phase.ABORTED}
        self._print.setText(_("Save minutes") if over_now else _("Print draft"))
        self._make_room()

    def escape(self) -> None:
        """Esc: the sheet is turned down, or the list is shown; the ceremony goes on."""
        sheet = self._presenter.sheet
        if sheet is not None:
            sheet.cancel()
        else:
            self._presenter.leave()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._make_room()

    # ---- inside ----

    def _make_rail(self) -> QFrame:
        self._step_rows = column(spacing=0)
        self._script = KeyValues(width=92, name="ceremony.script")
        self._head = label("", "H2", wrap=True, name="ceremony.title")
        self._id = label("", "Mono", "Muted", wrap=True, name="ceremony.id", selectable=True)
        titles = column(self._head, self._id, spacing=3)
        inside = QWidget()
        inside.setLayout(column(self._step_rows, None, spacing=0, margins=(20, 8, 16, 8)))
        self._foot = frame(
            column(line(), over(_("Script")), self._script, spacing=8, margins=(20, 0, 20, 16))
        )
        whole = column(
            frame(row(titles, margins=(20, 18, 16, 8))),
            Scroller(inside, name="ceremony.steps.scroll", title=_("Steps")),
            self._foot,
            spacing=0,
        )
        whole.setStretch(1, 1)
        made = frame(whole, name="ceremony.steps")
        made.setFixedWidth(STEPS)
        return made

    def _show_steps(self, view: WizardView) -> None:
        if len(self._steps) != len(view.steps):
            clear(self._step_rows)
            self._steps = [StepRow() for _each in view.steps]
            for each in self._steps:
                self._step_rows.addWidget(each)
        narrow = self.width() < ROOM_FOR_STEPS
        for at, (widget, shown) in enumerate(zip(self._steps, view.steps, strict=True)):
            widget.show_step(shown, last=at == len(view.steps) - 1, narrow=narrow)

    def _make_room(self) -> None:
        width = self.width()
        narrow = width < ROOM_FOR_STEPS
        self._rail.setFixedWidth(STEPS_NARROW if narrow else STEPS)
        self._head.setVisible(not narrow)
        self._id.setVisible(not narrow)
        self._foot.setVisible(not narrow)
        if self._view is not None:
            self._show_steps(self._view)
        room = width >= ROOM_FOR_RECORD
        shown = room or self._record_asked
        self._record.setVisible(shown)
        self._record_line.setVisible(shown and room)
        self._centre.setVisible(room or not self._record_asked)
        self._centre.record.setVisible(not room)
        if room:
            self._record.setFixedWidth(TRANSCRIPT_WIDE if width >= 1240 else TRANSCRIPT)
        else:
            self._record.setMinimumWidth(0)
            self._record.setMaximumWidth(16_777_215)
        self._centre.fit()

    def _toggle_record(self) -> None:
        self._record_asked = not self._record_asked
        self._make_room()

    def _show_sheet(self) -> None:
        sheet = self._presenter.sheet
        if sheet is self._sheet:
            return
        if self._sheet_view is not None:
            self._stack.removeWidget(self._sheet_view)
            self._sheet_view.hide()
            self._sheet_view.deleteLater()
            self._sheet_view = None
        self._sheet = sheet
        if isinstance(sheet, SignPresenter):
            self._sheet_view = SignSheet(sheet)
        elif isinstance(sheet, SayPresenter):
            self._sheet_view = SaySheet(sheet)
        if self._sheet_view is not None:
            self._stack.addWidget(self._sheet_view)
            self._stack.setCurrentWidget(self._sheet_view)
        else:
            self._stack.setCurrentWidget(self._body)
            self._centre.focus()


class Centre(QFrame):
    """The middle: what is needed now, who signs, what is made; and the foot."""

    def __init__(self, presenter: WizardPresenter, toggle_record: Callable[[], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self.record = button(
            _("Transcript"),
            name="ceremony.record",
            icon_name="scroll-text",
            clicked=toggle_record,
        )
        self._ring = QuorumRing()
        self._over = label("", "Small", "Muted", wrap=True)
        self._headline = label("", "H1", wrap=True, name="ceremony.headline")
        self._says = label("", "Second", wrap=True, name="ceremony.says")
        self._chips = row(spacing=8)
        self._caution = Banner(name="ceremony.caution")
        self._error = Banner(name="ceremony.error")
        self._trouble = TroubleCard()
        self._progress = QProgressBar()
        self._progress.setObjectName("ceremony.progress")
        self._progress.setAccessibleName(_("Progress"))
        self._progress.setRange(0, 1000)
        self._progress_text = label("", "Second", name="ceremony.progress.text")
        self._phrase = PhraseCard()
        self._outcome = KeyValues(width=132, name="ceremony.outcome")
        self._outcome_card = card(over(_("What was done")), self._outcome, spacing=10)
        self._people_title = over("")
        self._people = People(presenter.sign)
        self._made = MadeCard()
        self._ended = EndedCard(presenter)
        self._hand_in = HandInCard(presenter.hand_in, name="ceremony.handin", icon_name="stamp")
        self._bring = HandInCard(presenter.bring, name="ceremony.bring", icon_name="key-round")
        self._needed = GivenCard(presenter.save_given, now=True)
        self._given = GivenCard(presenter.save_given, now=False)
        self._chip_texts: tuple[Look, ...] | None = None
        head = row(spacing=24)
        head.addWidget(self._ring, 0, Qt.AlignmentFlag.AlignTop)
        self._beside = label("", "Second", wrap=True)
        texts = column(self._over, self._headline, self._beside, None, spacing=6)
        head.addLayout(texts, 1)
        inside = QWidget()
        inside.setLayout(
            column(
                head,
                self._says,
                self._chips,
                self._error,
                self._trouble,
                self._caution,
                self._hand_in,
                self._needed,
                self._bring,
                self._ended,
                self._progress_text,
                self._progress,
                self._phrase,
                self._outcome_card,
                self._people_title,
                self._people,
                4,
                self._made,
                self._given,
                None,
                spacing=12,
                margins=(24, 22, 24, 16),
            )
        )
        whole = column(
            Scroller(inside, name="ceremony.scroll", title=_("This step")),
            line(),
            self._make_foot(),
            spacing=0,
        )
        whole.setStretch(0, 1)
        self.setLayout(whole)

    def focus(self) -> None:
        """Back from a sheet: to what can be pressed."""
        target = self._next if self._next.isEnabled() else self._abort
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def fit(self) -> None:
        """By the room that there is, not by what was asked for."""
        view, width = self._presenter.view(), self.width()
        self._ring.setVisible(view.ring is not None and width >= _ROOM_FOR_RING)
        beside = width >= _ROOM_BESIDE and len(view.says) <= _FITS_BESIDE
        self._ring.fit(small=not beside)
        self._beside.setVisible(bool(view.says) and beside)
        self._says.setVisible(bool(view.says) and not beside)
        self._people.fit(width)
        if view.made is not None:
            self._made.show_made(view.made, columns=3 if width >= _ROOM_FOR_THREE else 2)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.fit()
        self._show_foot(self._presenter.view())

    def show_view(self, view: WizardView) -> None:
        if view.ring is not None:
            self._ring.show_ring(view.ring)
        self._over.setText(view.over_line)
        self._over.setVisible(bool(view.over_line))
        self._headline.setText(view.headline)
        for each in (self._says, self._beside):
            each.setText(view.says)
        self._show_chips(view.chips)
        self._caution.say("\n".join(view.cautions))
        self._error.say(view.error, tone="danger")
        self._trouble.show_trouble(view.trouble)
        self._progress.setVisible(view.progress is not None)
        self._progress_text.setVisible(view.progress is not None)
        if view.progress is not None:
            self._progress.setValue(int(1000 * view.progress.fraction))
            self._progress_text.setText(view.progress.text)
        self._phrase.show_phrase(view.phrase)
        self._outcome_card.setVisible(bool(view.outcome))
        self._outcome.show_rows([(name, value, False) for name, value in view.outcome])
        self._people_title.setText(view.people_title.upper())
        self._people_title.setVisible(bool(view.people))
        self._people.show_people(view.people)
        self._made.setVisible(view.made is not None)
        self._ended.show_ended(view)
        self._hand_in.show_hand_in(view.hand_in)
        self._bring.show_hand_in(view.bring)
        self._needed.show_given(view.given)
        self._given.show_given(view.given)
        self._show_foot(view)
        self.fit()

    # ---- inside ----

    def _show_chips(self, chips: tuple[Look, ...]) -> None:
        if chips == self._chip_texts:
            return
        self._chip_texts = chips
        clear(self._chips)
        for each in chips:
            self._chips.addWidget(Pill(each.word, each.token, each.icon))
        self._chips.addStretch(1)

    def _make_foot(self) -> QFrame:
        presenter = self._presenter
        self._abort = button(
            _("Abort…"),
            name="ceremony.abort",
            kind="danger",
            icon_name="circle-x",
            clicked=lambda: presenter.say(Word.ABORT),
        )
        self._except = button(
            _("Exception…"),
            name="ceremony.exception",
            icon_name="flag",
            tip=_("Record that something went otherwise than the script says"),
            clicked=lambda: presenter.say(Word.EXCEPTION),
        )
        self._resume = button(
            _("Resume…"),
            name="ceremony.resume",
            kind="primary",
            icon_name="play",
            clicked=lambda: presenter.say(Word.RESUME),
        )
        self._leave = button(
            _("List"),
            name="ceremony.leave",
            icon_name="arrow-left",
            tip=_("Back to the list; the ceremony goes on"),
            clicked=presenter.leave,
        )
        self._why = label("", "Small", "Second", wrap=True, name="ceremony.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._why.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._next = button("", name="ceremony.next", kind="primary", clicked=presenter.go_on)
        self._next.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        top = row(self._why, spacing=8)
        bottom = row(
            self._abort,
            self._except,
            self.record,
            None,
            self._leave,
            self._resume,
            self._next,
            spacing=10,
        )
        return frame(column(top, bottom, spacing=8, margins=(24, 10, 24, 12)), name="ceremony.foot")

    def _show_foot(self, view: WizardView) -> None:
        ends = view.phase in {Phase.OVER, Phase.ABORTED, Phase.BROKEN}
        for each in (self._abort, self._except):
            each.setVisible(not ends)
            each.setEnabled(not view.why_not_say)
            each.setToolTip(plain(view.why_not_say))
        self._resume.setVisible(view.resume)
        self._leave.setVisible(not ends)
        self._next.setVisible(not view.resume)
        room = _ROOM_BESIDE if self.record.isHidden() else _ROOM_FOR_NEXT
        long = len(view.next_text) > _LONG_NEXT or self.width() < room
        shortened = view.phase not in {Phase.OVER, Phase.ABORTED, Phase.BROKEN} and long
        self._next.setText(_("Continue") if shortened else view.next_text)
        self._next.setToolTip(plain(view.next_text if shortened else ""))
        self._next.setAccessibleName(view.next_text)
        self._next.setEnabled(not view.next_why_not)
        self._why.setText(view.next_why_not)
        self._why.setVisible(bool(view.next_why_not) and not view.resume)

"""The seal wizard over the page: steps on the left, one page, and what is next below it."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import colour, sans, theme
from keyturn_app.qtkit.widgets import (
    Banner,
    button,
    column,
    frame,
    label,
    line,
    over,
    restyle,
    row,
    set_class,
)
from keyturn_app.screens.models.wizard import Step
from keyturn_app.screens.models.wizard_pages import WizardPage, pages
from keyturn_app.screens.models.wizard_presenter import SealPresenter
from keyturn_app.screens.models.wizard_viewmodel import StepLine, WizardView

STEPPER = 232
FILL = 1000  # against a stretch of 1: as wide as it may be
MEASURE = 820
"""As wide as a page gets: lines of text stay readable on a wide screen."""


class StepMark(QWidget):
    """A step's number in a ring: filled for the current one, a tick for what is done."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number, self._done, self._current = number, False, False
        self.setFixedSize(28, 28)
        theme().changed.connect(self.update)

    def show_state(self, *, done: bool, current: bool) -> None:
        self._done, self._current = done, current
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        token = "ok" if self._done else "accent_solid" if self._current else "border_strong"
        painter.setPen(colour(token))
        if self._current or self._done:
            painter.setBrush(colour("accent_solid" if self._current else "ok_bg"))
        painter.drawEllipse(2, 2, 23, 23)
        painter.setFont(sans(12, sans().Weight.DemiBold))
        text = "on_accent" if self._current else "ok" if self._done else "muted"
        painter.setPen(colour(text))
        shown = "✓" if self._done else str(self._number)
        painter.drawText(self.rect().adjusted(0, 0, -1, -1), Qt.AlignmentFlag.AlignCenter, shown)


class StepRow(QFrame):
    def __init__(self, number: int, shown: StepLine) -> None:
        super().__init__()
        self.setObjectName(f"seal.step.{shown.step.value}")
        self._mark = StepMark(number)
        self._title = label(shown.title)
        text = label(shown.text, "Small", "Muted")
        self.setLayout(row(self._mark, column(self._title, text, spacing=1), None, spacing=12))

    def show_step(self, shown: StepLine) -> None:
        self._mark.show_state(done=shown.done, current=shown.current)
        set_class(self._title, "Strong" if shown.current else "Second")
        state = _("done") if shown.done else _("current") if shown.current else _("to come")
        self.setAccessibleName(f"{shown.title}: {state}")


class SealWizard(QFrame):
    """Esc cancels; while sealing it stops that."""

    def __init__(self, presenter: SealPresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("models.wizard")
        self._presenter = presenter
        view = presenter.view()
        self._steps = [StepRow(at + 1, each) for at, each in enumerate(view.steps)]
        self._shown: Step | None = None
        self._stack = QStackedWidget()
        self._pages: dict[Step, WizardPage] = dict(pages(presenter, copy))
        for each in self._pages.values():
            self._stack.addWidget(each)
        whole = row(self._make_steps(), line(vertical=True), self._make_main(), spacing=0)
        whole.setStretch(2, 1)
        self.setLayout(whole)
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        for widget, each in zip(self._steps, view.steps, strict=True):
            widget.show_step(each)
        self._title.setText(view.title)
        self._hint.setText(view.hint)
        self._error.say(view.error, tone="danger")
        page = self._pages[view.step]
        page.show_view(view)
        self._show_foot(view)
        if view.step is not self._shown:
            self._shown = view.step
            self._stack.setCurrentWidget(page)
            self._focus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._focus()

    # ---- inside ----

    def _focus(self) -> None:
        """To what comes first on the page, or on when nothing is asked there."""
        first = self._pages[self._presenter.view().step].first
        target = self._next if first.focusPolicy() is Qt.FocusPolicy.NoFocus else first
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def _make_steps(self) -> QFrame:
        inside = column(
            over(_("Seal a model")), *self._steps, None, spacing=18, margins=(20, 20, 16, 20)
        )
        made = frame(inside, name="seal.steps")
        made.setFixedWidth(STEPPER)
        return made

    def _make_main(self) -> QFrame:
        self._title = label("", "H1", name="seal.title")
        self._hint = label("", "Second", wrap=True)
        self._error = Banner(name="seal.error")
        inside = QWidget()
        inside.setMaximumWidth(MEASURE)
        layout: QVBoxLayout = column(
            self._title,
            self._hint,
            self._error,
            4,
            self._stack,
            spacing=8,
            margins=(28, 22, 28, 16),
        )
        layout.setStretch(4, 1)
        inside.setLayout(layout)
        around = QWidget()
        left = row(inside, None, spacing=0)
        left.setStretch(0, FILL)
        around.setLayout(left)
        whole = column(
            Scroller(around, name="seal.scroll", title=_("This step")),
            line(),
            self._make_foot(),
            spacing=0,
        )
        whole.setStretch(0, 1)
        return frame(whole)

    def _make_foot(self) -> QFrame:
        presenter = self._presenter
        self._cancel = button("", name="seal.cancel", clicked=presenter.cancel)
        self._problem = label("", "Second", wrap=True, name="seal.problem")
        self._problem.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._problem.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._back = button(_("Back"), name="seal.back", clicked=presenter.back)
        self._next = button("", name="seal.next", kind="primary", clicked=presenter.forward)
        foot = row(
            self._cancel,
            self._problem,
            self._back,
            self._next,
            spacing=10,
            margins=(28, 12, 28, 12),
        )
        foot.setStretch(1, 1)
        return frame(foot, name="seal.foot")

    def _show_foot(self, view: WizardView) -> None:
        self._cancel.setText(view.cancel_text)
        self._cancel.setAccessibleName(view.cancel_text)
        self._cancel.setEnabled(not view.run.stopping)
        kind = "danger" if view.step is Step.SEALING else ""
        if self._cancel.property("kind") != kind:
            self._cancel.setProperty("kind", kind)
            restyle(self._cancel)
        running = view.step in {Step.SEALING, Step.DONE}
        self._problem.setText("" if running else view.problem)
        self._back.setVisible(not running)
        self._back.setEnabled(view.can_back)
        self._next.setVisible(not running)
        self._next.setEnabled(view.can_next)
        self._next.setText(view.next_text)
        self._next.setAccessibleName(view.next_text)

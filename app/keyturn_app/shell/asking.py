"""The one place that shows questions: sheets in the window, one after the other, and toasts."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent, QGuiApplication
from PySide6.QtWidgets import QFrame, QWidget

from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.widgets import label, row
from keyturn_app.questions import (
    Confirm,
    Confirmed,
    Notice,
    OpenDirectory,
    OpenFile,
    OpenFiles,
    Passphrase,
    Paths,
    SaveFile,
)
from keyturn_app.shell.overlay import Overlay, Place
from keyturn_app.shell.questioning import Answer, Asked, Questions
from keyturn_app.shell.sheets import PathSheet, Sheet, sheet_of

TOAST_MILLISECONDS = 4000
_WITHOUT_CHOOSER = ("offscreen", "minimal")

A = TypeVar("A")


class Asking(QObject):
    """An `Asker` over one widget. `copy` is what a notice's Copy button calls."""

    def __init__(self, host: QWidget, copy: Callable[[str], None]) -> None:
        super().__init__(host)
        self._copy = copy
        self._questions = Questions()
        self._shown: Asked | None = None
        self._kept = False
        self._overlay = Overlay(host, name="questions", light=False)
        self._overlay.dismissed.connect(self._dismissed)
        self._toast = Toast(host)
        self._questions.listeners.add(self._show_next)

    # ---- Asker ----

    def confirm(self, question: Confirm, answered: Callable[[Confirmed | None], None]) -> None:
        self._questions.put(question, _of(Confirmed, answered))

    def passphrase(
        self, question: Passphrase, answered: Callable[[bytearray | None], None]
    ) -> None:
        self._questions.put(question, _of(bytearray, answered))

    def path(
        self,
        question: OpenFile | OpenDirectory | SaveFile,
        answered: Callable[[Path | None], None],
    ) -> None:
        self._questions.put(question, _of(Path, answered))

    def paths(
        self, question: OpenFiles, answered: Callable[[tuple[Path, ...] | None], None]
    ) -> None:
        def chosen(found: Paths | None) -> None:
            answered(None if found is None else found.all)

        self._questions.put(question, _of(Paths, chosen))

    def tell(self, notice: Notice) -> None:
        self._questions.put(notice, lambda _answer: None)

    def toast(self, text: str) -> None:
        self._toast.say(text)

    # ---- for the window ----

    @property
    def busy(self) -> bool:
        """Whether a question is open: nothing else may be asked for meanwhile."""
        return self._questions.current is not None

    def keeps_open(self) -> bool:
        """Whether there is something to be read before the window closes; the second time not."""
        lasting = self._questions.lasting
        kept, self._kept = lasting and not self._kept, lasting
        return kept

    def shut(self, shut: bool) -> None:
        """Locked: everything is answered None, until it is opened again."""
        self._questions.shut(shut)
        if shut:
            self._toast.hide()

    def turn_down_all(self) -> None:
        self._questions.turn_down_all()

    def _show_next(self) -> None:
        asked = self._questions.current
        if asked is self._shown:
            return
        self._shown = asked
        if asked is None:
            self._overlay.close_panel()
            return

        def answered(answer: Answer) -> None:
            self._questions.answer(asked, answer)

        sheet = sheet_of(asked.question, answered, self._copy)
        self._overlay.open_panel(sheet, Place.CENTRE, focus=sheet.first)
        chooser = QGuiApplication.platformName() not in _WITHOUT_CHOOSER
        if isinstance(sheet, PathSheet) and chooser:
            sheet.browse()

    def _dismissed(self) -> None:
        panel = self._overlay.panel
        if isinstance(panel, Sheet):
            panel.turn_down()


def _of(kind: type[A], answered: Callable[[A | None], None]) -> Callable[[Answer], None]:
    def hand_on(answer: Answer) -> None:
        answered(answer if isinstance(answer, kind) else None)

    return hand_on


class Toast(QFrame):
    """A short line at the foot of `host` that goes by itself. It takes no focus and no click."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self.setObjectName("toast")
        self.setProperty("class", "Sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._text = label("", name="toast.text")
        self.setLayout(row(IconLabel("check", "ok", 16), self._text, margins=(14, 9, 16, 9)))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOAST_MILLISECONDS)
        self._timer.timeout.connect(self.hide)
        host.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        self._text.setText(text)
        self.setAccessibleName(text)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))
        self._put()
        self.raise_()
        self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._put()
        return super().eventFilter(watched, event)

    def _put(self) -> None:
        host = self._host
        self.adjustSize()
        self.move((host.width() - self.width()) // 2, host.height() - self.height() - 24)

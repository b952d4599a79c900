"""QR pictures on the screen, one at a time and large. Shows what it is given, decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.partcode import PartCode
from keyturn_app.qtkit.prose import Elided
from keyturn_app.qtkit.theme import sans
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.approvals.pictures import PicturesView

_ON = frozenset({Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_Space})
_BACK = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_PageUp})


@dataclass(frozen=True, slots=True)
class PicturesCalls:
    shut: Callable[[], None]
    step: Callable[[int], None]
    write: Callable[[], None]


class PicturesPage(QWidget):
    """Arrow keys and the space bar step; Escape goes back."""

    def __init__(self, calls: PicturesCalls) -> None:
        super().__init__()
        self.setObjectName("approvals.pictures")
        self._calls = calls
        self._title = Elided(
            "", "text", sans(16, QFont.Weight.DemiBold), name="approvals.pictures.title"
        )
        self._place = label("", "Strong", name="approvals.pictures.place")
        self._code = PartCode(name="approvals.pictures.code")
        self._build()

    def show_view(self, view: PicturesView) -> None:
        self._title.setText(view.title)
        self._place.setText(view.place)
        self._before.setEnabled(not view.first)
        self._after.setEnabled(not view.last)
        self._code.show_text(view.text, view.place)

    def focus_body(self) -> None:
        self._code.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        key = event.key()
        if key in _ON or key in _BACK:
            self._calls.step(1 if key in _ON else -1)
        elif key == Qt.Key.Key_Escape:
            self._calls.shut()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        back = button(
            _("Back to the proposal"),
            name="approvals.pictures.back",
            kind="ghost",
            icon_name="arrow-left",
            clicked=self._calls.shut,
        )
        write = button(
            _("Write as PNG files…"),
            name="approvals.pictures.write",
            icon_name="save",
            clicked=self._calls.write,
        )
        self._before = button(
            _("Previous picture"),
            name="approvals.pictures.before",
            icon_name="chevron-left",
            clicked=lambda: self._calls.step(-1),
        )
        self._after = button(
            _("Next picture"),
            name="approvals.pictures.after",
            icon_name="chevron-right",
            clicked=lambda: self._calls.step(1),
        )
        hint = label(
            _("Show or photograph every picture, in any order. They hold no secret."),
            "Second",
            wrap=True,
            name="approvals.pictures.hint",
        )
        whole = column(
            row(back, None, write), self._title, hint, spacing=8, margins=(16, 10, 24, 16)
        )
        whole.addWidget(self._code, 1)
        whole.addLayout(row(None, self._before, self._place, self._after, None, spacing=12))
        self.setLayout(whole)

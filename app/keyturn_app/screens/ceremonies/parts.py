"""What the wizard is drawn of: ring, steps, people. Widgets that paint themselves and decide
nothing.
"""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from keyturn.ceremony.script import Part
from keyturn_app.i18n import _
from keyturn_app.qtkit.prose import Elided, Prose
from keyturn_app.qtkit.theme import colour, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Pill,
    button,
    card,
    clear,
    column,
    label,
    over,
    restyle,
    row,
    set_class,
)
from keyturn_app.screens.ceremonies.viewmodel import PersonRow, Ring, StepLine
from keyturn_app.screens.ceremonies.words import Made

RING, RING_SMALL = 124, 92
_ARC = 9.0
_FULL = 360 * 16
_DO, _STATE, _ROOMY = 142, 112, 600


class QuorumRing(QWidget):
    """One segment for each signature that is needed; filled for each that is there."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ceremony.ring")
        self._ring = Ring(1, 0, "", "")
        self.setFixedSize(RING, RING)
        theme().changed.connect(self.update)

    def fit(self, *, small: bool) -> None:
        side = RING_SMALL if small else RING
        self.setFixedSize(side, side)
        self.update()

    def show_ring(self, ring: Ring) -> None:
        self._ring = ring
        text = _("{figure} {word}").format(figure=ring.figure, word=ring.word)
        self.setAccessibleName(text)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        around = QRectF(self.rect()).adjusted(_ARC, _ARC, -_ARC, -_ARC)
        many = max(1, self._ring.segments)
        gap = 0 if many == 1 else min(10, 120 // many) * 16
        span = _FULL // many - gap
        for at in range(many):
            token = "ok" if at < self._ring.filled else "border"
            pen = QPen(colour(token), _ARC)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            start = 90 * 16 - at * (_FULL // many) - gap // 2
            painter.drawArc(around, start, -span)
        painter.setPen(colour("text"))
        small = self.width() < RING
        large = 24 if len(self._ring.figure) < 8 else 18
        painter.setFont(sans(16 if small else large, sans().Weight.DemiBold))
        upper = self.rect().adjusted(0, 0, 0, -14 if small else -18)
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, self._ring.figure)
        painter.setPen(colour("text2"))
        painter.setFont(sans(11 if small else 12))
        lower = self.rect().adjusted(0, 24 if small else 38, 0, 0)
        painter.drawText(lower, Qt.AlignmentFlag.AlignCenter, self._ring.word)


class StepMark(QWidget):
    """A step's number in a ring, and the line to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self._number, self._state, self._last = 0, "to-come", False
        self.setFixedWidth(28)
        self.setMinimumHeight(44)
        theme().changed.connect(self.update)

    def show_state(self, number: int, state: str, *, last: bool) -> None:
        self._number, self._state, self._last = number, state, last
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring, fill, text = _MARKS[self._state]
        if not self._last:
            painter.setPen(QPen(colour("ok" if self._state == "done" else "border"), 2))
            painter.drawLine(QPointF(14, 32), QPointF(14, self.height() - 2))
        painter.setPen(QPen(colour(ring), 1.6))
        painter.setBrush(colour(fill) if fill else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(2, 2, 24, 24))
        painter.setPen(QPen(colour(text), 1.8))
        if self._state == "done":
            painter.drawPolyline([QPointF(9, 14.5), QPointF(12.5, 18), QPointF(19, 10.5)])
        elif self._state == "failed":
            painter.drawLine(QPointF(10, 10), QPointF(18, 18))
            painter.drawLine(QPointF(18, 10), QPointF(10, 18))
        else:
            painter.setFont(sans(12, sans().Weight.DemiBold))
            painter.drawText(QRectF(2, 2, 24, 24), Qt.AlignmentFlag.AlignCenter, str(self._number))


_MARKS = {
    "done": ("ok", "ok_bg", "ok"),
    "current": ("accent_solid", "accent_solid", "on_accent"),
    "failed": ("danger", "danger_bg", "danger"),
    "to-come": ("border_strong", "", "muted"),
}


class StepRow(QFrame):
    """One step in the rail. `narrow`: the mark alone, the rest a tooltip away."""

    def __init__(self) -> None:
        super().__init__()
        self._mark = StepMark()
        self._title = label("", wrap=True)
        self._text = label("", "Small", "Muted", wrap=True)
        self._texts = QWidget()
        self._texts.setLayout(column(self._title, self._text, 10, None, spacing=1))
        inside = row(self._mark, self._texts, spacing=12)
        inside.setStretch(1, 1)
        self.setLayout(inside)

    def show_step(self, shown: StepLine, *, last: bool, narrow: bool) -> None:
        self.setObjectName(f"ceremony.step.{shown.id}")
        self._mark.show_state(shown.number, shown.state, last=last)
        self._title.setText(shown.title)
        self._text.setText(shown.text)
        current = shown.state in {"current", "failed"}
        set_class(self._title, "Strong" if current else "" if shown.state == "done" else "Second")
        self._texts.setVisible(not narrow)
        said = {
            "done": _("done"),
            "current": _("current"),
            "failed": _("failed"),
            "to-come": _("to come"),
        }[shown.state]
        self.setAccessibleName(f"{shown.number}. {shown.title}: {said}")
        self.setToolTip(plain(f"{shown.title}: {said}" if narrow else ""))


class Avatar(QWidget):
    """Initials in a circle, tinted by what its person's signature stands at."""

    def __init__(self) -> None:
        super().__init__()
        self._text, self._token = "", "unknown"
        self.setFixedSize(36, 36)
        theme().changed.connect(self.update)

    def show_person(self, initials: str, token: str) -> None:
        if (initials, token) != (self._text, self._token):
            self._text, self._token = initials, token
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(f"{self._token}_bg"))
        painter.drawEllipse(QRectF(0.5, 0.5, 35, 35))
        painter.setPen(colour(self._token))
        painter.setFont(sans(12, sans().Weight.DemiBold))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)


class PersonCard(QFrame):
    """One who signs: who, as what, how it stands, and the button to sign with."""

    def __init__(self, sign: Callable[[str, Part], None]) -> None:
        super().__init__()
        self.setProperty("class", "Person")
        self._shown: PersonRow | None = None
        self._narrow = False
        self._sign = sign
        self._avatar = Avatar()
        self._name = Elided("", font=sans(13, sans().Weight.DemiBold))
        self._part = Elided("", "text2", sans(12))
        names = column(None, self._name, self._part, None, spacing=2)
        self._pill = Pill("", "unknown", "circle-slash")
        self._note = label("", "Small", "Second", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._note.setMinimumWidth(96)
        self._do = button("", name="ceremony.sign", clicked=self._clicked)
        self._do.setFixedWidth(_DO)
        keep = self._do.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._do.setSizePolicy(keep)
        self._state = state = QWidget()
        state.setFixedWidth(_STATE)
        state.setLayout(row(self._pill, None, spacing=0))
        inside = row(spacing=12, margins=(14, 8, 14, 8))
        inside.addWidget(self._avatar)
        inside.addLayout(names, 4)
        inside.addWidget(self._note, 2)
        inside.addWidget(state)
        inside.addWidget(self._do)
        self.setLayout(inside)
        self.setMinimumHeight(56)

    def show_person(self, shown: PersonRow) -> None:
        if shown == self._shown:
            return
        self._shown = shown
        self.setObjectName(f"ceremony.person.{shown.officer}")
        self._avatar.show_person(shown.initials, shown.look.token)
        self._name.setText(shown.name)
        self._part.setText(" · ".join(each for each in (shown.parts, shown.share) if each))
        self._pill.show_state(shown.look.word, shown.look.token, shown.look.icon)
        self._note.setText(shown.why_not or shown.note)
        self._do.setVisible(bool(shown.action))
        self._do.setEnabled(not shown.why_not)
        self._do.setText(shown.action)
        self._do.setObjectName(f"ceremony.sign.{shown.officer}.{shown.part.value}")
        self._do.setAccessibleName(
            _("{action} {name}").format(action=shown.action, name=shown.name)
        )
        self._do.setToolTip(plain(shown.why_not))
        self.setAccessibleName(f"{shown.name}, {shown.parts}: {shown.look.word}")
        self._fit()
        tone = "current" if shown.current else ""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)

    def fit(self, narrow: bool) -> None:
        """Where there is little room, the button stands for *Waiting*."""
        if narrow != self._narrow:
            self._narrow = narrow
            keep = self._do.sizePolicy()
            keep.setRetainSizeWhenHidden(not narrow)
            self._do.setSizePolicy(keep)
            self._fit()

    def _fit(self) -> None:
        shown = self._shown
        if shown is not None:
            self._state.setVisible(not (self._narrow and shown.action))
            note = shown.why_not or shown.note
            self._note.setVisible(bool(note) and not (self._narrow and shown.action))

    def _clicked(self) -> None:
        if self._shown is not None:
            self._sign(self._shown.officer, self._shown.part)


class People(QWidget):
    """A card for each; kept while the same people are shown, so that the focus stays."""

    def __init__(self, sign: Callable[[str, Part], None]) -> None:
        super().__init__()
        self._sign = sign
        self._cards: list[PersonCard] = []
        self._narrow = False
        self._rows = column(spacing=6)
        self.setLayout(self._rows)

    def fit(self, width: int) -> None:
        self._narrow = width < _ROOMY
        for each in self._cards:
            each.fit(self._narrow)

    def show_people(self, people: tuple[PersonRow, ...]) -> None:
        if len(people) != len(self._cards):
            clear(self._rows)
            self._cards = [PersonCard(self._sign) for _each in people]
            for each in self._cards:
                self._rows.addWidget(each)
        for widget, shown in zip(self._cards, people, strict=True):
            widget.show_person(shown)
            widget.fit(self._narrow)


class MadeCard(QFrame):
    """What is made and what it protects: three to a line, two where it is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self._made: Made | None = None
        self._title = over("")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(10)
        self._columns = 3
        inside = card(self._title, 2, self._grid, spacing=6, name="ceremony.made")
        self.setLayout(column(inside, spacing=0))

    def show_made(self, made: Made, *, columns: int) -> None:
        if (made, columns) == (self._made, self._columns):
            return
        self._made, self._columns = made, columns
        self._title.setText(made.title.upper())
        clear(self._grid)
        for at, (name, value) in enumerate(made.rows):
            cell = QWidget()
            shown = Prose(value, name="")
            shown.setAccessibleName(f"{name}: {value}")
            cell.setLayout(column(label(name, "Small", "Second"), shown, spacing=3))
            self._grid.addWidget(cell, at // columns, at % columns, Qt.AlignmentFlag.AlignTop)
        for at in range(3):
            self._grid.setColumnStretch(at, 1 if at < columns else 0)


def fixed(widget: QWidget) -> QWidget:
    """No wider than it asks for."""
    widget.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return widget

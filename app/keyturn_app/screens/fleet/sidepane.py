"""Found and expected side by side, painted: where they differ is signed and underlined.

Monospaced, in groups of four bytes where both are digits; colour only repeats what the sign says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from keyturn.policy.sidebyside import Part
from keyturn_app.i18n import _
from keyturn_app.qtkit.theme import colour, mono, sans, theme

_ROW, _HEAD, _PAD, _GAP = 18, 20, 4, 6
_SIGN = 9
_LONGEST = 400
"""Characters of a side that are painted; the whole is copied and in the evidence viewer."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    same: bool


@dataclass(frozen=True, slots=True)
class _Line:
    words: tuple[_Word, ...]

    @property
    def differs(self) -> bool:
        return any(not each.same for each in self.words)


class SidePane(QWidget):
    """Two columns; as tall as its longer one needs in the width that there is."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self._parts: tuple[Part, ...] = ()
        self._hex = False
        self._left: tuple[_Line, ...] = ()
        self._right: tuple[_Line, ...] = ()
        self._font = mono(11)
        self._metrics = QFontMetricsF(self._font)
        theme().changed.connect(self.update)

    def show_parts(self, parts: Sequence[Part], *, digits: bool) -> None:
        self._parts, self._hex = tuple(parts), digits
        found = "".join(each.found for each in parts)
        expected = "".join(each.expected for each in parts)
        text = _("Found {found}; expected {expected}").format(found=found, expected=expected)
        self.setAccessibleName(text)
        self.setAccessibleDescription(_differing(parts))
        self._lay()

    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is painted in both columns, for whoever reads it without eyes."""
        return _plain(self._left), _plain(self._right)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._lay()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape or not event.matches(QKeySequence.StandardKey.Copy):
            super().keyPressEvent(event)

    # ---- laying out ----

    def _column(self) -> float:
        return max(40.0, (self.width() - _GAP) / 2)

    def _lay(self) -> None:
        room = self._column() - 2 * _PAD - _SIGN
        width = self._metrics.horizontalAdvance("0")
        most = max(8, int(room / width))
        left = [_Word(each.found, each.same) for each in self._parts if each.found]
        right = [_Word(each.expected, each.same) for each in self._parts if each.expected]
        gap = " " if self._hex else ""
        self._left = tuple(_wrapped(left, most, gap))
        self._right = tuple(_wrapped(right, most, gap))
        self.setFixedHeight(self._height())
        self.update()

    def _height(self) -> int:
        lines = max(len(self._left), len(self._right), 1)
        return _HEAD + lines * _ROW + 3 * _PAD

    # ---- painting ----

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = self._column()
        self._paint(painter, 0.0, wide, _("Found"), self._left, "removed")
        self._paint(painter, wide + _GAP, wide, _("Expected"), self._right, "added")
        if self.hasFocus():
            painter.setPen(colour("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _paint(
        self,
        painter: QPainter,
        left: float,
        wide: float,
        title: str,
        lines: Sequence[_Line],
        tint: str,
    ) -> None:
        box = QRectF(left, 0, wide, self.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("field"))
        painter.drawRoundedRect(box, 6, 6)
        painter.setFont(sans(11))
        painter.setPen(colour("muted"))
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left + _PAD, 2, wide - _PAD, _HEAD), middle, title)
        painter.setFont(self._font)
        sign = "−" if tint == "removed" else "+"
        for place, each in enumerate(lines):
            base = _HEAD + _PAD + place * _ROW + self._metrics.ascent()
            self._paint_line(painter, QPointF(left + _PAD, base), each, tint, sign)

    def _paint_line(
        self, painter: QPainter, at: QPointF, shown: _Line, tint: str, sign: str
    ) -> None:
        if shown.differs:
            painter.setPen(colour(tint))
            painter.drawText(at, sign)
        x = at.x() + _SIGN
        for word in shown.words:
            wide = self._metrics.horizontalAdvance(word.text)
            painter.setPen(colour("text2" if word.same else tint))
            painter.drawText(QPointF(x, at.y()), word.text)
            if not word.same and word.text.strip():
                under = at.y() + 2.5
                end = x + self._metrics.horizontalAdvance(word.text.rstrip())
                painter.drawLine(QPointF(x, under), QPointF(end, under))
            x += wide


def _wrapped(words: Sequence[_Word], most: int, gap: str) -> Iterator[_Line]:
    """Lines of at most `most` characters; a word that is longer is broken."""
    line: list[_Word] = []
    room, left = most, _LONGEST
    for each in words:
        for piece in _pieces(each, most):
            if left <= 0:
                yield _Line((*line, _Word("…", piece.same)))
                return
            left -= len(piece.text)
            if len(piece.text) > room and line:
                yield _Line(tuple(line))
                line, room = [], most
                if not piece.text.strip():
                    continue
            line += [piece, *([_Word(gap, True)] if gap else [])]
            room -= len(piece.text) + len(gap)
    if line:
        yield _Line(tuple(line))


def _pieces(word: _Word, most: int) -> Iterator[_Word]:
    tokens = word.text.split(" ")
    for place, each in enumerate(tokens):
        text = each if place == len(tokens) - 1 else f"{each} "
        for at in range(0, len(text), most):
            yield _Word(text[at : at + most], word.same)


def _plain(lines: Sequence[_Line]) -> tuple[str, ...]:
    return tuple("".join(word.text for word in each.words).rstrip() for each in lines)


def _differing(parts: Sequence[Part]) -> str:
    count = [each for each in parts if not each.same]
    pairs = "; ".join(f"{each.found or '—'} / {each.expected or '—'}" for each in count[:8])
    return _("They differ in {pairs}").format(pairs=pairs) if pairs else ""

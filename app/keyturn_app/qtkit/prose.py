"""Texts that others wrote, shown so that they can push nothing out of sight.

A plain label is as wide as its longest word: a proposer could write one that moves the changes
off the screen. These take the width that there is. `Prose` shows all of it, broken anywhere if
it must be, with nothing put in between; `Elided` is one line, its whole text a tooltip away.
"""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QLabel, QScrollArea, QSizePolicy

from keyturn_app.i18n import n_
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain

_BREAK = "\u2028"


class Prose(QLabel):
    """As high as its text needs at the width that it gets; `token` is its colour."""

    def __init__(
        self,
        text: str = "",
        token: str = "text",  # noqa: S107 - a colour
        font: QFont | None = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__(text)
        self._token = token
        self._wrap = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
        self._kept: tuple[str, int, QTextLayout, float] | None = None
        self._look = font or sans(13)
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme().changed.connect(self.update)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        return int(self._laid_out(width)[1]) + 1

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(160, self.heightForWidth(max(160, self.width())))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(60, 16)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setPen(colour(self._token))
        self._laid_out(self.width())[0].draw(painter, QPointF(0, 0))

    def _laid_out(self, width: int) -> tuple[QTextLayout, float]:
        text = self.text()
        if self._kept is not None and self._kept[:2] == (text, width):
            return self._kept[2:]
        layout = QTextLayout(text.replace("\n", _BREAK), self._look)
        option = QTextOption()
        option.setWrapMode(self._wrap)
        layout.setTextOption(option)
        layout.beginLayout()
        height = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(40, width))
            line.setPosition(QPointF(0, height))
            height += line.height()
        layout.endLayout()
        self._kept = (text, width, layout, height)
        return layout, height


class Capped(QScrollArea):
    """A `Prose` no higher than `most` pixels; the rest of it is scrolled to."""

    def __init__(self, prose: Prose, most: int, *, name: str, title: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._prose, self._most = prose, most
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(prose)
        self.viewport().setAutoFillBackground(False)
        prose.setAutoFillBackground(False)

    def set_text(self, text: str) -> None:
        self._prose.setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        needed = self._prose.heightForWidth(self.viewport().width()) + 2
        self._prose.setMinimumHeight(needed)
        self.setFixedHeight(min(needed, self._most))
        self.setFocusPolicy(
            Qt.FocusPolicy.StrongFocus if needed > self._most else Qt.FocusPolicy.NoFocus
        )


class WrappedMono(Prose):
    """A value, in mono, broken wherever the width ends."""

    def __init__(self, text: str, token: str) -> None:
        super().__init__(text, token, mono(12))
        self._wrap = QTextOption.WrapMode.WrapAnywhere


class Elided(QLabel):
    """One line; what does not fit is left out in the middle."""

    def __init__(
        self,
        text: str = "",
        token: str = "text",  # noqa: S107 - a colour
        font: QFont | None = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__(text)
        self._token, self._look = token, font or sans(13)
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(self._look)
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        metrics = self._metrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(40, self._metrics().height())

    def fitting(self, width: int) -> str:
        """What is shown in so many pixels."""
        return self._metrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, width)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setFont(self._look)
        painter.setPen(colour(self._token))
        shown = self.fitting(self.width())
        self.setToolTip(plain("" if shown == self.text() else self.text()))
        painter.drawText(
            self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown
        )

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(self._look)


class Names(Elided):
    """As many names as there is room for, and how many there are beside them; all a tooltip away.

    `text` has `{people}` where they stand.
    """

    def __init__(self, text: str, names: Sequence[str], font: QFont | None = None) -> None:
        super().__init__(text.format(people=", ".join(names)), font=font)
        self._around, self._names = text, tuple(names)

    def fitting(self, width: int) -> str:
        metrics = self._metrics()
        for count in range(len(self._names), 0, -1):
            shown, left = ", ".join(self._names[:count]), len(self._names) - count
            if left:
                shown += " " + n_("and {count} other", "and {count} others", left)
            said = self._around.format(people=shown)
            if metrics.horizontalAdvance(said) <= width:
                return said
        return super().fitting(width)

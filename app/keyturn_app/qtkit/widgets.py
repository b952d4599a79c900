"""The small widgets that every page uses. They show what they are given and decide nothing."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from keyturn_app.qtkit.icons import IconLabel, icon
from keyturn_app.qtkit.theme import colour, theme
from keyturn_app.qtkit.tips import plain

L = TypeVar("L", bound=QBoxLayout)
Item = QWidget | QLayout | int | None
"""A widget, a layout, pixels of space, or None for a stretch."""


def label(
    text: str = "", *classes: str, wrap: bool = False, name: str = "", selectable: bool = False
) -> QLabel:
    """Plain text, never markup: what came from elsewhere is shown as it is."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if classes:
        made.setProperty("class", " ".join(classes))
    if name:
        made.setObjectName(name)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


def over(text: str) -> QLabel:
    """The heading of a section, in small capitals."""
    return label(text.upper(), "Over")


class Button(QPushButton):
    """A push button whose icon follows the theme. `gap`: pixels between icon and text."""

    def __init__(
        self, text: str, icon_name: str, token: str, *, size: int = 16, gap: int = 4
    ) -> None:
        super().__init__(text)
        self._icon_name, self._token = icon_name, token
        self._size, self._gap = size, gap
        self._draw()
        theme().changed.connect(self._draw)

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        super().setText(text)
        self._draw()

    def show_icon(self, icon_name: str) -> None:
        self._icon_name = icon_name
        self._draw()

    def _draw(self) -> None:
        if self._icon_name:
            gap = self._gap if self.text() else 0
            self.setIconSize(QSize(self._size + gap, self._size))
            self.setIcon(icon(self._icon_name, self._token, self._size, gap))


def button(
    text: str,
    *,
    name: str,
    kind: str = "",
    icon_name: str = "",
    tip: str = "",
    checkable: bool = False,
    clicked: Callable[[], object] | None = None,
) -> Button:
    """`kind`: primary, danger, ghost, link, chip or none. Without a text, `tip` is its name."""
    token = {"primary": "on_accent", "danger": "danger"}.get(kind, "text2")
    made = Button(text, icon_name, token)
    made.setObjectName(name)
    made.setAccessibleName(text or tip)
    made.setToolTip(plain(tip))
    made.setCheckable(checkable)
    if kind:
        made.setProperty("kind", kind)
    if clicked is not None:
        made.clicked.connect(lambda: clicked())  # noqa: PLW0108 - drops `checked`
    return made


def row(
    *items: Item, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QHBoxLayout:
    return _filled(QHBoxLayout(), items, spacing, margins)


def column(
    *items: Item, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QVBoxLayout:
    return _filled(QVBoxLayout(), items, spacing, margins)


def _filled(
    layout: L, items: Sequence[Item], spacing: int, margins: tuple[int, int, int, int]
) -> L:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for each in items:
        if each is None:
            layout.addStretch(1)
        elif isinstance(each, int):
            layout.addSpacing(each)
        elif isinstance(each, QLayout):
            layout.addLayout(each)
        else:
            layout.addWidget(each)
    return layout


def frame(layout: QLayout, *classes: str, name: str = "") -> QFrame:
    made = QFrame()
    made.setLayout(layout)
    if classes:
        made.setProperty("class", " ".join(classes))
    if name:
        made.setObjectName(name)
    return made


def card(*items: Item, spacing: int = 8, margin: int = 16, name: str = "") -> QFrame:
    """A bordered surface with its items below one another."""
    return frame(column(*items, spacing=spacing, margins=(margin,) * 4), "Card", name=name)


def line(*, vertical: bool = False) -> QFrame:
    made = QFrame()
    made.setProperty("kind", "vline" if vertical else "line")
    return made


def set_class(widget: QWidget, *classes: str) -> None:
    """Change a widget's style classes while it is shown."""
    text = " ".join(classes)
    if widget.property("class") != text:
        widget.setProperty("class", text)
        restyle(widget)


def restyle(widget: QWidget) -> None:
    """After a dynamic property changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def clear(layout: QLayout) -> None:
    """Take everything out, and delete the widgets."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)


class Pill(QWidget):
    """A state as icon, word and tint: never colour alone."""

    def __init__(self, text: str, token: str, icon_name: str, *, name: str = "") -> None:
        super().__init__()
        self._token = token
        self._icon = IconLabel(icon_name, token, 14)
        self._text = label(text, "Small", "Strong")
        self.setLayout(row(self._icon, self._text, spacing=6, margins=(8, 0, 10, 0)))
        self.setFixedHeight(24)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if name:
            self.setObjectName(name)
        self._redraw()
        theme().changed.connect(self._redraw)

    def show_state(self, text: str, token: str, icon_name: str) -> None:
        self._token = token
        self._text.setText(text)
        self._icon.show_icon(icon_name, token)
        self._redraw()

    def text(self) -> str:
        return self._text.text()

    def _redraw(self) -> None:
        self.setAccessibleName(self._text.text())
        palette = self._text.palette()
        palette.setColor(palette.ColorRole.WindowText, colour(self._token))
        self._text.setPalette(palette)
        self._text.setStyleSheet(f"color: {colour(self._token).name()}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(f"{self._token}_bg"))
        painter.drawRoundedRect(self.rect(), 12, 12)


_READABLE = 320


class EmptyState(QWidget):
    """What a page shows instead of nothing: why it is empty, and what to do."""

    def __init__(self, icon_name: str, title: str, text: str, *actions: QWidget) -> None:
        super().__init__()
        picture = IconLabel(icon_name, "muted", 32)
        self._title, self._body = label(title, "H2"), label(text, "Second", wrap=True)
        for each in (self._title, self._body):
            each.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._body.setMaximumWidth(440)
        self._fit()
        inside = column(
            None, row(None, picture, None), self._title, row(None, self._body, None), spacing=10
        )
        if actions:
            inside.addLayout(row(None, *actions, None))
        inside.addStretch(1)
        self.setLayout(inside)

    def say(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._body.setText(text)
        self._fit()

    def _fit(self) -> None:
        """A wrapped label alone asks for a narrow column."""
        wide = self._body.fontMetrics().horizontalAdvance(self._body.text()) + 8
        self._body.setMinimumWidth(min(_READABLE, wide))


class Banner(QFrame):
    """One line across the top of a page: stale, offline, distrusted, read-only."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._icon = IconLabel("triangle-alert", "stale", 16)
        self._text = label("", wrap=True, selectable=True)
        inside = row(self._icon, self._text, margins=(12, 8, 12, 8))
        self.setLayout(inside)
        inside.setStretch(1, 1)
        self.setProperty("class", "Banner")
        self.hide()

    def say(self, text: str, *, tone: str = "warn") -> None:
        """An empty text hides it. `tone`: warn, danger or info."""
        self.setVisible(bool(text))
        self._text.setText(text)
        self.setAccessibleName(text)
        self._icon.show_icon(
            {"danger": "octagon-x", "info": "info"}.get(tone, "triangle-alert"),
            {"danger": "danger", "info": "pending"}.get(tone, "stale"),
        )
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)


class KeyValues(QWidget):
    """Names on the left, values on the right, selectable; digests in mono."""

    def __init__(self, *, width: int = 112, name: str = "") -> None:
        super().__init__()
        self._width = width
        self._rows = column(spacing=6)
        self.setLayout(self._rows)
        self._shown: tuple[tuple[str, str, bool], ...] = ()
        if name:
            self.setObjectName(name)

    def show_rows(self, rows: Sequence[tuple[str, str, bool]]) -> None:
        """(name, value, whether it is mono)."""
        if tuple(rows) == self._shown:
            return
        self._shown = tuple(rows)
        clear(self._rows)
        for name, value, is_mono in rows:
            left = label(name, "Muted", "Small")
            left.setFixedWidth(self._width)
            left.setAlignment(Qt.AlignmentFlag.AlignTop)
            right = label(value, *(("Mono",) if is_mono else ()), wrap=True, selectable=True)
            right.setAccessibleName(f"{name}: {value}")
            inside = row(left, right, spacing=8)
            inside.setStretch(1, 1)
            self._rows.addLayout(inside)

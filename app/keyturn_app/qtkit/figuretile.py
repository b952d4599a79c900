"""A figure with its name, a line of text and an icon; pressed, it filters what stands below."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy

from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.widgets import column, label, row


class FigureTile(QPushButton):
    """`height` in pixels; `dense`: where five or more stand side by side."""

    def __init__(self, name: str, height: int, *, dense: bool = False) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("kind", "tile")
        self.setCheckable(True)
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._wanted, self._least = (110, 84) if dense else (120, 96)
        self._icon = IconLabel("circle-dashed", "unknown", 16)
        self._name = OneLine("", "Second")
        self._figure = label("", "Figure")
        self._text = OneLine("", "Small", "Second")
        for each in (self._icon, self._name, self._figure, self._text):
            each.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        head = row(self._icon, self._name, None, spacing=8)
        edge, gap = (8, 0) if dense else (10, 2)
        margins = (14, edge, 14, edge)
        self.setLayout(column(head, self._figure, self._text, spacing=gap, margins=margins))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self._wanted, self.maximumHeight())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self._least, self.maximumHeight())

    def show_figure(self, icon: str, token: str, name: str, figure: str, text: str) -> None:
        self._icon.show_icon(icon, token)
        self._name.setText(name)
        self._figure.setText(figure)
        self._text.setText(text)
        self.setAccessibleName(f"{name}: {figure} {text}")

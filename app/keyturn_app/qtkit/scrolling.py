"""What may be longer than its place: it scrolls downwards, never sideways."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from keyturn_app.qtkit.tokens import DRAWER


class Scroller(QScrollArea):
    """Scrolls downwards only; what is in it is as wide as the view."""

    def __init__(self, inside: QWidget, *, name: str, title: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inside = inside
        self.setWidget(inside)
        for each in (self.viewport(), inside):  # what lies under it shows through
            each.setAutoFillBackground(False)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._inside.setMaximumWidth(self.viewport().width())


class Tall(QWidget):
    """What is inside a drawer's scroller: as high as its texts are when wrapped, rather scrolled
    than squeezed."""

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        layout = self.layout()
        if event.type() is QEvent.Type.LayoutRequest and layout is not None:
            height = layout.totalHeightForWidth(DRAWER - 16)
            self.setMinimumHeight(max(height, layout.totalMinimumSize().height()))
        return done

"""The figures at the top: one tile a state, which filters the table to it."""

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import column, label, row, set_class
from keyturn_app.screens.fleet.viewmodel import Tile, Tiles

_HEIGHT = 98
_SEVENTH_FROM = 7 * 118 + 6 * 12


class TileButton(QPushButton):
    """A figure; pressed while the table shows its state alone."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        super().__init__()
        self._query = ""
        self._icon = IconLabel("circle-slash", "unknown", 16)
        self._word = OneLine("", "Second", "Small")
        self._count = label("", "Figure")
        self._sub = OneLine("", "Muted", "Small")
        self.setProperty("kind", "tile")
        self.setCheckable(True)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inside = column(
            row(self._icon, self._word, None, spacing=6),
            self._count,
            self._sub,
            spacing=3,
            margins=(13, 12, 2, 12),
        )
        self.setLayout(inside)
        self.clicked.connect(lambda: clicked(self._query))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(96, _HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(84, _HEIGHT)

    def show_tile(self, tile: Tile) -> None:
        self._query = tile.query
        self._icon.show_icon(tile.look.icon, tile.look.token)
        self._word.setText(tile.look.word)
        self._count.setText(tile.count)
        self._sub.setText(tile.sub)
        set_class(self._count, "Figure", *(("Danger",) if tile.alarming else ()))
        self.setChecked(tile.chosen)
        self.setObjectName(f"fleet.tile.{tile.state.value}")
        self.setAccessibleName(f"{tile.look.word}: {tile.count}, {tile.sub}")
        self.setToolTip(plain(_("Show these nodes only: {query}").format(query=tile.query)))


class TileRow(QWidget):
    """Seven tiles where there is room, six where there is not; they add up either way."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("fleet.tiles")
        self._tiles = Tiles()
        self._buttons = [TileButton(clicked) for _each in range(7)]
        self.setLayout(row(*self._buttons, spacing=12))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_tiles(self, tiles: Tiles) -> None:
        self._tiles = tiles
        shown = tiles.wide if self.width() >= _SEVENTH_FROM else tiles.narrow
        for button, tile in zip(self._buttons, shown, strict=False):
            button.show_tile(tile)
        self._buttons[-1].setVisible(len(shown) == len(self._buttons))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.show_tiles(self._tiles)

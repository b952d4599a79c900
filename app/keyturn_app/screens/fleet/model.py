"""The store's rows as a Qt model, in the store's own order; and how a cell is painted.

Changes are told for the visible rows alone: a view that scrolls asks again anyway.
"""

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.fleet.columns import (
    COLUMNS,
    SHAPES,
    Column,
    cell,
    lease_fraction,
    meaning,
    spoken,
    title,
)
from keyturn_app.screens.fleet.store import STATES, FleetStore
from keyturn_app.states import node_look

Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LOUD = {Column.NAME, Column.HEARD, Column.EVIDENCE}


class Role(IntEnum):
    LOOK = LOOK_ROLE
    LEASE = LOOK_ROLE + 1  # how much of it is left, 0 to 1


class FleetModel(QAbstractTableModel):
    """`visible` gives the first and the last row on screen."""

    def __init__(self, store: FleetStore, visible: Callable[[], tuple[int, int]]) -> None:
        super().__init__()
        self.store = store
        self._visible = visible
        self._names: list[str] = []

    # ---- what Qt asks ----

    def rowCount(self, parent: Index = _NO_INDEX) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self.store.order)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.store.order):
            return None
        place, column = int(self.store.order[index.row()]), COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell(self.store, place, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(self.store, place, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(place, column))
        if role == Role.LOOK and column is Column.STATE:
            return node_look(STATES[self.store.state[place]])
        if role == Role.LEASE and column is Column.LEASE:
            return lease_fraction(self.store, place)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if SHAPES[column].right else _LEFT
        return None

    def headerData(  # noqa: N802 - Qt's name
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return title(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(meaning(column)) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if SHAPES[column].right else _LEFT
        return None

    # ---- what the presenter tells ----

    def before(self, *, anew: bool) -> None:
        if anew:
            self.beginResetModel()
        else:
            self.layoutAboutToBeChanged.emit()
            self._places = self.store.order

    def after(self, *, anew: bool) -> None:
        if anew:
            self.endResetModel()
            return
        before = self.persistentIndexList()
        self.changePersistentIndexList(before, [self._moved(each) for each in before])
        self.layoutChanged.emit()

    def updated(self, places: Sequence[int] | None) -> None:
        first, last = self._visible()
        last = min(last, len(self.store.order) - 1)
        if last < first:
            return
        if places is None:
            self._emit(first, last)
            return
        rows = self.store.inv[np.asarray(places, np.int64)]
        for row in np.unique(rows[(rows >= first) & (rows <= last)]).tolist():
            self._emit(row, row)

    # ---- for the view ----

    def name_at(self, row: int) -> str:
        return self.store.names[int(self.store.order[row])]

    def row_of(self, name: str | None) -> int:
        """-1 for a node that is not in the table now."""
        place = None if name is None else self.store.place.get(name)
        return -1 if place is None else int(self.store.inv[place])

    def _emit(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def _moved(self, index: QModelIndex) -> QModelIndex:
        row = int(self.store.inv[self._places[index.row()]])
        return self.index(row, index.column()) if row >= 0 else QModelIndex()

    def _tip(self, place: int, column: Column) -> str:
        if column is Column.STATE:
            return spoken(self.store, place, column)
        return cell(self.store, place, column)


class FleetDelegate(QStyledItemDelegate):
    """Paints straight from the store: one pass a cell, no roles asked."""

    def __init__(self, model: FleetModel) -> None:
        super().__init__()
        self._model = model
        self._dress()
        theme().changed.connect(self._dress)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        store, column = self._model.store, COLUMNS[index.column()]
        if index.row() >= len(store.order):
            return
        place = int(store.order[index.row()])
        area: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, self._selected)
        painter.setPen(self._line)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        inner = area.adjusted(8, 0, -8, 0)
        if column is Column.STATE:
            self._paint_state(painter, inner, int(store.state[place]))
        elif column is Column.LEASE:
            self._paint_lease(painter, inner, place)
        else:
            self._paint_text(painter, inner, column, cell(store, place, column))

    def _dress(self) -> None:
        self._selected, self._line = colour("selected"), colour("border")
        self._loud, self._quiet = colour("text"), colour("text2")
        self._track, self._bar, self._low = colour("border"), colour("accent"), colour("stale")
        self._sans, self._mono = sans(13), mono(12)
        self._bold = sans(12, QFont.Weight.DemiBold)
        self._metrics = {True: QFontMetrics(self._mono), False: QFontMetrics(self._sans)}
        self._looks = [node_look(state) for state in STATES]
        self._tints = [colour(look.token) for look in self._looks]

    def _paint_text(self, painter: QPainter, area: QRect, column: Column, text: str) -> None:
        fixed = column in (Column.NAME, Column.PLATFORM)
        painter.setFont(self._mono if fixed else self._sans)
        painter.setPen(self._loud if column in _LOUD else self._quiet)
        shown = self._metrics[fixed].elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, _RIGHT if SHAPES[column].right else _LEFT, shown)

    def _paint_state(self, painter: QPainter, area: QRect, code: int) -> None:
        look = self._looks[code]
        where = QPoint(area.x(), area.center().y() - 6)
        painter.drawPixmap(where, pixmap(look.icon, look.token, 14))
        painter.setFont(self._bold)
        painter.setPen(self._tints[code])
        painter.drawText(area.adjusted(20, 0, 0, 0), _LEFT, look.word)

    def _paint_lease(self, painter: QPainter, area: QRect, place: int) -> None:
        store = self._model.store
        fraction = lease_fraction(store, place)
        bar = QRectF(area.x(), area.center().y() - 2, max(0, area.width() - 52), 5)
        if not math.isnan(fraction):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            _pill(painter, bar, self._track)
            low = fraction < 0.1
            bar.setWidth(max(bar.height(), bar.width() * fraction))
            _pill(painter, bar, self._low if low else self._bar)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setFont(self._sans)
        painter.setPen(self._quiet)
        painter.drawText(area, _RIGHT, cell(store, place, Column.LEASE))


def _pill(painter: QPainter, area: QRectF, fill: QColor) -> None:
    painter.setBrush(fill)
    painter.drawRoundedRect(area, 2.5, 2.5)

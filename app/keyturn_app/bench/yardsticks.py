"""What the same work costs without us: numpy's sorting alone, and a table of Qt's own."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView

Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()
_ROUNDS = 15


class PlainModel(QAbstractTableModel):
    """As many rows and columns, all of the same short text."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self._rows, self._columns = rows, columns

    def rowCount(self, parent: Index = _NO_INDEX) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = _NO_INDEX) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else self._columns

    def data(self, _index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return "fra-1-r003-g27" if role == Qt.ItemDataRole.DisplayRole else None


def bare_repaint_ms(ours: QTableView) -> float:
    """A plain table of the same size, with Qt's own delegate and a model of constants."""
    model = ours.model()
    columns = range(model.columnCount())
    shown = sum(1 for each in columns if not ours.isColumnHidden(each))
    plain = PlainModel(model.rowCount(), shown)
    bare = QTableView()
    bare.setModel(plain)
    bare.setShowGrid(False)
    bare.verticalHeader().hide()
    bare.verticalHeader().setDefaultSectionSize(ours.verticalHeader().defaultSectionSize())
    bare.resize(ours.size())
    bare.show()
    for column in range(shown):
        bare.setColumnWidth(column, max(1, ours.viewport().width() // max(1, shown)))
    found = repaint_ms(bare)
    bare.close()
    return found


def repaint_ms(table: QTableView) -> float:
    """CPU time of painting everything that the table shows, once; the median of a few."""
    return median_ms(lambda: table.viewport().grab())


def argsort_ms(rows: int) -> float:
    """numpy's sort of as many numbers, by as good an algorithm as the table's order."""
    keys = np.random.default_rng(rows).random(rows)
    return median_ms(lambda: np.argsort(keys, kind="stable"))


def median_ms(work: Callable[[], object]) -> float:
    times = []
    for _each in range(_ROUNDS):
        began = time.thread_time()
        work()
        times.append(1000 * (time.thread_time() - began))
    return statistics.median(times)

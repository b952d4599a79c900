"""What a screen reader and a keyboard find: names, cells, the order of Tab, contrast as drawn."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QTableView,
    QTextEdit,
    QWidget,
)

from keyturn_app.qtkit.tokens import contrast
from keyturn_app.shell.overlay import Overlay
from support.fitting import path_of, visible_below
from support.pictures import Pixels, grabbed

INTERACTIVE = (
    *(QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QTextEdit),
    QAbstractItemView,
)
FLOOR = 4.4
"""Contrast as drawn: antialiased strokes reach a little less than their colour's 4.5."""
DIMMED = 3.0
"""Of what is dimmed on purpose, because it is not of now: still to be read."""
_ROWS = 3
_MOST_TABS = 400


def interactive(widget: QWidget) -> list[QWidget]:
    """What can be used below `widget`; parts of Qt's own widgets are those widgets' affair."""
    return [
        each
        for each in visible_below(widget)
        if (isinstance(each, INTERACTIVE) or _takes_keys(each)) and not _is_part(each)
    ]


def front(window: QWidget) -> QWidget:
    """What takes the keys: what lies over the window, or all of it."""
    over = [each for each in visible_below(window) if isinstance(each, Overlay)]
    return over[-1] if over else window


def unnamed(widget: QWidget) -> list[str]:
    """Without an object name, or without a name that is spoken."""
    return [
        f"{path_of(each)} ({each.metaObject().className()})"
        for each in interactive(widget)
        if not each.objectName() or not _spoken(each)
    ]


def named_twice(widget: QWidget) -> list[str]:
    counts = Counter(each.objectName() for each in interactive(widget) if each.objectName())
    return [name for name, count in counts.items() if count > 1]


def silent_cells(widget: QWidget) -> list[str]:
    """Cells of the first rows, and headers, that say nothing to a screen reader."""
    found = []
    for view in visible_below(widget):
        if isinstance(view, QListView | QTableView) and view.model() is not None:
            found += [f"{view.objectName()}: {each}" for each in _silent(view)]
    return found


def unreached(window: QWidget) -> list[str]:
    """What can be used and takes no focus by Tab, nor is one of a group that arrows go through."""
    wanted = {
        each
        for each in interactive(front(window))
        if each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus
    }
    reached: set[QWidget] = set()
    for _each in range(_MOST_TABS):
        focus = QApplication.focusWidget()
        if focus is None or focus in reached:
            break
        reached.add(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    by_arrows = {each for one in reached for each in _group(one)}
    return sorted(path_of(each) for each in wanted - reached - by_arrows)


def dim(window: QWidget, floor: float = FLOOR) -> list[str]:
    """Labels whose strokes do not stand out of their ground, as drawn."""
    found = []
    pixels = grabbed(window)
    for each in visible_below(front(window)):
        if isinstance(each, QLabel) and each.text().strip() and each.isEnabled():
            area = each.visibleRegion().boundingRect()
            if area.height() < each.fontMetrics().height():
                continue  # scrolled out of sight
            area.moveTopLeft(each.mapTo(window, area.topLeft()))
            part = pixels[area.top() : area.bottom() + 1, area.left() : area.right() + 1]
            drawn = farthest(part.reshape(-1, 3))
            if drawn < floor:
                found.append(f"{path_of(each)} {each.text()[:40]!r}: {drawn:.2f}")
    return found


def farthest(pixels: Pixels) -> float:
    red, green, blue = pixels.astype(int).T
    packed, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    colours = np.stack((packed >> 16, packed >> 8 & 255, packed & 255), axis=1)
    ground = colours[counts.argmax()].astype(int)
    stroke = colours[np.abs(colours.astype(int) - ground).sum(axis=1).argmax()]
    return contrast(_hex(ground), _hex(stroke))


def _hex(colour: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> str:
    return "#" + "".join(f"{int(each):02X}" for each in colour)


def _group(widget: QWidget) -> list[QAbstractButton]:
    """Of buttons of which one is down, Tab comes to that one, and arrows go on."""
    if not isinstance(widget, QAbstractButton):
        return []
    if (group := widget.group()) is not None:
        return group.buttons()
    above = widget.parentWidget()
    if not widget.autoExclusive() or above is None:
        return []
    return [each for each in above.findChildren(QAbstractButton) if each.autoExclusive()]


def _takes_keys(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and bool(widget.objectName())


def _is_part(widget: QWidget) -> bool:
    above = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or isinstance(
            above, QComboBox | QLineEdit | QAbstractSpinBox | QAbstractItemView | QAbstractSlider
        )
        or isinstance(widget, QAbstractSlider | QHeaderView)
    )


def _spoken(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    return "" if interface is None else interface.text(QAccessible.Text.Name).strip()


def _silent(view: QAbstractItemView) -> Iterator[str]:
    """Children of a table are its header, then its rows, each with a header of its own."""
    interface = QAccessible.queryAccessibleInterface(view)
    model = view.model()
    is_table = isinstance(view, QTableView)
    columns = model.columnCount(QModelIndex()) if is_table else 1
    rows = min(_ROWS, model.rowCount(QModelIndex()))
    for row in range(-1 if is_table else 0, rows):
        for column in range(columns):
            if isinstance(view, QTableView) and view.isColumnHidden(column):
                continue
            place = (row + 1) * (columns + 1) + column + 1 if is_table else row
            cell = None if interface is None else interface.child(place)
            if cell is None or not cell.text(QAccessible.Text.Name).strip():
                yield f"row {row}, column {column}"

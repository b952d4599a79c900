"""What does not fit: words cut off that were not shortened on purpose, and what sticks out.

`python -m support.fitting WIDTH HEIGHT [SCENE…]` says it of every scene, or of those, one line
each: for a scale of the screen that Qt reads once a process.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from support.stages import Look, scene_named, scene_names, staged

_SLACK = 1
"""Pixels: half of one at each end is rounding."""
_SHORTENED = "…"


def misfits(widget: QWidget) -> Iterator[str]:
    """Everything visible below `widget` that does not fit, as a sentence each."""
    for each in visible_below(widget):
        for problem in (_cut(each), _outside(each), _wider_than_its_view(each)):
            if problem:
                yield f"{path_of(each)}: {problem}"


def visible_below(widget: QWidget) -> Iterator[QWidget]:
    for child in widget.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            yield child
            yield from visible_below(child)


def path_of(widget: QWidget) -> str:
    """Its name, or its class below the nearest name."""
    named = widget
    while not named.objectName() and (above := named.parentWidget()) is not None:
        named = above
    if named is widget:
        return widget.objectName()
    return f"{named.objectName()} > {widget.metaObject().className()}"


def _cut(widget: QWidget) -> str:
    if isinstance(widget, QLabel) and widget.text():
        paints_itself = type(widget).paintEvent is not QLabel.paintEvent  # and shortens on purpose
        return "" if paints_itself else _cut_label(widget)
    if isinstance(widget, QAbstractButton) and widget.text():
        needed, given = widget.sizeHint(), widget.size()
        if needed.width() > given.width() + _SLACK or needed.height() > given.height() + _SLACK:
            return f"{widget.text()!r} needs {_told(needed)}, has {_told(given)}"
    if isinstance(widget, QAbstractSpinBox):
        return _cut_number(widget)
    return ""


def _cut_number(widget: QAbstractSpinBox) -> str:
    room = max((each.width() for each in widget.findChildren(QLineEdit)), default=0)
    needed = widget.fontMetrics().horizontalAdvance(widget.text())
    return f"{widget.text()!r} needs a width of {needed}, has {room}" if needed > room else ""


def _cut_label(widget: QLabel) -> str:
    text, given = widget.text(), widget.contentsRect()
    if widget.wordWrap():
        needed = widget.heightForWidth(widget.width())
        if needed > widget.height() + _SLACK:
            return f"{text[:60]!r} needs a height of {needed}, has {widget.height()}"
    metrics = widget.fontMetrics()
    parts = text.split() if widget.wordWrap() else text.splitlines()
    widest = max(parts, key=metrics.horizontalAdvance, default="")
    needed = metrics.horizontalAdvance(widest)
    if needed > given.width() + _SLACK and not widest.endswith(_SHORTENED):
        return f"{widest[:60]!r} needs a width of {needed}, has {given.width()}"
    if metrics.ascent() > given.height() + _SLACK:
        return f"{text[:60]!r} has a height of {given.height()}"
    return ""


def _outside(widget: QWidget) -> str:
    parent = widget.parentWidget()
    if (
        parent is None
        or widget.size().isEmpty()
        or _is_view(parent)
        or widget.objectName().startswith("qt_")
    ):
        return ""
    area = parent.rect().adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK)
    if area.contains(widget.geometry()):
        return ""
    return f"at {_place(widget)} of its parent's {_told(parent.size())}"


def _wider_than_its_view(widget: QWidget) -> str:
    held = widget.widget() if isinstance(widget, QScrollArea) else None
    if held is None or not isinstance(widget, QScrollArea):
        return ""
    fixed = widget.horizontalScrollBarPolicy() is Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    inside, view = held.width(), widget.viewport().width()
    return f"scrolls no wider than {view}, holds {inside}" if fixed and inside > view else ""


def _is_view(widget: QWidget) -> bool:
    """What lies in a scrolled view may be anywhere."""
    above = widget.parentWidget()
    return isinstance(above, QAbstractScrollArea) and above.viewport() is widget


def _told(size: QSize) -> str:
    return f"{size.width()}×{size.height()}"


def _place(widget: QWidget) -> str:
    area = widget.geometry()
    return f"{area.left()},{area.top()}…{area.right()},{area.bottom()}"


def main(width: int, height: int, names: Sequence[str]) -> None:
    app = QApplication([])
    with TemporaryDirectory() as scratch:
        for name in names or scene_names():
            with staged(
                scene_named(name), Path(scratch), Look(size=QSize(width, height))
            ) as window:
                for each in misfits(window):
                    print(f"{name}: {each}")
    app.quit()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])

"""A window as text: each widget that can be seen with its class, name, words and state.

Below its parent, one line each; containers that say nothing are left out. Whatever belongs to one
recording or one machine alone (digests, times, ages, addresses, versions) is a placeholder, so
that a new recording changes only what really reads otherwise.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QTabBar,
    QTableView,
    QTextEdit,
    QWidget,
)

ROWS = 4
"""Of a table, as many as are written down."""
LINES = 12
"""Of a text of many lines."""
LONGEST = 120
_INSIDE = (QScrollBar, QHeaderView)
_PARTS = (QComboBox, QAbstractSpinBox, QTabBar)
"""Widgets whose children are Qt's own."""

_MASKS = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?( UTC)?", "<time>"),
        (r"\b\d{4}-\d\d-\d\d\b", "<date>"),
        (r"\b\d\d?:\d\d(:\d\d)?\b( UTC)?", "<time>"),
        (r"https?://[\w.\[\]:-]+", "<address>"),
        (r"(/[\w.+-]+){2,}\b", "<path>"),
        (r"(sha256[: ])?\b[0-9a-f]{4}([ \n]*(\.\.\.|…)?[ \n]*\b[0-9a-f]{4}\b)+…?", "<digest>"),
        (r"(sha256:)?\b(?=[a-f]*\d)[0-9a-f]{8,}(\.\.\.|…)?([0-9a-f]{4,}\b)?", "<digest>"),
        (r"\b[A-Za-z0-9+/_-]{40,}={0,2}", "<base64>"),
        (r"\bLinux-\S+|\bmacOS-\S+|\bWindows-\S+", "<system>"),
        (r"\b\d+\.\d+\.\d+\b( \d+ [A-Z][a-z]{2} \d{4})?", "<version>"),
        (r"\b\d+(\.\d+)? ?(ms|s|min|h|d|seconds?|minutes?|hours?|days?)\b", "<age>"),
        (r"\b\d+(\.\d+)? ?(kB|MB|GB|KiB|MiB|GiB|bytes)\b", "<size>"),
    )
)


def tree(widget: QWidget, *, without: Collection[str] = ()) -> str:
    """Ends with a newline. `without`: names of widgets that are left out with all below."""
    lines = _below(widget, 0, frozenset(without))
    return "\n".join([f"# {masked(widget.windowTitle())}", *lines]) + "\n"


def masked(text: str) -> str:
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def words(widget: QWidget) -> str:
    """What a widget shows as text, without what its children show."""
    match widget:
        case QLineEdit():
            hidden = widget.echoMode() is not QLineEdit.EchoMode.Normal
            return "" if hidden else widget.text()
        case QLabel() | QAbstractButton():
            return widget.text().replace("&&", "&")
        case QComboBox():
            return widget.currentText()
        case QPlainTextEdit() | QTextEdit():
            return widget.toPlainText()
        case QAbstractSpinBox():
            return widget.text()
        case QProgressBar():
            return f"{widget.value()}/{widget.maximum()}"
        case _:
            return ""


def _below(widget: QWidget, depth: int, without: frozenset[str]) -> Iterator[str]:
    said = _said(widget)
    if said:
        yield "  " * depth + said
        depth += 1
    for line in _contents(widget):
        yield "  " * depth + line
    if isinstance(widget, _PARTS):
        return
    for child in widget.children():
        if isinstance(child, QWidget) and _is_shown(child) and child.objectName() not in without:
            yield from _below(child, depth, without)


def _is_shown(widget: QWidget) -> bool:
    return widget.isVisible() and not widget.isWindow() and not isinstance(widget, _INSIDE)


def _said(widget: QWidget) -> str:
    """The line of one widget; empty for a container that says nothing."""
    name = "" if widget.objectName().startswith("qt_") else masked(widget.objectName())
    text = words(widget).strip()
    spoken = widget.accessibleName().strip()
    parts = [name] if name else []
    if text and not _is_long(text):
        parts.append(_quoted(text))
    if spoken and spoken != text and not (text and spoken.endswith(f": {text}")):
        parts.append(f"spoken {_quoted(spoken)}")
    if isinstance(widget, QLineEdit | QPlainTextEdit) and widget.placeholderText():
        parts.append(f"hint {_quoted(widget.placeholderText())}")
    if widget.accessibleDescription():
        parts.append(f"description {_quoted(widget.accessibleDescription())}")
    parts += _states(widget)
    if not parts:
        return ""
    return " ".join([widget.metaObject().className(), *parts])


def _states(widget: QWidget) -> list[str]:
    found = [f"{key}={widget.property(key)}" for key in ("kind", "tone") if widget.property(key)]
    if not widget.isEnabled() and _parent_enabled(widget):
        found.append("disabled")
    if isinstance(widget, QAbstractButton) and widget.isCheckable():
        found.append("checked" if widget.isChecked() else "unchecked")
    if QApplication.focusWidget() is widget:
        found.append("focus")
    return found if widget.objectName() or words(widget) or "focus" in found else []


def _parent_enabled(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is None or parent.isEnabled()


def _contents(widget: QWidget) -> Iterator[str]:
    """Rows of a table or a list, lines of a long text."""
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        yield from _rows(widget, widget.model())
        return
    text = words(widget)
    if _is_long(text):
        lines = text.splitlines()
        yield from (f"> {_cut(masked(each))}".rstrip() for each in lines[:LINES])
        if len(lines) > LINES:
            yield "> …"


def _rows(view: QAbstractItemView, model: QAbstractItemModel) -> Iterator[str]:
    columns = [0]
    if isinstance(view, QTableView):
        every = range(model.columnCount(QModelIndex()))
        columns = [each for each in every if not view.isColumnHidden(each)]
        yield _line(_text(model.headerData(each, Qt.Orientation.Horizontal)) for each in columns)
    count = model.rowCount(QModelIndex())
    for row in range(min(count, ROWS)):
        chosen = view.selectionModel().isRowSelected(row, QModelIndex())
        cells = (_cell(model, row, each) for each in columns)
        yield _line(cells) + (" selected" if chosen else "")
    if count > ROWS:
        yield "| …"


def _cell(model: QAbstractItemModel, row: int, column: int) -> str:
    index = model.index(row, column)
    spoken = _text(index.data(Qt.ItemDataRole.AccessibleTextRole))
    shown = _text(index.data(Qt.ItemDataRole.DisplayRole))
    if not spoken or spoken == shown or spoken.endswith(f": {shown}"):
        return shown
    return f"{shown} ({spoken})" if shown else spoken


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cut(masked(each)) for each in cells)} |"


def _is_long(text: str) -> bool:
    return text.count("\n") > 2


def _quoted(text: str) -> str:
    return f'"{_cut(masked(text))}"'


def _cut(text: str) -> str:
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

"""The palette's panel: a field and a list; the focus stays in the field."""

from collections.abc import Callable
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import column, label
from keyturn_app.shell.palette import PalettePresenter, Row

_ROW = 36
_SHOWN = 9
_MOVES = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: _SHOWN,
    Qt.Key.Key_PageUp: -_SHOWN,
}
Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    ROW = Qt.ItemDataRole.UserRole + 1


class _Rows(QAbstractListModel):
    """Frozen rows of the view-model."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        if rows != self.rows:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's own
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == Role.ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.why_not) or None
        return None


class _Painter(QStyledItemDelegate):
    """Icon, text, detail; on the right the shortcut, or why it cannot be done."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:  # noqa: N802
        return QSize(100, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(Role.ROW)
        area: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("selected"))
            painter.drawRoundedRect(area.adjusted(0, 1, 0, -1), 6, 6)
        off = bool(row.why_not)
        tint = "muted" if off else "text"
        painter.drawPixmap(
            area.x() + 10, area.center().y() - 8, pixmap(row.icon, "muted" if off else "text2", 16)
        )
        end = self._right(painter, area, row)
        left = self._write(painter, area.x() + 38, end, area, row.text, tint, 13)
        self._write(painter, left + 10, end, area, row.detail, "muted", 12)
        painter.restore()

    def _right(self, painter: QPainter, area: QRect, row: Row) -> int:
        """What stands at the right end; gives where it begins."""
        text = row.why_not or row.shortcut.replace("+", " ")
        if not text:
            return area.right() - 10
        painter.setFont(sans(12 if row.why_not else 11))
        painter.setPen(colour("muted"))
        metrics = painter.fontMetrics()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() // 2)
        width = metrics.horizontalAdvance(text)
        place = QRect(area.right() - width - 14, area.y(), width + 4, area.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        if row.shortcut and not row.why_not:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colour("border"))
            painter.drawRoundedRect(place.adjusted(-4, 8, 5, -8), 4, 4)
        return place.x() - 12

    def _write(
        self, painter: QPainter, x: int, end: int, area: QRect, text: str, tint: str, size: int
    ) -> int:
        """Gives where the text ends."""
        painter.setFont(sans(size))
        painter.setPen(colour(tint))
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, end - x))
        place = QRect(x, area.y(), max(0, end - x), area.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
        return x + metrics.horizontalAdvance(shown)


class PalettePanel(QFrame):
    """`close` is called when it has done its work."""

    def __init__(self, presenter: PalettePresenter, close: Callable[[], None]) -> None:
        super().__init__()
        self._presenter, self._done = presenter, close
        self.setObjectName("palette")
        self.setProperty("class", "Sheet")
        self.setAccessibleName(_("Command palette"))
        self.setFixedWidth(620)
        self.field = QLineEdit()
        self.field.setObjectName("palette.query")
        self.field.setAccessibleName(_("Search or run a command"))
        self.field.setPlaceholderText(_("A command, a page, a node, a model, a digest"))
        self.field.setMinimumHeight(36)
        self.field.textEdited.connect(presenter.search)
        self.field.installEventFilter(self)
        self._rows = _Rows()
        self._rows.setParent(self)
        self._list = QListView()
        self._list.setObjectName("palette.rows")
        self._list.setAccessibleName(_("Results"))
        self._list.setModel(self._rows)
        self._list.setItemDelegate(_Painter(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setUniformItemSizes(True)
        self._list.clicked.connect(self._clicked)
        self._said = label("", "Muted", "Small", wrap=True, name="palette.said")
        keys = label(_("↑ ↓ choose · Enter runs · Esc closes"), "Muted", "Small")
        self.setLayout(
            column(self.field, self._list, self._said, keys, spacing=8, margins=(12, 12, 12, 10))
        )
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._rows.show_rows(view.rows)
        self._list.setFixedHeight(_ROW * min(_SHOWN, len(view.rows)) + 4)
        self._list.setVisible(bool(view.rows))
        index = self._rows.index(view.at, 0) if view.at >= 0 else QModelIndex()
        self._list.setCurrentIndex(index)
        if index.isValid():
            self._list.scrollTo(index)
            self.field.setAccessibleDescription(view.rows[view.at].spoken)
        self._said.setText(view.said)
        self._said.setVisible(bool(view.said))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in _MOVES:
                self._presenter.move(_MOVES[key])
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._enter()
                return True
        return super().eventFilter(watched, event)

    def _clicked(self, index: QModelIndex) -> None:
        self._presenter.choose(index.row())
        self._enter()

    def _enter(self) -> None:
        """Closed first: what is run may ask something, and the focus is where it was."""
        view = self._presenter.view()
        if view.at >= 0 and not view.rows[view.at].why_not:
            self._done()
        self._presenter.enter()

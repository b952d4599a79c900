"""The left column: search, which ones, and the policies by name."""

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Button, button, column, row
from keyturn_app.screens.policies.presenter import PoliciesPresenter
from keyturn_app.screens.policies.viewmodel import PoliciesView, PolicyRow, Show

ROW = 76
_ROLE = Qt.ItemDataRole.UserRole + 1


class PolicyList(QFrame):
    def __init__(self, presenter: PoliciesPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._search = QLineEdit()
        self._search.setObjectName("policies.search")
        self._search.setAccessibleName(_("Search policies"))
        self._search.setPlaceholderText(_("Search policies"))
        self._search.setClearButtonEnabled(True)
        self._search.textEdited.connect(presenter.search)
        group = QButtonGroup(self)
        self._chips: dict[Show, Button] = {}
        for show in Show:
            chip = button(
                show.value,
                name=f"policies.show.{show.value}",
                kind="chip",
                checkable=True,
                clicked=partial(presenter.show, show),
            )
            group.addButton(chip)
            self._chips[show] = chip
        self._count = OneLine("", "Small", "Second", name="policies.count")
        self._new = button(
            _("New policy…"),
            name="policies.new",
            icon_name="plus",
            clicked=presenter.write_new,
        )
        self._list = QListWidget()
        self._list.setObjectName("policies.list")
        self._list.setAccessibleName(_("Policies"))
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setItemDelegate(_RowDelegate(self._list))
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.currentItemChanged.connect(self._chosen)
        self._rows: tuple[PolicyRow, ...] = ()
        chips = list(self._chips.values())
        body = column(
            self._search,
            row(*chips[:2], None, spacing=6),
            row(*chips[2:], None, spacing=6),
            self._list,
            row(self._count, self._new, spacing=8),
            spacing=8,
            margins=(16, 16, 12, 16),
        )
        body.setStretchFactor(self._list, 1)
        self.setLayout(body)

    def focus_search(self) -> None:
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def focus_list(self) -> None:
        self._list.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_view(self, view: PoliciesView) -> None:
        if self._search.text() != view.query:
            self._search.setText(view.query)
        for each in view.shows:
            chip = self._chips[each.show]
            chip.setText(each.text)
            chip.setAccessibleName(each.text)
            chip.setChecked(each.chosen)
        self._count.setText(view.count)
        self._new.setEnabled(not view.why_not_new)
        self._new.setToolTip(plain(view.why_not_new))
        self._show_rows(view)

    def _show_rows(self, view: PoliciesView) -> None:
        self._list.blockSignals(True)
        if view.rows != self._rows:
            self._rows = view.rows
            self._list.clear()
            for each in view.rows:
                self._list.addItem(_item(each))
        names = [each.subject for each in view.rows]
        at = names.index(view.selected) if view.selected in names else -1
        self._list.setCurrentRow(at, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._list.blockSignals(False)

    def _chosen(self, item: QListWidgetItem | None) -> None:
        found = None if item is None else item.data(_ROLE)
        if isinstance(found, PolicyRow):
            self._presenter.select(found.subject)


def _item(found: PolicyRow) -> QListWidgetItem:
    item = QListWidgetItem()
    item.setData(_ROLE, found)
    parts = [found.subject, found.look.word, found.line, found.expiry]
    if found.waiting:
        parts.insert(2, _("a version awaits approval"))
    item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(part for part in parts if part))
    item.setToolTip(plain(found.subject))
    return item


class _RowDelegate(QStyledItemDelegate):
    """Name and version, state, what rests on it, expiry."""

    def sizeHint(  # noqa: N802 - Qt's name
        self,
        option: QStyleOptionViewItem,  # noqa: ARG002
        index: QModelIndex | QPersistentModelIndex,  # noqa: ARG002
    ) -> QSize:
        return QSize(200, ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        found = index.data(_ROLE)
        if not isinstance(found, PolicyRow):
            return
        area = option.rect.adjusted(2, 2, -2, -2)
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colour("focus" if focused else "accent" if chosen else "border"))
        painter.setBrush(colour("selected" if chosen else "surface"))
        painter.drawRoundedRect(area, 6, 6)
        left, right = area.left() + 10, area.right() - 10
        version = f"v{found.version}"
        painter.setFont(sans(12))
        metrics = painter.fontMetrics()
        wide = metrics.horizontalAdvance(version)
        painter.setPen(colour("text2"))
        painter.drawText(right - wide, area.top() + 20, version)
        painter.setFont(sans(13))
        name = painter.fontMetrics().elidedText(
            found.subject, Qt.TextElideMode.ElideMiddle, right - wide - 10 - left
        )
        painter.setPen(colour("text"))
        painter.drawText(left, area.top() + 20, name)
        painter.setFont(sans(12))
        painter.drawPixmap(left, area.top() + 29, pixmap(found.look.icon, found.look.token, 14))
        painter.setPen(colour(found.look.token))
        word = found.look.word
        painter.drawText(left + 20, area.top() + 40, word)
        painter.setPen(colour("text2"))
        at = left + 20 + metrics.horizontalAdvance(word) + 8
        told = _("version awaits") if found.waiting else found.expiry
        if found.waiting:
            painter.drawPixmap(at, area.top() + 29, pixmap("hourglass", "stale", 14))
            at += 18
        rest = metrics.elidedText(told, Qt.TextElideMode.ElideRight, right - at)
        painter.drawText(at, area.top() + 40, rest)
        line = metrics.elidedText(found.line, Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(left, area.top() + 60, line)
        painter.restore()

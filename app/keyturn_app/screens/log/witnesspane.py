"""Who cosigned the log lately, and whether this app does."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QFrame, QHeaderView, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.tables import LOOK_ROLE, LookDelegate, Table
from keyturn_app.qtkit.theme import mono
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    EmptyState,
    KeyValues,
    Pill,
    button,
    card,
    clear,
    column,
    label,
    row,
)
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.witnessing import OwnView, WitnessesView, WitnessRow

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
STATE = 4


class WitnessPane(QWidget):
    """Two cards and a table."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._pill = Pill("", "unknown", "circle", name="log.witnesses.state")
        self._text = label("", wrap=True, selectable=True, name="log.witnesses.text")
        self._needed = label("", "Second", "Small", wrap=True, name="log.witnesses.needed")
        self._own = Pill("", "unknown", "circle", name="log.cosigning.state")
        self._own_text = label("", wrap=True, selectable=True, name="log.cosigning.text")
        self._own_key = KeyValues(width=84, name="log.cosigning.key")
        self._owed = column(spacing=4)
        self._owed_shown: tuple[str, ...] = ()
        self._copy = button(
            _("Copy key"),
            name="log.cosigning.copy",
            icon_name="copy",
            clicked=presenter.copy_cosigner,
        )
        self._propose = button(
            _("Propose this app as a witness…"),
            name="log.cosigning.propose",
            icon_name="user-plus",
            clicked=presenter.propose_witness,
        )
        self._why = label("", "Muted", "Small", wrap=True, name="log.cosigning.why")
        self._save = button(
            _("Save for the keyholder…"),
            name="log.cosigning.save",
            icon_name="download",
            clicked=presenter.save_owed,
        )
        self._none = EmptyState(
            "stamp",
            _("Nobody cosigned"),
            _("Here stands each witness that the roster names, and what it cosigned last."),
        )
        self._none.setObjectName("log.witnesses.none")
        self._model = WitnessModel()
        self._table = Table(
            name="log.witnesses.table", title=_("Witnesses"), copied=presenter.copy_text
        )
        self._table.setModel(self._model)
        self._table.setItemDelegateForColumn(STATE, LookDelegate(self._table))
        self._table.set_widths((200, 220, 90, 120))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._build()

    def show_witnesses(self, shown: WitnessesView, why_not: str) -> None:
        self._pill.show_state(shown.look.word, shown.look.token, shown.look.icon)
        self._text.setText(shown.text)
        self._needed.setText(shown.needed)
        self._model.show_rows(shown.rows)
        self._table.setVisible(bool(shown.rows))
        self._none.setVisible(not shown.rows)
        self._show_own(shown.own, why_not)

    def _show_own(self, own: OwnView, why_not: str) -> None:
        self._own.show_state(own.look.word, own.look.token, own.look.icon)
        self._own_text.setText(own.text)
        rows = ((_("Name"), own.name, False), (_("Key id"), own.key_id, True))
        self._own_key.show_rows([each for each in rows if each[1]])
        if own.owed != self._owed_shown:
            self._owed_shown = own.owed
            clear(self._owed)
            for each in own.owed:
                self._owed.addWidget(label(each, "Danger", "Small", wrap=True, selectable=True))
        self._save.setVisible(bool(own.owed))
        self._copy.setEnabled(bool(own.spki))
        self._propose.setVisible(not own.in_roster)
        self._propose.setEnabled(not why_not)
        self._propose.setToolTip(plain(why_not))
        self._why.setText(why_not)
        self._why.setVisible(bool(why_not) and not own.in_roster)

    def _build(self) -> None:
        witnesses = card(
            row(label(_("Witnesses"), "H2"), None, self._pill),
            self._text,
            self._needed,
            None,
            name="log.witnesses",
        )
        own = card(
            row(label(_("This app"), "H2"), None, self._own),
            self._own_text,
            self._owed,
            self._own_key,
            None,
            self._why,
            row(self._copy, self._propose, self._save, None),
            name="log.cosigning",
        )
        top = row(witnesses, own, spacing=12)
        top.setStretch(0, 1)
        top.setStretch(1, 1)
        whole = column(top, self._rows(), spacing=12)
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self.setMinimumWidth(1)

    def _rows(self) -> QFrame:
        note = label(
            _("The newest cosignature of each, verified here; its time is the witness's own."),
            "Muted",
            "Small",
        )
        head = row(label(_("Cosignatures"), "H2"), note, None, margins=(16, 14, 16, 4))
        return card(head, self._table, self._none, spacing=4, margin=1)


class WitnessModel(QAbstractTableModel):
    """The witnesses of the roster, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[WitnessRow, ...] = ()

    def show_rows(self, rows: tuple[WitnessRow, ...]) -> None:
        if rows == self._rows:
            return
        if len(rows) == len(self._rows):  # ages: what is selected stays so
            self._rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, STATE))
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else STATE + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (_("Witness"), _("Key"), _("Entries"), _("Cosigned"), _("State"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        shown, at = self._rows[index.row()], index.column()
        name = _("{name} (this app)").format(name=shown.name) if shown.own else shown.name
        texts = (name, shown.key, shown.size, shown.age, shown.look.word)
        if role == Qt.ItemDataRole.DisplayRole:
            return texts[at]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(shown.full_key if at == 1 else texts[at])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(at, Qt.Orientation.Horizontal)}: {texts[at]}"
        if role == Qt.ItemDataRole.FontRole:
            return mono() if at in (1, 2) else None
        if role == LOOK_ROLE and at == STATE:
            return shown.look
        return None

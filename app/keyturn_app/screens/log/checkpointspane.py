"""The checkpoints that were seen, whether they are one history, and who else looks."""

from PySide6.QtWidgets import QFrame, QHeaderView, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import KeyValues, Pill, button, card, column, label, row
from keyturn_app.screens.log.detailing import shown_facts
from keyturn_app.screens.log.model import CheckpointModel
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.viewmodel import Checkpoints, WhyNot


class CheckpointsPane(QWidget):
    """Three cards and a table."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self._pill = Pill("", "unknown", "circle", name="log.consistency.state")
        self._text = label("", wrap=True, selectable=True, name="log.consistency.text")
        self._checked = label("", "Muted", "Small", wrap=True, name="log.consistency.checked")
        self._limit = label("", "Warn", "Small", wrap=True, name="log.consistency.limit")
        self._check = button(
            _("Check now"),
            name="log.check",
            icon_name="refresh-cw",
            clicked=presenter.check_now,
        )
        self._witness = Pill("", "unknown", "circle", name="log.witness.state")
        self._witness_text = label("", "Second", wrap=True, name="log.witness.text")
        self._newest = KeyValues(width=84, name="log.newest")
        self._model = CheckpointModel()
        self._table = Table(
            name="log.checkpoints", title=_("Checkpoints seen"), copied=presenter.copy_text
        )
        self._table.setModel(self._model)
        self._table.setItemDelegateForColumn(3, LookDelegate(self._table))
        self._table.set_widths((170, 90, 220))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._build()

    def show_checkpoints(self, shown: Checkpoints, why_not: WhyNot) -> None:
        self._pill.show_state(shown.verdict.word, shown.verdict.token, shown.verdict.icon)
        self._text.setText(shown.text)
        self._checked.setText(shown.checked)
        self._limit.setText(shown.limit)
        self._limit.setVisible(bool(shown.limit))
        self._check.setEnabled(not why_not.check)
        self._check.setToolTip(plain(why_not.check))
        self._witness.show_state(shown.witness.word, shown.witness.token, shown.witness.icon)
        self._witness_text.setText(shown.witness_text)
        self._newest.show_rows(shown_facts(shown.newest))
        self._model.show_rows(shown.rows)

    def _build(self) -> None:
        checked = row(self._checked, self._check)
        checked.setStretch(0, 1)
        history = card(
            row(label(_("One history"), "H2"), None, self._pill),
            self._text,
            self._limit,
            None,
            checked,
            name="log.consistency",
        )
        newest = card(
            label(_("Newest checkpoint"), "H2"), self._newest, None, name="log.newest.card"
        )
        witness = card(
            row(label(_("Witnesses"), "H2"), None, self._witness),
            self._witness_text,
            None,
            name="log.witness",
        )
        top = row(history, newest, witness, spacing=12)
        for place in range(3):
            top.setStretch(place, 1)
        whole = column(top, self._seen(), spacing=12)
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self.setMinimumWidth(1)  # in front only where no drawer takes the room

    def _seen(self) -> QFrame:
        note = label(
            _("Kept on this machine, at most 200; each one's root is computed here again."),
            "Muted",
            "Small",
        )
        head = row(label(_("Checkpoints seen"), "H2"), note, None, margins=(16, 14, 16, 4))
        return card(head, self._table, spacing=4, margin=1)

"""Over the air gap: how to fetch elsewhere, and the file that was opened here."""

from collections.abc import Callable

from PySide6.QtWidgets import QHeaderView, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.textmodel import TextModel
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, card, clear, column, label, row
from keyturn_app.screens.collateral.presenter import CollateralPresenter
from keyturn_app.screens.collateral.viewmodel import ParcelView, WhyNot

STATE = 3


class Commands(QWidget):
    """Lines to run on a connected machine, each with a copy button."""

    def __init__(self, copy_text: Callable[[str], None], *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._name, self._copy = name, copy_text
        self._rows = column(spacing=4)
        self._shown: tuple[str, ...] = ()
        self.setLayout(self._rows)

    def show_commands(self, commands: tuple[str, ...]) -> None:
        self.setVisible(bool(commands))
        if commands == self._shown:
            return
        self._shown = commands
        clear(self._rows)
        for place, each in enumerate(commands):
            self._rows.addLayout(row(self._text(each), self._button(place, each), spacing=8))

    def _text(self, command: str) -> QWidget:
        made = label(command, "Mono", wrap=True, selectable=True)
        made.setAccessibleName(_("Command: {command}").format(command=command))
        return made

    def _button(self, place: int, command: str) -> QWidget:
        made = button(
            "",
            name=f"{self._name}.{place}",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the command"),
            clicked=lambda: self._copy(command),
        )
        made.setFixedWidth(32)
        return made


class CarryPane(QWidget):
    """One card that explains, one with the parcel."""

    def __init__(self, presenter: CollateralPresenter, copy_text: Callable[[str], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self._commands = Commands(copy_text, name="collateral.carry.commands")
        self._title = label("", "H2", name="collateral.parcel.title")
        self._text = label("", "Muted", "Small", name="collateral.parcel.text")
        heads = (
            lambda: _("Document"),
            lambda: _("What for"),
            lambda: _("Issued"),
            lambda: _("Compared"),
            lambda: _("Outcome"),
        )
        self._model = TextModel(heads, {STATE: lambda each: each.look}, frozenset({2}))
        self._model.setParent(self)
        self._table = Table(
            name="collateral.parcel", title=_("Documents in the file"), copied=copy_text
        )
        self._table.setModel(self._model)
        self._table.setItemDelegateForColumn(STATE, LookDelegate(self._table))
        self._table.set_widths((220, 170, 96, 110))
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._hand_in = button(
            _("Hand in to the keyholder"),
            name="collateral.hand-in",
            kind="primary",
            icon_name="send",
            clicked=presenter.hand_over,
        )
        self._discard = button(
            _("Put away"), name="collateral.discard", icon_name="x", clicked=presenter.discard
        )
        self._parcel = card(
            row(self._title, self._text, None, margins=(16, 14, 16, 4)),
            self._table,
            row(None, self._discard, self._hand_in, margins=(16, 8, 16, 14)),
            spacing=4,
            margin=1,
            name="collateral.parcel.card",
        )
        self._filler = QWidget()
        whole = column(self._how(), self._parcel, self._filler, spacing=12)
        whole.setStretch(1, 1)
        whole.setStretch(2, 1)
        self.setLayout(whole)

    def show_parcel(
        self, parcel: ParcelView | None, commands: tuple[str, ...], why_not: WhyNot
    ) -> None:
        self._commands.show_commands(commands)
        self._parcel.setVisible(parcel is not None)
        self._filler.setVisible(parcel is None)
        if parcel is None:
            return
        self._title.setText(parcel.title)
        self._text.setText(parcel.text)
        self._model.show_rows(parcel.rows)
        self._hand_in.setVisible(not parcel.done)
        self._hand_in.setText(
            n_("Hand in {count} document", "Hand in {count} documents", parcel.count)
        )
        self._hand_in.setEnabled(not why_not.hand_in)
        self._hand_in.setToolTip(plain(why_not.hand_in))

    def _how(self) -> QWidget:
        text = _(
            "On a machine with a network: fetch, make a key for bundles once, and export. Carry "
            "the file here and import it. Each document is proved on this machine and again by the "
            "keyholder; a bundle older than the last one, or of another key, is refused."
        )
        return card(
            label(_("Across an air gap"), "H2"),
            label(text, "Second", wrap=True),
            self._commands,
            name="collateral.carry",
        )

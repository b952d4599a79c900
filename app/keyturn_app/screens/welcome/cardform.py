"""The widgets that name a key on a card: module, card, key, and what was found at the readers."""

from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.viewmodel import WelcomeView


class CardForm(QWidget):
    """Shows a WelcomeView's card. No PIN is asked here: looking needs none."""

    def __init__(self, presenter: WelcomePresenter) -> None:
        super().__init__()
        self.setObjectName("welcome.card")
        self._module = _line("welcome.card.module", _("Module"))
        self._module.setPlaceholderText(_("where modules usually lie"))
        self._token = _line("welcome.card.token", _("Card (label or serial number)"))
        self._key = _line("welcome.card.key", _("Key (label or id)"))
        for field, told in (
            (self._module, presenter.set_module),
            (self._token, presenter.set_token),
            (self._key, presenter.set_card_key),
        ):
            field.textEdited.connect(told)
        self._found = QComboBox()
        self._found.setObjectName("welcome.card.found")
        self._found.setAccessibleName(_("Keys found on cards"))
        self._found.setPlaceholderText(_("Choose your key"))
        self._found.activated.connect(presenter.choose_card)
        self._look = button(
            _("Look for cards"),
            name="welcome.card.look",
            icon_name="search",
            clicked=presenter.look_for_cards,
        )
        self._note = label(
            _(
                "The card signs. A new file beside it keeps the key that opens shares: choose its "
                "passphrase below. The card's PIN is asked for when you unlock, not here."
            ),
            "Muted",
            "Small",
            wrap=True,
            name="welcome.card.note",
        )
        self.setLayout(column(self._grid(), row(self._look, self._found, None), self._note))

    def show_view(self, view: WelcomeView) -> None:
        card = view.draft.card
        fields = (self._module, self._token, self._key)
        for field, text in zip(fields, (card.module, card.token, card.key), strict=True):
            if field.text() != text:
                field.setText(text)
            field.setEnabled(not view.busy)
        self._look.setEnabled(not view.busy)
        self._found.setVisible(bool(view.cards))
        self._note.setVisible(view.asks_passphrase)
        self._found.setEnabled(not view.busy)
        shown = tuple(self._found.itemText(at) for at in range(self._found.count()))
        if shown != view.cards:
            self._found.clear()
            self._found.addItems(view.cards)
        self._found.setCurrentIndex(view.card)

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        for place, field in enumerate((self._module, self._token, self._key)):
            title = label(field.accessibleName(), "Small", "Second")
            title.setBuddy(field)
            grid.addWidget(title, 0, place)
            grid.addWidget(field, 1, place)
        return grid


def _line(name: str, title: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setMaxLength(255)
    return made

"""The widgets that ask for the officer's key: where it is to lie, whose it is, its passphrase."""

from collections.abc import Callable

from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QRadioButton,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.live.profiles import Environment
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.welcome.cardform import CardForm
from keyturn_app.screens.welcome.joining import KeyKind
from keyturn_app.screens.welcome.passphrases import said, strength
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.viewmodel import ALGORITHMS, KeyOption, WelcomeView


class KeyForm(QWidget):
    """`typed` is told whenever a passphrase field changes."""

    def __init__(self, presenter: WelcomePresenter, typed: Callable[[], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self._told = typed
        self._kinds = QButtonGroup(self)
        self._radios: dict[KeyKind, QRadioButton] = {}
        self._why: dict[KeyKind, str] = {}
        choices = column(spacing=2)
        for each in presenter.view().options:
            choices.addLayout(self._choice(each))
        self._label = _line("welcome.label", _("Name of the server, for you"))
        self._label.textEdited.connect(presenter.set_label)
        self._label_title = label("", "Small", "Second")
        self._label_title.setBuddy(self._label)
        self._environment = QComboBox()
        self._environment.setObjectName("welcome.environment")
        self._environment.setAccessibleName(_("What it is for"))
        for kind, text in (
            (Environment.PROD, _("Production")),
            (Environment.STAGING, _("Staging")),
            (Environment.DEMO, _("Demo")),
        ):
            self._environment.addItem(text, kind)
        self._environment.activated.connect(self._environment_chosen)
        self._new = NewKey(presenter, self._typed)
        self._card = CardForm(presenter)
        self._file = button(
            _("Choose the file…"),
            name="welcome.import",
            icon_name="folder-open",
            clicked=presenter.import_key,
        )
        self._imported = label("", "Second", wrap=True, name="welcome.imported")
        self.setFocusProxy(self._radios[KeyKind.NEW_FILE])
        self.setLayout(
            column(
                label(_("Your key"), "H1"),
                choices,
                4,
                self._card,
                self._new,
                row(self._file, self._imported, None),
                4,
                row(
                    column(self._label_title, self._label),
                    column(label(_("What it is for"), "Small", "Second"), self._environment),
                    spacing=12,
                ),
                None,
            )
        )

    def show_view(self, view: WelcomeView) -> None:
        kind = view.draft.key.kind
        for each in view.options:
            radio = self._radios[each.kind]
            radio.blockSignals(True)
            radio.setChecked(each.kind is kind)
            radio.blockSignals(False)
            radio.setEnabled(not each.why_not and not view.busy)
            radio.setToolTip(plain(each.why_not))
            radio.setText(f"{each.title} — {each.why_not or each.text}")
            radio.setAccessibleName(radio.text())
        self._card.setVisible(kind is KeyKind.CARD)
        self._card.show_view(view)
        self._new.setVisible(view.asks_officer)
        self._new.show_view(view)
        self._file.setVisible(kind is KeyKind.IMPORTED)
        self._imported.setVisible(bool(view.imported) or kind is KeyKind.IMPORTED)
        self._imported.setText(view.imported)
        station = view.draft.station
        title = _("Name of this station, for you") if station else _("Name of the server, for you")
        self._label_title.setText(title)
        self._label.setAccessibleName(title)
        if self._label.text() != view.draft.label:
            self._label.setText(view.draft.label)
        self._environment.setCurrentIndex(self._environment.findData(view.draft.environment))

    def typed(self) -> tuple[str, str]:
        """What stands in both passphrase fields."""
        return self._new.typed()

    def taken(self) -> tuple[bytearray, bytearray]:
        """Both passphrases, to be wiped by whoever takes them; the fields are empty then."""
        first, second = (bytearray(each.encode()) for each in self._new.typed())
        self.forget()
        return first, second

    def forget(self) -> None:
        self._new.forget()

    def _choice(self, option: KeyOption) -> QGridLayout:
        radio = QRadioButton(option.title)
        radio.setObjectName(f"welcome.key.{option.kind.value}")
        radio.toggled.connect(lambda on, kind=option.kind: self._chosen(kind, on))
        self._kinds.addButton(radio)
        self._radios[option.kind] = radio
        layout = QGridLayout()
        layout.addWidget(radio, 0, 0)
        return layout

    def _chosen(self, kind: KeyKind, on: bool) -> None:
        if on:
            self._presenter.choose_key(kind)

    def _environment_chosen(self, at: int) -> None:
        self._presenter.set_environment(self._environment.itemData(at))

    def _typed(self) -> None:
        self._told()


class NewKey(QWidget):
    """Whose key it will be, and its passphrase twice."""

    def __init__(self, presenter: WelcomePresenter, typed: Callable[[], None]) -> None:
        super().__init__()
        self._officer = _line("welcome.officer", _("Officer id"))
        self._name = _line("welcome.name", _("Your name"))
        self._officer.textEdited.connect(presenter.set_officer)
        self._name.textEdited.connect(presenter.set_name)
        self._algorithm = QComboBox()
        self._algorithm.setObjectName("welcome.algorithm")
        self._algorithm.setAccessibleName(_("Signature algorithm"))
        for each in ALGORITHMS:
            self._algorithm.addItem(each.value, each)
        self._algorithm.activated.connect(
            lambda at: presenter.set_algorithm(self._algorithm.itemData(at))
        )
        self._first = _secret("welcome.passphrase", _("Passphrase"))
        self._second = _secret("welcome.again", _("Passphrase again"))
        self._hint = label("", "Muted", "Small", name="welcome.strength")
        for field in (self._first, self._second):
            field.textChanged.connect(self._typed)
        self._told = typed
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        for place, (title, widget) in enumerate(
            (
                (_("Officer id"), self._officer),
                (_("Your name"), self._name),
                (_("Algorithm"), self._algorithm),
                (_("Passphrase"), self._first),
                (_("Passphrase again"), self._second),
            )
        ):
            text = label(title, "Small", "Second")
            text.setBuddy(widget)
            grid.addWidget(text, place // 3 * 2, place % 3)
            grid.addWidget(widget, place // 3 * 2 + 1, place % 3)
        grid.addWidget(self._hint, 4, 0, 1, 3)
        self.setLayout(grid)

    def show_view(self, view: WelcomeView) -> None:
        key = view.draft.key
        for field, text in ((self._officer, key.officer), (self._name, key.name)):
            if field.text().strip() != text.strip():
                field.setText(text)
            field.setEnabled(not view.busy)
        self._algorithm.setCurrentIndex(
            self._algorithm.findData(key.card.algorithm if key.card else key.algorithm)
        )
        self._algorithm.setEnabled(key.card is None and not view.busy)
        for field in (self._first, self._second):
            field.setEnabled(view.asks_passphrase and not view.busy)
        self._hint.setVisible(view.asks_passphrase)

    def typed(self) -> tuple[str, str]:
        return self._first.text(), self._second.text()

    def forget(self) -> None:
        self._first.clear()
        self._second.clear()

    def _typed(self) -> None:
        first = self._first.text()
        self._hint.setText(said(strength(first)) if first else "")
        self._told()


def _line(name: str, title: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    return made


def _secret(name: str, title: str) -> QLineEdit:
    made = _line(name, title)
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setMaxLength(1024)
    return made

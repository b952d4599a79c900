"""Where somebody's key is, and its passphrase: the same form wherever one person signs."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QLineEdit, QRadioButton

from keyturn_app.i18n import _
from keyturn_app.qtkit.secretfield import forget_secret, secret_field, taken_secret
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView


class KeyAsker(Protocol):
    """What the form tells its presenter."""

    def choose_place(self, place: KeyPlace) -> None: ...

    def write_place(self, text: str) -> None: ...

    def browse(self) -> None: ...


class KeyForm(QFrame):
    """`entered` when Enter was pressed in the passphrase."""

    def __init__(self, presenter: KeyAsker, name: str, entered: Callable[[], None]) -> None:
        super().__init__()
        self._presenter, self._entered = presenter, entered
        self._group = QButtonGroup(self)
        self._radios: dict[KeyPlace, QRadioButton] = {}
        self._choice = row(spacing=18)
        for each in KeyPlace:
            radio = QRadioButton()
            radio.setObjectName(f"{name}.{each.value}")
            radio.clicked.connect(lambda _on, place=each: presenter.choose_place(place))
            self._group.addButton(radio)
            self._radios[each] = radio
            self._choice.addWidget(radio)
        self._choice.addStretch(1)
        self._path_title = label("", "Small", "Strong")
        self._path = QLineEdit()
        self._path.setObjectName(f"{name}.path")
        self._path.textEdited.connect(presenter.write_place)
        self._browse = button(
            _("Browse…"), name=f"{name}.browse", icon_name="folder-open", clicked=presenter.browse
        )
        self._secret_title = label("", "Small", "Strong")
        self._secret = secret_field(f"{name}.secret", "")
        line = row(self._path, self._browse)
        line.setStretch(0, 1)
        self.setLayout(
            column(
                self._choice, 2, self._path_title, line, self._secret_title, self._secret, spacing=8
            )
        )

    @property
    def first(self) -> QLineEdit | QRadioButton:
        if self._path.isVisibleTo(self) and not self._path.text():
            return self._path
        if self._secret.isVisibleTo(self):
            return self._secret
        return next(each for each in self._radios.values() if each.isChecked())

    def show_key(self, view: KeyView, *, busy: bool) -> None:
        titles = {place: (title, why) for place, title, why in view.places}
        for place, radio in self._radios.items():
            title, why = titles.get(place, ("", ""))
            radio.setVisible(bool(title))
            radio.setText(title)
            radio.setAccessibleName(title)
            radio.setToolTip(plain(why))
            radio.setEnabled(not why and not busy)
            radio.setChecked(place is view.place)
        asks_path, asks_secret = bool(view.text_title), bool(view.secret_title)
        for each in (self._path_title, self._path):
            each.setVisible(asks_path)
        self._browse.setVisible(view.place is KeyPlace.FILE)
        self._path_title.setText(view.text_title)
        self._path.setAccessibleName(view.text_title)
        if self._path.text() != view.text:
            self._path.setText(view.text)
        self._secret_title.setVisible(asks_secret)
        self._secret.setVisible(asks_secret)
        self._secret_title.setText(view.secret_title)
        self._secret.setAccessibleName(view.secret_title)
        for field in (self._path, self._secret):
            field.setEnabled(not busy)

    def taken(self) -> bytearray:
        """The passphrase, to be wiped by whoever takes it; the field is empty then."""
        return taken_secret(self._secret)

    def forget(self) -> None:
        forget_secret(self._secret)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._entered()
            return
        super().keyPressEvent(event)

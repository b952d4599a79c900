"""The page that replaces everything while the app is locked. It shows nothing of the server's."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFrame, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.secretfield import (
    forget_secret,
    mark_error,
    secret_field,
    taken_secret,
)
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.shell.unlock import UnlockPresenter, needs


class UnlockPage(QWidget):
    """Who is asked, the passphrase, and what was wrong with the last one."""

    def __init__(self, presenter: UnlockPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self.setObjectName("unlock")
        self.setProperty("class", "Page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._seats = QComboBox()
        self._seats.setObjectName("unlock.seat")
        self._seats.setAccessibleName(_("Officer and server"))
        self._seats.activated.connect(lambda _at: self._sit())
        self._field = secret_field("unlock.passphrase", _("Passphrase of your key"))
        self._field.setPlaceholderText(_("Passphrase"))
        self._field.textChanged.connect(self._refresh)
        self._error = label("", "Danger", "Small", wrap=True, name="unlock.error")
        self._why = label("", "Muted", "Small", wrap=True, name="unlock.why")
        self._go = button(
            _("Unlock"),
            name="unlock.go",
            kind="primary",
            icon_name="lock-open",
            clicked=self._unlock,
        )
        self.setLayout(column(None, row(None, self._card(), None), None))
        presenter.listeners.add(self.show_view)
        self.show_view()

    def _card(self) -> QFrame:
        card = QFrame()
        card.setProperty("class", "Card")
        card.setFixedWidth(400)
        said = label(
            _("Keyturn is locked. The key is closed, nothing can be signed or asked."),
            "Second",
            wrap=True,
        )
        brand = row(IconLabel("shield-lock", "accent", 28), label(_("Keyturn"), "H1"), None)
        card.setLayout(
            column(
                brand,
                said,
                4,
                self._seats,
                self._field,
                self._error,
                4,
                self._go,
                self._why,
                spacing=10,
                margins=(28, 26, 28, 26),
            )
        )
        return card

    def enter(self) -> None:
        """The page came to the front."""
        forget_secret(self._field)
        self.show_view()
        (self._field if self._field.isVisibleTo(self) else self._go).setFocus()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._seats.blockSignals(True)
        self._seats.clear()
        for each in view.seats:
            self._seats.addItem(f"{each.name} · {each.server}", each.id)
        self._seats.setCurrentIndex(self._seats.findData(view.seat))
        self._seats.blockSignals(False)
        self._field.setVisible(view.passphrase)
        self._field.setPlaceholderText(_("PIN") if view.card else _("Passphrase"))
        self._field.setAccessibleName(
            _("PIN of your card") if view.card else _("Passphrase of your key")
        )
        self._field.setEnabled(not view.busy)
        self._error.setText(view.error)
        self._error.setVisible(bool(view.error))
        mark_error(self._field, bool(view.error))
        self._refresh()
        if view.error and self.isVisible():
            self._field.setFocus()

    def _refresh(self) -> None:
        why = needs(self._presenter.view(), self._field.displayText())
        self._why.setText(why)
        self._go.setEnabled(not why)

    def _sit(self) -> None:
        forget_secret(self._field)
        self._presenter.sit(str(self._seats.currentData()))

    def _unlock(self) -> None:
        if not needs(self._presenter.view(), self._field.displayText()):
            self._presenter.unlock(taken_secret(self._field))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._unlock()
            return
        super().keyPressEvent(event)

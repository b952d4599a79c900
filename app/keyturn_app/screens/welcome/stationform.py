"""The first page's form for an officer station: its bundle, and whose it is."""

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.widgets import button, column, label, restyle, row
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.viewmodel import Field, WelcomeView


class StationForm(QWidget):
    """The file, and the fingerprint that somebody else told. The file's own is never shown."""

    def __init__(self, presenter: WelcomePresenter) -> None:
        super().__init__()
        self._file = button(
            _("Choose the file…"),
            name="welcome.bundle",
            icon_name="folder-open",
            clicked=presenter.choose_bundle,
        )
        self._name = OneLine("", "Second", name="welcome.bundle.name")
        self._typed = QPlainTextEdit()
        self._typed.setObjectName("welcome.fingerprint.typed")
        self._typed.setAccessibleName(_("Authority fingerprint"))
        self._typed.setPlaceholderText(_("64 digits, or the sixteen words in their order"))
        self._typed.setTabChangesFocus(True)
        self._typed.setFixedHeight(84)
        self._typed.textChanged.connect(lambda: presenter.set_typed(self._typed.toPlainText()))
        self._server = button(
            _("Connect to a server instead"),
            name="welcome.server",
            kind="link",
            clicked=lambda: presenter.set_station(False),
        )
        self.setFocusProxy(self._file)
        title = label(_("Fingerprint of your authority"), "Small", "Second")
        title.setBuddy(self._typed)
        self.setLayout(
            column(
                label(_("An officer station"), "H1"),
                label(
                    _(
                        "This machine opens no connection. Proposals come to it as files or "
                        "pictures, are verified and signed here, and go back the same way. It "
                        "begins with an authority bundle, or with a proposal's file, which has "
                        "one in it."
                    ),
                    "Second",
                    wrap=True,
                ),
                8,
                self._chosen(),
                8,
                title,
                self._typed,
                label(
                    _(
                        "Let another officer read it to you, or take it from paper. A file could "
                        "say anything of itself, so this page does not show what it says."
                    ),
                    "Muted",
                    "Small",
                    wrap=True,
                ),
                None,
                row(self._server, None),
            )
        )

    def _chosen(self) -> QHBoxLayout:
        line = row(self._file)
        line.addWidget(self._name, 1)
        return line

    def show_view(self, view: WelcomeView) -> None:
        file = view.draft.file
        self._name.setText("" if file is None else file.name)
        if self._typed.toPlainText() != view.draft.typed:
            self._typed.setPlainText(view.draft.typed)
        self._file.setEnabled(not view.busy)
        self._typed.setEnabled(not view.busy)
        self._server.setVisible(not view.held)
        state = "error" if view.error_field is Field.WORDS else ""
        if self._typed.property("state") != state:
            self._typed.setProperty("state", state)
            restyle(self._typed)

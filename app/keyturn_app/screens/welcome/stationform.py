"""The first page's widgets for an officer station: its bundle, and a newcomer's request."""

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.partcode import PartCode
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


class RequestForm(QWidget):
    """A newcomer's signed request: as a file, or as QR codes one after the other.

    `shown` is told whether the codes are: they want all the room.
    """

    def __init__(self, presenter: WelcomePresenter, shown: Callable[[bool], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self._shown = shown
        self._texts: tuple[str, ...] = ()
        self._at = 0
        save = button(
            _("Save the request…"),
            name="welcome.request.save",
            icon_name="download",
            clicked=presenter.save_request,
        )
        self._show = button(
            _("Show as QR codes"),
            name="welcome.request.qr",
            icon_name="qr-code",
            clicked=self._toggle,
        )
        self._next = button(
            _("Next picture"),
            name="welcome.request.next",
            icon_name="chevron-right",
            clicked=self._step,
        )
        self._code = PartCode(name="welcome.request.code")
        self._code.hide()
        self._next.hide()
        self.setLayout(column(row(save, self._show, None, self._next), self._code))

    @property
    def codes_shown(self) -> bool:
        return not self._code.isHidden()

    def show_view(self, view: WelcomeView) -> None:
        self.setVisible(view.request)

    def _toggle(self) -> None:
        shown = not self.codes_shown
        self._texts, self._at = self._presenter.request_texts(), 0
        self._shown(shown)
        self._code.setVisible(shown)
        self._next.setVisible(shown and len(self._texts) > 1)
        self._show.setText(_("Hide the codes") if shown else _("Show as QR codes"))
        self._draw()

    def _step(self) -> None:
        self._at = (self._at + 1) % len(self._texts)
        self._draw()

    def _draw(self) -> None:
        place = _("Picture {index} of {count}").format(index=self._at + 1, count=len(self._texts))
        self._next.setText(place)
        self._next.setAccessibleName(_("{place}; show the next one").format(place=place))
        if self._texts:
            self._code.show_text(self._texts[self._at], place)

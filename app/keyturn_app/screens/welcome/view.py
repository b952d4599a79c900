"""The first page's widgets: a list of steps, one form at a time, and two buttons."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.widgets import (
    Banner,
    Item,
    Pill,
    button,
    clear,
    column,
    frame,
    label,
    line,
    restyle,
    row,
)
from keyturn_app.screens.welcome.keyform import KeyForm
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.requestform import RequestForm
from keyturn_app.screens.welcome.stationform import StationForm
from keyturn_app.screens.welcome.viewmodel import (
    ORDER,
    Field,
    Standing,
    Step,
    StepView,
    WelcomeView,
    needs,
)

_WORDS_A_ROW = 4
_MARKS = {
    Standing.DONE: ("circle-check", "ok"),
    Standing.NOW: ("chevron-right", "accent"),
    Standing.AHEAD: ("circle-dashed", "muted"),
}


class WelcomePage(QWidget):
    """Not a page of the rail: it stands where the window's content will be."""

    def __init__(self, presenter: WelcomePresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("welcome")
        self.setProperty("class", "Page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._presenter = presenter
        self._steps = StepList()
        self._error = Banner(name="welcome.error")
        self._server = ServerForm(presenter)
        self._station = StationForm(presenter)
        self._authority = AuthorityForm(presenter, copy)
        self._key = KeyForm(presenter, self._refresh)
        self._ready = ReadyForm(presenter, copy)
        self._forms = (self._server, self._authority, self._key, self._ready)
        self._stack = QStackedWidget()
        for each in (*self._forms, self._station):
            self._stack.addWidget(each)
        self._why = label("", "Muted", "Small", wrap=True, name="welcome.why")
        self._cancel = button(_("Cancel"), name="welcome.cancel", clicked=presenter.cancel)
        self._back = button(_("Back"), name="welcome.back", clicked=self._go_back)
        self._next = button("", name="welcome.next", kind="primary", clicked=self._go_on)
        for pressed in (self._cancel, self._back, self._next):
            pressed.setAutoDefault(True)  # Return presses the one that has the focus
        self.setLayout(self._layout())
        self._leave = presenter.listeners.add(self.show_view)
        self._shown: QWidget | None = None
        self.show_view()

    def close_page(self) -> None:
        """Leave the presenter; nothing typed stays."""
        self._leave()
        self._key.forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Return goes on, from every field that has no use for it."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._go_on()
        else:
            super().keyPressEvent(event)

    def show_view(self) -> None:
        view = self._presenter.view()
        self._steps.show_steps(view.steps)
        self._error.say(view.error, tone="danger")
        at = ORDER.index(view.step)
        form: QWidget = self._forms[at]
        if view.step is Step.SERVER and view.draft.station:
            form = self._station
        self._stack.setCurrentWidget(form)
        for each in (*self._forms, self._station):
            each.show_view(view)
        self._next.setText(view.next)
        self._next.setAccessibleName(view.next)
        self._back.setVisible(view.step in {Step.AUTHORITY, Step.KEY})
        self._back.setEnabled(view.can_back)
        self._cancel.setVisible(view.step is not Step.DONE)
        self._refresh()
        if form is not self._shown:
            self._shown = form
            self._key.forget()
            form.setFocus()

    def _layout(self) -> QGridLayout:
        brand = row(IconLabel("shield-lock", "accent", 28), label(_("Keyturn"), "H1"), None)
        left = column(brand, 16, self._steps, None, margins=(28, 28, 20, 28))
        buttons = row(self._cancel, None, self._back, self._next)
        inside = column(self._error, self._stack, self._why, buttons, spacing=12)
        inside.setContentsMargins(28, 28, 28, 28)
        both = row(frame(left), line(vertical=True), frame(inside), spacing=0)
        both.setStretch(2, 1)
        sheet = frame(both, "Sheet")
        sheet.setMaximumSize(960, 700)
        sheet.setMinimumSize(820, 560)
        layout = QGridLayout()
        layout.addWidget(sheet, 0, 0)
        return layout

    def _refresh(self) -> None:
        """The button and its reason; also while a passphrase is typed."""
        why = needs(self._presenter.view(), *self._key.typed())
        self._next.setEnabled(not why)
        self._why.setText(why)

    def _go_on(self) -> None:
        if self._next.isEnabled():
            self._presenter.next(*self._key.taken())

    def _go_back(self) -> None:
        self._presenter.back()


class StepList(QWidget):
    """Which steps there are and where one is: a mark and a word, never colour alone."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("welcome.steps")
        self._rows = column(spacing=10)
        self.setLayout(self._rows)
        self.setFixedWidth(170)
        self._shown: tuple[StepView, ...] = ()

    def show_steps(self, steps: tuple[StepView, ...]) -> None:
        if steps == self._shown:
            return
        self._shown = steps
        clear(self._rows)
        words = {
            Standing.DONE: _("done"),
            Standing.NOW: _("now"),
            Standing.AHEAD: _("to come"),
        }
        for each in steps:
            text = label(each.title, "Strong" if each.standing is Standing.NOW else "Second")
            text.setAccessibleName(f"{each.title}: {words[each.standing]}")
            self._rows.addLayout(row(IconLabel(*_MARKS[each.standing], 16), text, None))


class ServerForm(QWidget):
    """Address and pin."""

    def __init__(self, presenter: WelcomePresenter) -> None:
        super().__init__()
        self._url = _line("welcome.url", _("Server address"), "https://")
        self._pin = _line("welcome.pin", _("Pin of the server's TLS key"))
        self._pin.setProperty("class", "Mono")
        self._pin.setPlaceholderText(_("64 digits"))
        self._url.textEdited.connect(presenter.set_url)
        self._pin.textEdited.connect(presenter.set_pin)
        self._station = button(
            _("This machine has no network: set up an officer station"),
            name="welcome.station",
            kind="link",
            clicked=lambda: presenter.set_station(True),
        )
        self.setFocusProxy(self._url)
        self.setLayout(
            column(
                label(_("Which server?"), "H1"),
                label(
                    _(
                        "The server printed its address and pin when it was started. Take both "
                        "from whoever runs it, not from a message that anybody could have sent."
                    ),
                    "Second",
                    wrap=True,
                ),
                8,
                *_named(self._url),
                *_named(self._pin),
                None,
                row(self._station, None),
            )
        )

    def show_view(self, view: WelcomeView) -> None:
        _fill(self._url, view.draft.url)
        _fill(self._pin, view.draft.pin)
        for each in (self._url, self._pin):
            each.setEnabled(not view.busy)
        _mark(self._url, view.error_field is Field.URL)
        _mark(self._pin, view.error_field is Field.PIN)


class AuthorityForm(QWidget):
    """The words, and a tick that they were compared."""

    def __init__(self, presenter: WelcomePresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self._words = QGridLayout()
        self._words.setVerticalSpacing(18)
        self._words.setHorizontalSpacing(10)
        self._words.setContentsMargins(16, 18, 16, 18)
        holder = QFrame()
        holder.setObjectName("welcome.words")
        holder.setProperty("class", "Raised")
        holder.setLayout(self._words)
        self._holder = holder
        self._simulated = Pill(_("SIMULATED"), "simulated", "triangle-alert", name="welcome.sim")
        self._officers = label("", "Second", wrap=True, name="welcome.officers")
        self._hex = label("", "Mono", wrap=True, name="welcome.fingerprint", selectable=True)
        self._hex.hide()
        self._more = button(
            _("Show in hex"), name="welcome.hex", kind="link", clicked=self._show_hex
        )
        self._copy = button(
            _("Copy"),
            name="welcome.copy",
            kind="link",
            clicked=lambda: copy(presenter.view().fingerprint),
        )
        self._tick = QCheckBox()
        self._tick.setObjectName("welcome.compared")
        self._tick.toggled.connect(presenter.compare)
        self.setFocusProxy(self._tick)
        self._told = label("", "Second", wrap=True, name="welcome.told")
        self._shown: tuple[str, ...] = ()
        self.setLayout(
            column(
                row(label(_("Is this your authority?"), "H1"), self._simulated, None),
                self._told,
                4,
                holder,
                row(self._more, self._copy, None),
                self._hex,
                self._officers,
                8,
                self._tick,
                None,
            )
        )

    def show_view(self, view: WelcomeView) -> None:
        self._show_words(view.words)
        self._simulated.setVisible(view.simulated)
        self._hex.setText(view.grouped)
        names = ", ".join(view.officers)
        self._officers.setText(_("Officers in its roster: {names}").format(names=names))
        station = view.draft.station
        self._told.setText(_typed_text() if station else _compare_text())
        self._tick.setText(_yours_text() if station else _same_text())
        self._tick.setAccessibleName(self._tick.text())
        self._tick.blockSignals(True)
        self._tick.setChecked(view.draft.compared)
        self._tick.blockSignals(False)

    def _show_words(self, words: tuple[str, ...]) -> None:
        if words == self._shown:
            return
        self._shown = words
        clear(self._words)
        self._holder.setAccessibleName(" ".join(words))
        for place, word in enumerate(words):
            number = label(f"{place + 1}", "Muted", "Small")
            number.setFixedWidth(20)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            cell = row(number, label(word, "H2"), None, spacing=6)
            self._words.addLayout(cell, place // _WORDS_A_ROW, place % _WORDS_A_ROW)

    def _show_hex(self) -> None:
        shown = self._hex.isHidden()
        self._hex.setVisible(shown)
        self._more.setText(_("Hide the hex") if shown else _("Show in hex"))


def _compare_text() -> str:
    return _(
        "Call another officer. Let them read the sixteen words of their authority, in this order. "
        "A wrong server can show anything but these."
    )


def _typed_text() -> str:
    return _(
        "The bundle is of the authority whose fingerprint you typed: these are its words. Are "
        "these its officers?"
    )


def _same_text() -> str:
    return _("Another officer read these words to me, and they are the same.")


def _yours_text() -> str:
    return _("This is the authority that I sign for.")


class ReadyForm(QWidget):
    """What the others need, and whether one can sign in already."""

    def __init__(self, presenter: WelcomePresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._standing = label("", wrap=True, name="welcome.standing")
        self._request = RequestForm(presenter, copy)
        self._entry = label("", "Mono", wrap=True, name="welcome.entry", selectable=True)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(frame(column(self._entry, None, margins=(12, 12, 12, 12))))
        copied = button(
            _("Copy"),
            name="welcome.entry.copy",
            icon_name="copy",
            clicked=lambda: copy(presenter.view().entry),
        )
        saved = button(
            _("Save…"),
            name="welcome.entry.save",
            icon_name="download",
            clicked=presenter.save_entry,
        )
        self._whole = QWidget()
        self._whole.setLayout(
            column(
                label(_("Your entry for the roster, unsigned"), "Over"),
                scroll,
                row(copied, saved, None),
            )
        )
        self.setLayout(
            column(
                label(_("You are set up"), "H1"),
                self._standing,
                self._request,
                8,
                self._whole,
            )
        )

    def show_view(self, view: WelcomeView) -> None:
        self._standing.setText(view.standing)
        self._request.show_view(view)
        self._entry.setText(view.entry)
        self._whole.setVisible(not view.codes)


def _line(name: str, title: str, text: str = "") -> QLineEdit:
    made = QLineEdit(text)
    made.setObjectName(name)
    made.setAccessibleName(title)
    return made


def _named(field: QLineEdit) -> tuple[Item, ...]:
    title = label(field.accessibleName(), "Small", "Second")
    title.setBuddy(field)
    return (title, field, 4)


def _fill(field: QLineEdit, text: str) -> None:
    """Only what differs: the cursor stays where the officer types."""
    if field.text().strip().rstrip("/") != text.strip().rstrip("/"):
        field.setText(text)


def _mark(field: QLineEdit, wrong: bool) -> None:
    state = "error" if wrong else ""
    if field.property("state") != state:
        field.setProperty("state", state)
        restyle(field)

"""The sheet in which one person signs a step: alone on the screen, one thing after the other."""

import json
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QWidget,
)

from keyturn.ceremony.script import EnteredKind
from keyturn.ceremony.sharewords import EntryState
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    button,
    clear,
    column,
    frame,
    label,
    line,
    over,
    restyle,
    row,
)
from keyturn_app.screens.ceremonies.key_view import KeyForm
from keyturn_app.screens.ceremonies.share_view import ShareEntry, ShareWords
from keyturn_app.screens.ceremonies.sheeting_view import SheetForm, SheetsLeft
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.signingview import (
    FieldView,
    Page,
    SignView,
    StatementLine,
)

WIDTH = 760


class SignSheet(QFrame):
    """Esc masks a share that is shown, else turns the sheet down."""

    def __init__(self, presenter: SignPresenter) -> None:
        super().__init__()
        self.setObjectName("sign")
        self.setProperty("class", "Page")
        self._presenter = presenter
        self._page: tuple[Page, str] | None = None
        self._title = label("", "H1", name="sign.title", wrap=True)
        self._step = label("", "Second", wrap=True)
        self._place = label("", "Small", "Muted", name="sign.place")
        self._says = label("", "Second", wrap=True, name="sign.says")
        self._error = Banner(name="sign.error")
        self._left = SheetsLeft(presenter.sheets.delete)
        self._stack = QStackedWidget()
        self._key = KeyForm(presenter, "sign.key", self._forward)
        self._alone = AlonePage()
        self._compare = ComparePage()
        self._share = SharePage(presenter)
        self._entry = EntryPage(presenter, self._refresh)
        self._form = FormPage(presenter)
        self._pages: dict[Page, QWidget] = {
            Page.KEY: frame(column(self._key, None)),
            Page.COMPARE: self._compare,
            Page.ALONE: self._alone,
            Page.SHOW: self._share,
            Page.ENTER: self._entry,
            Page.FORM: self._form,
        }
        for each in self._pages.values():
            self._stack.addWidget(each)
        self._build()
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.title)
        self._step.setText(view.step)
        self._place.setText(view.place)
        self._says.setText(view.says)
        self._error.say(view.error, tone="danger")
        if view.key is not None:
            self._key.show_key(view.key, busy=bool(view.busy))
        self._compare.show_words(view.host_words)
        self._share.show_view(view)
        if self._left.show_sheets(view.sheet):
            self._scroll.verticalScrollBar().setValue(0)  # it stands above all else
        self._entry.show_view(view)
        self._form.show_view(view)
        self._stack.setCurrentWidget(self._pages[view.page])
        self._show_foot(view)
        if (view.page, view.place) != self._page:
            self._page = (view.page, view.place)
            self._key.forget()
            self._focus(view)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._focus(self._presenter.view())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._presenter.cancel()
            return
        super().keyPressEvent(event)

    # ---- inside ----

    def _build(self) -> None:
        head = row(IconLabel("signature", "accent", 22), self._title, None, self._place, spacing=12)
        body = QWidget()
        body.setLayout(
            column(
                self._says,
                self._error,
                self._left,
                4,
                self._stack,
                spacing=10,
                margins=(28, 8, 28, 12),
            )
        )
        self._scroll = Scroller(body, name="sign.scroll", title=_("This page"))
        self._cancel = button(_("Cancel"), name="sign.cancel", clicked=self._presenter.cancel)
        self._why = label("", "Small", "Second", wrap=True, name="sign.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._next = button("", name="sign.next", kind="primary", clicked=self._forward)
        foot = row(self._cancel, self._why, self._next, spacing=12, margins=(28, 12, 28, 14))
        foot.setStretch(1, 1)
        whole = column(
            frame(column(head, self._step, spacing=4, margins=(28, 22, 28, 4))),
            self._scroll,
            line(),
            foot,
            spacing=0,
        )
        whole.setStretch(1, 1)
        panel = frame(whole, "Sheet", name="sign.panel")
        panel.setMaximumWidth(WIDTH)
        panel.setMinimumWidth(520)
        panel.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        panel.setMaximumHeight(720)
        middle = row(None, panel, None, spacing=0)
        middle.setStretch(1, 1000)
        outer = column(None, middle, None, spacing=0, margins=(24, 20, 24, 20))
        outer.setStretch(1, 1000)
        self.setLayout(outer)

    def _focus(self, view: SignView) -> None:
        targets: dict[Page, QWidget] = {
            Page.KEY: self._key.first,
            Page.COMPARE: self._cancel,
            Page.ALONE: self._cancel,
            Page.SHOW: self._share.first,
            Page.ENTER: self._entry.first,
            Page.FORM: self._form.first or self._next,
        }
        targets[view.page].setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_foot(self, view: SignView) -> None:
        why = view.why_not or self._entry_problem(view)
        self._next.setText(view.next_text)
        self._next.setAccessibleName(view.next_text)
        self._next.setEnabled(not why)
        self._why.setText(why)

    def _entry_problem(self, view: SignView) -> str:
        if view.page is not Page.ENTER or self._entry.right:
            return ""
        return _("Enter all the words first.")

    def _refresh(self) -> None:
        self._show_foot(self._presenter.view())

    def _forward(self) -> None:
        view = self._presenter.view()
        if view.why_not or self._entry_problem(view):
            return
        if view.page is Page.KEY:
            self._presenter.unlock(self._key.taken())
        elif view.page is Page.ENTER:
            self._presenter.hand_in(self._entry.taken())
        else:
            self._presenter.forward()


class ComparePage(QFrame):
    """A host's words, four in a row, as its own terminal shows them."""

    def __init__(self) -> None:
        super().__init__()
        self._words = label("", "Mono", wrap=True, name="sign.hostwords")
        self._words.setAccessibleName(_("The words of the host's key"))
        self.setLayout(column(self._words, None))

    def show_words(self, words: tuple[str, ...]) -> None:
        rows = (words[at : at + 4] for at in range(0, len(words), 4))
        self._words.setText("\n".join("   ".join(each) for each in rows))


class AlonePage(QFrame):
    """Asked before a share is shown or entered."""

    def __init__(self) -> None:
        super().__init__()
        points = (
            ("users", _("Everybody else has left, or looks away.")),
            ("eye-off", _("No camera, no window, no mirror shows this screen.")),
            ("monitor", _("This screen is not shared, recorded or projected.")),
            ("clipboard", _("Your sheet and a pen are ready. Nothing is copied or photographed.")),
        )
        rows = column(spacing=14)
        for icon, text in points:
            inside = row(IconLabel(icon, "text2", 18), label(text, wrap=True), spacing=12)
            inside.setStretch(1, 1)
            rows.addLayout(inside)
        rows.addStretch(1)
        self.setLayout(rows)


class SharePage(QFrame):
    """The words of one share, masked until they are asked for."""

    def __init__(self, presenter: SignPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._title = label("", "H2", name="share.title")
        self._left = label("", "Small", "Second", name="share.left")
        self._words = ShareWords()
        self._words.masked.connect(presenter.mask)
        self._show = button(
            _("Show the words"), name="share.show", icon_name="eye", clicked=self._reveal
        )
        self._hide = button(
            _("Mask them"), name="share.hide", icon_name="eye-off", clicked=presenter.mask
        )
        self._check = label("", "Small", "Second", name="share.check", selectable=True)
        self._sheet = SheetForm(presenter.sheets)
        self._print = button(
            _("Print a sheet…"),
            name="share.sheet",
            icon_name="printer",
            clicked=presenter.sheets.toggle,
        )
        box = frame(column(self._words, margins=(12, 10, 12, 10)), "Raised")
        self.setLayout(
            column(
                row(self._title, None, self._left),
                box,
                row(self._show, self._hide, self._print, None, self._check),
                self._sheet,
                None,
                spacing=10,
            )
        )

    @property
    def first(self) -> QWidget:
        return self._show

    def show_view(self, view: SignView) -> None:
        share = view.share
        if share is None:
            return
        self._title.setText(share.title)
        self._left.setText(
            _("masked again in {count} s").format(count=share.seconds) if share.shown else ""
        )
        self._check.setText(
            _("Check value {check}: may be read aloud").format(check=share.check)
            if share.check
            else ""
        )
        self._words.show_share(share)
        self._show.setVisible(not share.shown)
        self._show.setEnabled(not view.busy)
        self._hide.setVisible(share.shown)
        self._print.setVisible(view.sheet is not None and view.sheet.offered)
        self._sheet.show_sheet(view.sheet)

    def _reveal(self) -> None:
        self._words.setFocus(Qt.FocusReason.OtherFocusReason)
        self._presenter.reveal()


class EntryPage(QFrame):
    """A share typed from its sheet."""

    def __init__(self, presenter: SignPresenter, changed: Callable[[], None]) -> None:
        super().__init__()
        self._presenter = presenter
        self._changed = changed
        self._title = label("", "H2", name="share.entry.title")
        self._entry = ShareEntry(presenter.feedback, self._typed)
        self.right = False
        self._count = 0
        self.setLayout(column(self._title, self._entry, None, spacing=10))

    @property
    def first(self) -> QWidget:
        return self._entry.first

    def show_view(self, view: SignView) -> None:
        if view.entry is None:
            self._count = 0
            return
        self._title.setText(view.entry.title)
        if view.entry.count != self._count:
            self._count = view.entry.count
            self._entry.show_entry(view.entry.count)

    def taken(self) -> list[str]:
        self.right = False
        return self._entry.taken()

    def _typed(self) -> None:
        if not self._count:
            return
        found = self._presenter.feedback(self._entry.typed())
        self.right = found.state is EntryState.RIGHT
        self._changed()


class FormPage(QFrame):
    """What is entered and what is signed."""

    def __init__(self, presenter: SignPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._names: tuple[str, ...] = ()
        self._rows = column(spacing=12)
        self._fields: dict[str, QWidget] = {}
        self._problems: dict[str, QLabel] = {}
        self._statements: tuple[StatementLine, ...] = ()
        self._statement_rows = column(spacing=8)
        self._signs = KeyValues(width=72, name="sign.signs")
        self.setLayout(
            column(
                self._rows,
                self._statement_rows,
                over(_("Your signature is over")),
                self._signs,
                None,
                spacing=12,
            )
        )

    @property
    def first(self) -> QWidget | None:
        return next(iter(self._fields.values()), None)

    def show_view(self, view: SignView) -> None:
        names = tuple(each.name for each in view.fields)
        if view.page is Page.FORM and names != self._names:
            self._names = names
            clear(self._rows)
            self._fields, self._problems = {}, {}
            for each in view.fields:
                self._add(each)
        for each in view.fields:
            self._show_field(each)
        if view.statements != self._statements:
            self._statements = view.statements
            clear(self._statement_rows)
            for statement in view.statements:
                self._statement_rows.addWidget(StatementCard(statement))
        self._signs.show_rows(view.signs)

    def _add(self, shown: FieldView) -> None:
        name = f"sign.field.{shown.name}"
        presenter, key = self._presenter, shown.name
        problem = label("", "Small", "Danger", wrap=True, name=f"{name}.problem")
        if shown.kind is EnteredKind.CONFIRM:
            box = QCheckBox(shown.label)
            box.toggled.connect(lambda on: presenter.enter(key, "yes" if on else ""))
            made: QWidget = box
            self._rows.addWidget(box)
        else:
            field = QLineEdit(shown.value)
            field.textEdited.connect(lambda text: presenter.enter(key, text))
            made = field
            title = (
                shown.label
                if shown.required
                else _("{label} (may stay empty)").format(label=shown.label)
            )
            self._rows.addLayout(
                column(label(title, "Small", "Strong", wrap=True), field, problem, spacing=5)
            )
        made.setObjectName(name)
        made.setAccessibleName(shown.label)
        self._fields[shown.name], self._problems[shown.name] = made, problem

    def _show_field(self, shown: FieldView) -> None:
        field, problem = self._fields[shown.name], self._problems[shown.name]
        if isinstance(field, QLineEdit):
            heard = shown.kind is EnteredKind.PHRASE and shown.good
            state = "error" if shown.problem else "good" if heard else ""
            if field.property("state") != state:
                field.setProperty("state", state)
                restyle(field)
        problem.setVisible(bool(shown.problem))
        problem.setText(shown.problem)


class StatementCard(QFrame):
    """A statement in its exact bytes, before it is signed."""

    def __init__(self, statement: StatementLine) -> None:
        super().__init__()
        text = QPlainTextEdit(_readable(statement.text))
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setProperty("class", "Mono")
        text.setObjectName("sign.statement.text")
        text.setAccessibleName(statement.title)
        text.setFixedHeight(120)
        whole = wording.grouped(statement.digest)
        digest = label(whole, "Mono", "Small", "Second", wrap=True, selectable=True)
        digest.setAccessibleName(statement.digest)
        self.setProperty("class", "Raised")
        self.setLayout(
            column(
                label(statement.title, "Strong"),
                digest,
                text,
                spacing=6,
                margins=(12, 10, 12, 10),
            )
        )


def _readable(text: str) -> str:
    """The same values, a line each: people read it, and the digest is of the exact bytes."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text

"""The sheet for a note, an exception, an abort or a resumption; and for sealing a keyholder."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QPlainTextEdit, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import Banner, button, column, frame, label, line, restyle, row
from keyturn_app.screens.ceremonies.key_view import KeyForm
from keyturn_app.screens.ceremonies.saying import Speaking

WIDTH = 640


class SaySheet(QFrame):
    """Esc turns it down."""

    def __init__(self, presenter: Speaking) -> None:
        super().__init__()
        self.setObjectName("say")
        self.setProperty("class", "Page")
        self._presenter = presenter
        view = presenter.view()
        self._icon = IconLabel(
            "triangle-alert" if view.danger else "message-square",
            "danger" if view.danger else "accent",
            22,
        )
        self._title = label("", "H1", name="say.title")
        self._says = label("", "Second", wrap=True)
        self._left = Banner(name="say.left")
        self._error = Banner(name="say.error")
        self._speaker = QComboBox()
        self._speaker.setObjectName("say.speaker")
        self._speaker.setAccessibleName(view.speaker_title)
        for officer, text in view.speakers:
            self._speaker.addItem(text, officer)
        self._speaker.activated.connect(
            lambda _at: presenter.choose_speaker(str(self._speaker.currentData()))
        )
        self._text_title = label("", "Small", "Strong")
        self._text = QPlainTextEdit()
        self._text.setObjectName("say.text")
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(96)
        self._text.textChanged.connect(lambda: presenter.write(self._text.toPlainText()))
        self._key = KeyForm(presenter, "say.key", self._say)
        self._build()
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._title.setText(view.title)
        self._says.setText(view.says)
        self._left.say(view.left, tone="danger" if view.danger else "warn")
        self._error.say(view.error, tone="danger")
        self._speaker.setCurrentIndex(self._speaker.findData(view.speaker))
        self._text_title.setText(view.text_title)
        self._text.setAccessibleName(view.text_title)
        self._key.show_key(view.key, busy=bool(view.busy))
        self._do.setText(view.do)
        self._do.setAccessibleName(view.do)
        self._do.setEnabled(not view.why_not)
        self._why.setText(view.why_not)
        kind = "danger" if view.danger else "primary"
        if self._do.property("kind") != kind:
            self._do.setProperty("kind", kind)
            restyle(self._do)

    def escape(self) -> None:
        self._presenter.cancel()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._text.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._presenter.cancel()
            return
        super().keyPressEvent(event)

    # ---- inside ----

    def _build(self) -> None:
        head = row(self._icon, self._title, None, spacing=12)
        body = QWidget()
        body.setLayout(
            column(
                self._says,
                self._left,
                self._error,
                4,
                label(self._presenter.view().speaker_title, "Small", "Strong"),
                self._speaker,
                self._text_title,
                self._text,
                4,
                self._key,
                None,
                spacing=8,
                margins=(28, 6, 28, 12),
            )
        )
        self._cancel = button(_("Cancel"), name="say.cancel", clicked=self._presenter.cancel)
        self._why = label("", "Small", "Second", wrap=True, name="say.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._do = button("", name="say.do", kind="primary", clicked=self._say)
        foot = row(self._cancel, self._why, self._do, spacing=12, margins=(28, 12, 28, 14))
        foot.setStretch(1, 1)
        whole = column(
            frame(row(head, margins=(28, 22, 28, 4))),
            Scroller(body, name="say.scroll", title=_("This word")),
            line(),
            foot,
            spacing=0,
        )
        whole.setStretch(1, 1)
        panel = frame(whole, "Sheet", name="say.panel")
        panel.setMaximumWidth(WIDTH)
        panel.setMinimumWidth(480)
        panel.setMaximumHeight(640)
        middle = row(None, panel, None, spacing=0)
        middle.setStretch(1, 1000)
        outer = column(None, middle, None, spacing=0, margins=(24, 20, 24, 20))
        outer.setStretch(1, 1000)
        self.setLayout(outer)

    def _say(self) -> None:
        if not self._presenter.view().why_not:
            self._presenter.say(self._key.taken())

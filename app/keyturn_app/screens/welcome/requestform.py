"""Asking to be taken in: which roles, and three ways for the signed request to the officers."""

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QSizePolicy

from keyturn.quorum.kinds import Role
from keyturn_app.i18n import _
from keyturn_app.qtkit.partcode import PartCode
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.screens.welcome.viewmodel import WelcomeView, role_words


class RequestForm(QFrame):
    """To the server, as a file, or as QR codes one after the other; always the same request."""

    def __init__(self, presenter: WelcomePresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("welcome.ask")
        self.setProperty("class", "Raised")
        self._texts: tuple[str, ...] = ()
        self._at = 0
        self._roles: dict[Role, QCheckBox] = {}
        roles = QGridLayout()
        for place, (role, word) in enumerate(role_words().items()):
            tick = QCheckBox(word)
            tick.setObjectName(f"welcome.role.{role.value}")
            tick.setAccessibleName(word)
            tick.toggled.connect(partial(presenter.ask_role, role))
            self._roles[role] = tick
            roles.addWidget(tick, place // 3, place % 3)
        self._asked = label("", wrap=True, name="welcome.asked", selectable=True)
        self._send = button(
            _("Send to the server…"),
            name="welcome.ask.send",
            icon_name="send",
            clicked=presenter.send_request,
        )
        self._copy = button(
            _("Copy"),
            name="welcome.asked.copy",
            icon_name="copy",
            clicked=lambda: copy(presenter.view().asked),
        )
        self._save = button(
            _("Save as a file…"),
            name="welcome.request.save",
            icon_name="download",
            clicked=presenter.save_request,
        )
        self._show = button(
            _("Show as QR codes"),
            name="welcome.request.qr",
            icon_name="qr-code",
            clicked=presenter.show_codes,
        )
        self._next = button(
            _("Next picture"),
            name="welcome.request.next",
            icon_name="chevron-right",
            clicked=self._step,
        )
        self._code = PartCode(name="welcome.request.code")
        self._why = label("", "Muted", "Small", wrap=True, name="welcome.ask.why")
        ways = row(self._send, self._copy, self._save, self._show, None, self._next)
        title = label(_("Roles that you ask for"), "Over")
        inside = column(title, roles, self._asked, self._why, ways, self._code)
        inside.setStretch(5, 1)
        inside.setContentsMargins(12, 12, 12, 12)
        self.setLayout(inside)

    def show_view(self, view: WelcomeView) -> None:
        self.setVisible(view.request)
        for role, tick in self._roles.items():
            tick.blockSignals(True)
            tick.setChecked(role in view.draft.roles)
            tick.blockSignals(False)
            tick.setEnabled(not view.asked and not view.busy)
        self._asked.setText(view.asked)
        self._asked.setVisible(bool(view.asked) and not view.codes)  # codes want the room
        self._copy.setVisible(bool(view.asked))
        self._send.setVisible(view.asks and not view.asked)
        self._send.setEnabled(not view.ask_why_not)
        self._send.setToolTip(plain(view.ask_why_not))
        for each in (self._save, self._show):
            each.setEnabled(not view.request_why_not)
            each.setToolTip(plain(view.request_why_not))
        self._why.setText(view.request_why_not)
        self._why.setVisible(bool(view.request_why_not))
        self._show_codes(view.codes)

    def _show_codes(self, texts: tuple[str, ...]) -> None:
        if texts != self._texts:
            self._texts, self._at = texts, 0
        self._code.setVisible(bool(texts))
        room = QSizePolicy.Policy.Expanding if texts else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Preferred, room)
        self._next.setVisible(len(texts) > 1)
        self._show.setText(_("Hide the codes") if texts else _("Show as QR codes"))
        self._show.setAccessibleName(self._show.text())
        self._draw()

    def _step(self) -> None:
        self._at = (self._at + 1) % len(self._texts)
        self._draw()

    def _draw(self) -> None:
        if not self._texts:
            return
        place = _("Picture {index} of {count}").format(index=self._at + 1, count=len(self._texts))
        self._next.setText(place)
        self._next.setAccessibleName(_("{place}; show the next one").format(place=place))
        self._code.show_text(self._texts[self._at], place)

"""Everything around the pages, put together: band, rail, header, banner, host."""

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.pages import Page, PageSpec
from keyturn_app.qtkit.widgets import Banner, button, column, label, row
from keyturn_app.shell.host import PageHost
from keyturn_app.shell.rail import Rail
from keyturn_app.shell.topbar import TopBar
from keyturn_app.shell.viewmodel import BannerView, ShellView

_NARROW_BELOW = 1180


class Frame(QWidget):
    """Shows a `ShellView`; the window connects what is asked for."""

    def __init__(
        self,
        pages: Sequence[PageSpec],
        foot: Sequence[PageSpec],
        *,
        go: Callable[[str], None],
        lock: Callable[[], None],
        built: Callable[[Page], None],
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._band = Band("band", "simulated")
        self._mark = Band("band.rehearsal", "rehearsal")
        self.rail = Rail(pages, foot, go=go, lock=lock)
        self.topbar = TopBar()
        self.alarm = AlarmBanner()
        self.host = PageHost(built)
        right = column(self.topbar, self.alarm, self.host, spacing=0)
        right.setStretchFactor(self.host, 1)
        body = row(self.rail, spacing=0)
        body.addLayout(right, 1)
        whole = column(self._band, self._mark, spacing=0)
        whole.addLayout(body, 1)
        self.setLayout(whole)

    def show_view(self, view: ShellView) -> None:
        self._band.say(view.band)
        self.rail.show_environment(view.environment)
        self.topbar.show_view(view)
        self.alarm.show_banner(view.banner)
        self.host.set_dimmed(view.dimmed)
        self.host.set_denied(view.denied)

    def mark(self, text: str) -> None:
        """In a colour of its own, whatever page is in front; an empty text takes it away."""
        self._mark.say(text)

    def show_badges(self, counts: Mapping[str, int]) -> None:
        self.rail.show_badges(counts)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.rail.set_narrow(self.width() < _NARROW_BELOW)
        self.topbar.fit(self.width())


class Band(QFrame):
    """Across the top, in a colour of its own (I9)."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("class", "Band")
        self.setProperty("tone", token)
        self._text = label("", name=f"{name}.text")
        icon = IconLabel("triangle-alert", token, 14)
        self.setLayout(row(None, icon, self._text, None, margins=(12, 0, 12, 0)))
        self.setFixedHeight(26)
        self.hide()

    def say(self, text: str) -> None:
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))


class AlarmBanner(QWidget):
    """What the server was caught at, or how old everything is; and what to do about it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("alarm")
        self._banner = Banner(name="alarm.banner")
        self.proof = button(
            _("Show proof files"), name="alarm.proof", kind="danger", icon_name="file-warning"
        )
        self.other_key = button(
            _("Another key…"), name="alarm.other_key", kind="danger", icon_name="key-round"
        )
        self.again = button(_("Check again"), name="alarm.again", icon_name="refresh-cw")
        inside = self._banner.layout()
        if inside is not None:
            inside.addWidget(self.proof)
            inside.addWidget(self.other_key)
            inside.addWidget(self.again)
        self.setLayout(column(self._banner, margins=(20, 12, 20, 4)))
        self.hide()

    def show_banner(self, view: BannerView | None) -> None:
        self.setVisible(view is not None)
        if view is None:
            self._banner.say("")
            return
        self._banner.say(view.text, tone=view.tone.value)
        self.proof.setVisible(view.proof)
        self.other_key.setVisible(view.other_key)

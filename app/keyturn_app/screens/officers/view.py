"""The officers page: roster and expiries on the left, fingerprint and rules on the right."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import Banner, EmptyState, column, row
from keyturn_app.screens.officers.authorityview import AuthorityView
from keyturn_app.screens.officers.presenter import OfficersPresenter
from keyturn_app.screens.officers.rosterview import RosterView
from keyturn_app.screens.officers.rulingview import RulePage
from keyturn_app.screens.officers.viewmodel import OfficersView, Phase
from keyturn_app.surroundings import Surroundings

NARROW, BROAD, WIDE = 300, 348, 1000
TICK_MS = 30_000


class OfficersPage(Page):
    """Ticks twice a minute while it is seen: what is left until something expires."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("page.officers")
        self.setProperty("class", "Page")
        self._presenter = OfficersPresenter(
            Surroundings(
                context.desk,
                context.door,
                context.asker,
                context.actions,
                context.copy,
                context.go,
            )
        )
        self._banner = Banner(name="officers.banner")
        self._left = RosterView(self._presenter)
        self._right = AuthorityView(self._presenter)
        inside = QWidget()
        both = row(self._left, self._right, spacing=12, margins=(20, 0, 20, 16))
        both.setStretch(0, 1)
        inside.setLayout(both)
        self._scroll = Scroller(inside, name="officers.scroll", title=_("The roster"))
        self._instead = EmptyState("users", "", "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(self._instead)
        self._rules = RulePage(self._presenter.rules)
        self._stack.addWidget(self._rules)
        top = column(self._banner, margins=(20, 0, 20, 0))
        whole = column(top, self._stack, spacing=12, margins=(0, 16, 0, 0))
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self._shown: OfficersView | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._presenter.tick)
        self._presenter.listeners.add(self._show)
        self._presenter.rules.listeners.add(self._show_rules)
        self._show()

    def open(self, target: str) -> None:
        if target:
            self._presenter.open(target)

    def shown(self) -> None:
        if self._stack.currentWidget() is self._scroll:
            self._left.focus_first()

    def close_page(self) -> None:
        self._clock.stop()
        self._presenter.close()

    # ---- Qt's own names ----

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._clock.start()
        self._presenter.requests.load()
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        self._clock.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._right.setFixedWidth(BROAD if self.width() >= WIDE else NARROW)

    # ---- inside ----

    def _show_rules(self) -> None:
        """A change that is put together stands in front of the roster."""
        view = self._presenter.rules.view()
        if view is not None:
            self._rules.show_view(view)
        before, page = self._stack.currentWidget(), self._page(view is not None)
        self._stack.setCurrentWidget(page)
        if page is self._rules and before is not page:
            self._rules.focus_first()

    def _page(self, changing: bool) -> QWidget:
        if self._shown is None or self._shown.phase is not Phase.READY:
            return self._instead
        return self._rules if changing else self._scroll

    def _show(self) -> None:
        view = self._presenter.view()
        if view == self._shown:
            return
        self._shown = view
        self._banner.say(view.banner, tone=view.tone)
        ready = view.phase is Phase.READY
        self._stack.setCurrentWidget(self._page(self._presenter.rules.view() is not None))
        self._instead.say(view.title, view.text)
        if ready:
            self._left.show_view(view)
            self._right.show_view(view)


def build(context: PageContext) -> Page:
    return OfficersPage(context)

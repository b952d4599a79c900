"""The window: one session's frame and pages, and what lies over them. It decides nothing."""

from dataclasses import replace

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QStackedWidget, QTableView, QToolTip

from keyturn.base.errors import KeyturnError
from keyturn_app.actions import Action, Actions
from keyturn_app.i18n import _
from keyturn_app.news import News
from keyturn_app.qtkit.clipboard import Clipboard
from keyturn_app.qtkit.pages import Page, PageContext, PageSpec
from keyturn_app.qtkit.tokens import ROW, ROW_COMPACT, Mode
from keyturn_app.questions import failure
from keyturn_app.settings import Appearance, Density, Settings
from keyturn_app.shell.appearance import follow, mode_of
from keyturn_app.shell.asking import Asking
from keyturn_app.shell.frame import Frame
from keyturn_app.shell.idling import Idling
from keyturn_app.shell.locking import DesktopWatch, IdleWatch
from keyturn_app.shell.over import Over
from keyturn_app.shell.pages import AT_A_STATION, FOOT, PAGES, at_station, available
from keyturn_app.shell.presenter import ShellPresenter
from keyturn_app.shell.session import Session
from keyturn_app.shell.shortcuts import Shortcuts
from keyturn_app.shell.standing import standing_actions
from keyturn_app.shell.tray import Tray
from keyturn_app.shell.unlock import UnlockPresenter
from keyturn_app.shell.unlock_view import UnlockPage
from keyturn_app.tasks import Door

TITLE = "Keyturn"
_SOON_MILLISECONDS = 60
_ALWAYS = {"session.lock", "window.quit"}
"""What can be done whatever is open."""


class MainWindow(QMainWindow):
    """`closed` is emitted once, when everything of it has ended."""

    closed = Signal()

    def __init__(
        self,
        session: Session,
        settings: Settings,
        door: Door,
        *,
        idling: Idling | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.resize(1440, 900)
        self.setMinimumSize(900, 680)
        self._session, self.settings, self._door = session, settings, door
        self._desk = session.desk
        self._page = ""
        self.actions_ = Actions()
        self.clipboard = Clipboard(self)
        self._pages = available(PAGES)
        self._foot = available(FOOT)
        self.frame = Frame(
            self._pages, self._foot, go=self.go, lock=self.lock, built=self._page_built
        )
        self.asking = Asking(self.frame, self.copy)
        self._over = Over(self.frame)
        self._unlock = UnlockPresenter(session)
        self._unlock_page = UnlockPage(self._unlock)
        self._whole = QStackedWidget()
        self._whole.addWidget(self.frame)
        self._whole.addWidget(self._unlock_page)
        self.setCentralWidget(self._whole)
        self._locked = False
        self._news, self._presenter = self._presenters()
        self._menu: QMenu | None = None
        self._told = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MILLISECONDS)
        self._soon.timeout.connect(self.show_view)
        self.watch = IdleWatch(idling or Idling(60.0), self)
        self._desktop = DesktopWatch(self)
        self._tray = Tray(self, show=self.to_front, lock=self.lock, leave=self._quit)
        self._connect()
        self._restore()

    # ---- pages ----

    @property
    def page(self) -> str:
        """The id of the page in front."""
        return self._page

    @property
    def locked(self) -> bool:
        return self._locked

    def go(self, page: str, target: str = "") -> None:
        """Open a page, at `target`. A page that does not exist says so."""
        if self._locked:
            return
        spec = self._spec(page)
        if spec is None and not page:
            return  # no page is installed
        if spec is None:
            self.asking.toast(_("This installation has no such page."))
            return
        self._over.close()
        if self._at_station:
            spec = at_station(spec)
        shown = self.frame.host.show_page(spec, self._context())
        self._page = page
        self.frame.rail.show_page(page)
        self.frame.topbar.show_title(spec.title())
        self.setWindowTitle(f"{spec.title()} · {self._desk.identity.label} · {TITLE}")
        self.settings.preferences.set("window.page", page)
        shown.open(target)
        shown.shown()

    @property
    def _at_station(self) -> bool:
        return self._desk.identity.profile.offline

    def _spec(self, page: str) -> PageSpec | None:
        return next((each for each in (*self._pages, *self._foot) if each.id == page), None)

    def _context(self) -> PageContext:
        return PageContext(
            self._desk,
            self._door,
            self.asking,
            self.actions_,
            self.copy,
            self.go,
            self.settings,
            self._news,
            self.frame.mark,
        )

    def copy(self, text: str) -> None:
        self.clipboard.copy(text)
        seconds = self.clipboard.seconds
        self.asking.toast(_("Copied. Cleared again in {count} s.").format(count=seconds))

    # ---- locking ----

    def lock(self) -> None:
        """Drop every secret, close whatever is open, and show nothing but the way back in."""
        try:
            self._session.lock()
        finally:
            self._show_locked()

    def _show_locked(self) -> None:
        self._locked = True
        self._close_popups()
        self.asking.shut(True)
        self.clipboard.clear()
        self.watch.stop()
        self._whole.setCurrentWidget(self._unlock_page)
        self.setWindowTitle(TITLE)
        self._unlock_page.enter()

    def _unlocked(self) -> None:
        self._locked = False
        self.asking.shut(False)
        self.watch.start()
        self._whole.setCurrentWidget(self.frame)
        self.show_view()
        away = self._at_station and self._page not in AT_A_STATION
        self.go(self._first_page() if away or not self._page else self._page)

    def _look_at_lock(self) -> None:
        """The desk says whether it is locked; the window follows."""
        locked = self._desk.identity.locked
        if locked and not self._locked:
            self._show_locked()
        elif not locked and self._locked:
            self._unlocked()

    def _close_popups(self) -> None:
        self._over.close()
        QToolTip.hideText()
        QToolTip.hideText()
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()

    # ---- what is shown ----

    def show_view(self) -> None:
        """Everything around the page, as of now."""
        self._look_at_lock()
        self.frame.show_view(self._presenter.view())
        alarming = self._news.alarming
        if alarming > self._told and not self.isActiveWindow():
            self._tray.tell()
        self._told = alarming

    def _show_badges(self) -> None:
        """Counting thousands of nodes: once a second, and not with each of their events."""
        counts = {each.id: each.badge(self._desk) for each in self._pages}
        counts["notifications"] = self._news.alarming
        self.frame.show_badges(counts)

    def _presenters(self) -> tuple[News, ShellPresenter]:
        news = News(self._desk, self.settings.preferences)
        presenter = ShellPresenter(
            self._desk, news, self.asking, self._session.seat.environment, self._repin
        )
        presenter.listeners.add(self._changed)
        there = [each.id for each in (*self._pages, *self._foot)]
        self.frame.rail.show_only(AT_A_STATION if self._at_station else there)
        return news, presenter

    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def tick(self) -> None:
        """Once a second: what ages, and what is costly to count."""
        self.frame.topbar.show_idle(self.watch.idling.text())
        self.show_view()
        self._show_badges()

    def _session_changed(self) -> None:
        if self._session.desk is not self._desk:
            self._leave_desk()
            self._desk = self._session.desk
            self._news, self._presenter = self._presenters()
            if self._desk.identity.locked:
                self._show_locked()
            else:
                self._locked = True  # whatever the seat before was
                self._look_at_lock()
        self.show_view()

    def _leave_desk(self) -> None:
        self._close_popups()
        self.asking.turn_down_all()
        self._presenter.close()
        self._news.close()
        self.frame.host.close_pages()

    # ---- what was asked for ----

    def _connect(self) -> None:
        frame, topbar = self.frame, self.frame.topbar
        topbar.search.connect(self.open_palette)
        topbar.news.connect(lambda: self.go("notifications"))
        topbar.authority.connect(self._open_authority)
        topbar.officer.connect(self._open_officers)
        frame.alarm.proof.clicked.connect(self._show_proof)
        frame.alarm.again.clicked.connect(self.check_again)
        frame.alarm.other_key.clicked.connect(self._ask_other_key)
        self.watch.over.connect(self.lock)
        self.watch.ticked.connect(self.tick)
        self._desktop.locked.connect(self.lock)
        self._leaving = [
            self._session.listeners.add(self._session_changed),
            self.settings.listeners.add(self._settled),
        ]
        self.actions_.add(*standing_actions(self, (*self._pages, *self._foot)))
        self._keys = Shortcuts(self, self.actions_, page=lambda: self._page, run=self._run_by_key)

    def run(self, action_id: str) -> str:
        """Run an action; gives the reason if it cannot be run, which is said as well."""
        reason = self.actions_.run(action_id)
        if reason:
            self.asking.toast(reason)
        return reason

    def _run_by_key(self, action: Action) -> None:
        """Over a question, or locked, only what always works."""
        free = not self._locked and not self.asking.busy
        if action.id in _ALWAYS or free:
            self.run(action.id)

    def _quit(self) -> None:
        self.close()

    def _show_proof(self) -> None:
        self._presenter.show_proof()

    def _ask_other_key(self) -> None:
        self._presenter.ask_other_key()

    def _repin(self, pin: str) -> None:
        try:
            self._session.repin(pin)
        except KeyturnError as error:
            self.asking.tell(failure(_("The new pin was not kept"), error))

    def check_again(self) -> None:
        self._presenter.check_again()

    def switch_appearance(self) -> None:
        dark = mode_of(self.settings.choices.appearance) is Mode.DARK
        wanted = Appearance.LIGHT if dark else Appearance.DARK
        self.settings.choose(replace(self.settings.choices, appearance=wanted))

    def open_palette(self) -> None:
        pages = frozenset(each.id for each in (*self._pages, *self._foot))
        self._over.palette(self.actions_, self._desk, self.run, self.go, lambda: self._page, pages)

    def open_shortcuts(self) -> None:
        spec = self._spec(self._page)
        self._over.shortcuts(self.actions_, self._page, spec.title() if spec else "")

    def _open_authority(self) -> None:
        fingerprint = self._desk.identity.profile.fingerprint
        self._over.authority(fingerprint, self.copy, self.frame.topbar.anchors.authority)

    def _open_officers(self) -> None:
        """The menu of seats, below the officer's name. Not waited for."""
        if self._menu is not None:
            self._menu.deleteLater()
        self._menu = menu = QMenu(self)
        menu.setObjectName("topbar.seats")
        for seat in self._session.seats:
            entry = menu.addAction(f"{seat.name} · {seat.server}")
            entry.setCheckable(True)
            entry.setChecked(seat.id == self._session.seat.id)
            entry.triggered.connect(lambda _on, to=seat.id: self._session.sit(to))
        menu.addSeparator()
        menu.addAction(_("Lock"), self.lock)
        anchor = self.frame.topbar.anchors.officer
        menu.popup(anchor.mapToGlobal(anchor.rect().bottomLeft()))

    # ---- settings and the window's own state ----

    def _page_built(self, page: Page) -> None:
        self._set_density(page)

    def _set_density(self, page: Page) -> None:
        compact = self.settings.choices.density is Density.COMPACT
        for table in page.findChildren(QTableView):
            table.verticalHeader().setDefaultSectionSize(ROW_COMPACT if compact else ROW)

    def _settled(self) -> None:
        choices = self.settings.choices
        self.watch.idling.limit = choices.idle_minutes * 60.0
        self.clipboard.keep_for(choices.clipboard_seconds)
        follow(choices.appearance)
        for page in self.frame.host.pages:
            self._set_density(page)

    def _restore(self) -> None:
        self._settled()
        kept = self.settings.preferences.get("window.geometry")
        if kept:
            self.restoreGeometry(QByteArray.fromBase64(QByteArray(kept.encode())))
        if self._desk.identity.locked:
            self._show_locked()
        else:
            self.watch.start()
            self.tick()
            self.go(self._first_page())

    def _first_page(self) -> str:
        kept = self.settings.preferences.get("window.page") or ""
        known = [each.id for each in (*self._pages, *self._foot)]
        if self._at_station:
            known = list(AT_A_STATION)
        return kept if kept in known else known[0] if known else ""

    def to_front(self) -> None:
        """From the tray. What is locked stays so."""
        self.showNormal()
        self.raise_()
        self.activateWindow()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self.watch.listen_to(self.windowHandle())

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        for page in () if self._locked else self.frame.host.pages:
            page.turn_down()
        if not self._locked and self.asking.keeps_open():
            event.ignore()
            self.to_front()
            return
        self.shut_down()
        super().closeEvent(event)

    def shut_down(self) -> None:
        """End everything of this window. Twice is harmless."""
        leaving, self._leaving = self._leaving, []
        if not leaving:
            return
        text = bytes(self.saveGeometry().toBase64().data()).decode()
        self.settings.preferences.set("window.geometry", text)
        self.watch.stop()
        self._soon.stop()
        for leave in leaving:
            leave()
        self._unlock.close()
        self._leave_desk()
        self.asking.shut(True)
        self.clipboard.clear()
        self._tray.hide()
        self._session.close()
        self.closed.emit()

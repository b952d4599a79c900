"""The page of approvals: list, proposal and draft, one at a time. Shows views, decides nothing."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from keyturn.base.encoding import parse_digest
from keyturn.base.errors import MalformedError
from keyturn.client.proposals import Proposal
from keyturn.quorum.kinds import Kind
from keyturn_app.handing import handed
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.photos import clipboard_picture, read_photo
from keyturn_app.qtkit.widgets import Banner, column, row
from keyturn_app.screens.approvals.commands import commands
from keyturn_app.screens.approvals.detailview import DetailCalls, DetailView
from keyturn_app.screens.approvals.drafting import DraftPresenter, DraftView
from keyturn_app.screens.approvals.drafts import Drafts
from keyturn_app.screens.approvals.draftview import DraftCalls, DraftPage
from keyturn_app.screens.approvals.impactview import ImpactCalls
from keyturn_app.screens.approvals.inboxview import InboxCalls, InboxView
from keyturn_app.screens.approvals.picturesview import PicturesCalls, PicturesPage
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter
from keyturn_app.screens.approvals.sideview import SideCalls, SideView
from keyturn_app.screens.approvals.viewmodel import PageView

_TICK = 20_000
"""Milliseconds between two writings of the countdowns."""


_POLL = 200
"""Milliseconds between two looks at how far a simulation is."""


def build(context: PageContext) -> Page:
    return ApprovalsPage(context)


class ApprovalsPage(Page):
    """`open` takes a digest, `new:<kind>:<subject>` to start a draft, or a draft handed over."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("approvals")
        self._go = context.go
        desk = context.desk
        kept = Drafts(context.settings.preferences, desk.identity.profile.fingerprint)
        self.presenter = ApprovalsPresenter(
            desk, context.asker, context.door, reader=read_photo, grab=clipboard_picture
        )
        self.drafts = DraftPresenter(desk, context.asker, kept, self._proposed)
        self._build(context)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK)
        self._timer.timeout.connect(self.presenter.tick)
        self._timer.timeout.connect(self.drafts.put_away)
        self._polling = QTimer(self)
        self._polling.setInterval(_POLL)
        self._polling.timeout.connect(self.presenter.previewing.poll)
        self._polling.timeout.connect(self.drafts.impact.poll)
        self.presenter.listeners.add(self._show)
        self.drafts.listeners.add(self._show)
        self._remove_actions = context.actions.add(
            *commands(self.presenter, self.drafts, self._find)
        )
        self._show()

    @property
    def of_the_server(self) -> bool:
        return self.drafts.view() is None and self.presenter.view().file is None

    def open(self, target: str) -> None:
        if target.startswith("new:"):
            kind, _colon, subject = target.removeprefix("new:").partition(":")
            if kind in {each.value for each in Kind}:
                self.drafts.start(Kind(kind), subject)
            return
        given = handed(target)
        if given is not None:
            self.drafts.take(given)
            return
        try:
            digest = parse_digest(target)
        except MalformedError:
            return
        self.drafts.leave()
        self.presenter.open(digest)

    def shown(self) -> None:
        self._timer.start()
        self.presenter.tick()
        if self._stack.currentWidget() is self._inbox:
            self._inbox.focus_list(quietly=self.presenter.chosen)

    def close_page(self) -> None:
        self._timer.stop()
        self._polling.stop()
        self._remove_actions()
        self.presenter.close()
        self.drafts.close()

    # ---- inside ----

    def _build(self, context: PageContext) -> None:
        page, drafts = self.presenter, self.drafts
        self._banner = Banner(name="approvals.trouble")
        self._inbox = InboxView(
            InboxCalls(
                page.show_filter,
                page.show_kind,
                page.search,
                page.select,
                page.open,
                drafts.start,
                page.open_file,
                page.paste,
                drafts.restore,
                context.copy,
            )
        )
        self._detail = DetailView(
            DetailCalls(
                page.back,
                page.step,
                page.show_form,
                page.export,
                page.show_pictures,
                self._open_log,
                page.post_file,
                page.filing.save,
                context.copy,
                ImpactCalls(
                    page.simulate, page.previewing.cancel, page.export_preview, context.copy
                ),
            )
        )
        self._side = SideView(
            SideCalls(
                page.comment,
                page.approve,
                self._reject,
                page.withdraw,
                context.copy,
                page.export_signed,
            )
        )
        self._draft = DraftPage(
            DraftCalls(
                drafts.edit,
                drafts.say,
                drafts.choose_kind,
                drafts.choose_subject,
                drafts.propose,
                drafts.discard,
                drafts.leave,
                context.copy,
                drafts.simulate,
                drafts.impact.stop,
            )
        )
        shown = page.pictures
        self._pictures = PicturesPage(PicturesCalls(shown.shut, shown.step, shown.write))
        self._open = QWidget()
        opened = row(spacing=0)
        opened.addWidget(self._detail, 1)
        opened.addWidget(self._side)
        self._open.setLayout(opened)
        self._stack = QStackedWidget()
        for each in (self._inbox, self._open, self._draft, self._pictures):
            self._stack.addWidget(each)
        whole = column(spacing=0)
        self._top = QWidget()
        self._top.setLayout(column(self._banner, margins=(24, 12, 24, 0)))
        whole.addWidget(self._top)
        whole.addWidget(self._stack, 1)
        self.setLayout(whole)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        self._show()
        super().showEvent(event)

    def _show(self) -> None:
        if not self.isVisible():
            return  # written when it comes to the front
        draft, view = self.drafts.view(), self.presenter.view()
        self._poll(view, draft)
        self._banner.say(view.trouble, tone=view.tone)
        self._top.setVisible(bool(view.trouble))
        before = self._stack.currentWidget()
        if draft is not None:
            self._draft.show_view(draft)
            self._stack.setCurrentWidget(self._draft)
        elif view.pictures is not None:
            self._pictures.show_view(view.pictures)
            self._stack.setCurrentWidget(self._pictures)
        elif view.detail is not None and view.decide is not None:
            self._detail.show_view(view)
            self._side.show_view(view.detail, view.decide)
            self._stack.setCurrentWidget(self._open)
        else:
            self._inbox.show_view(view, self.drafts.undo)
            self._stack.setCurrentWidget(self._inbox)
        self._moved(before)

    def _poll(self, view: PageView, draft: DraftView | None) -> None:
        impacts = None if view.detail is None else view.detail.impacts
        running = impacts is not None and impacts.simulation.running
        if draft is not None and draft.impact is not None:
            running = running or draft.impact.simulation.running
        if running != self._polling.isActive():
            self._polling.start() if running else self._polling.stop()

    def _moved(self, before: QWidget | None) -> None:
        """Where the cursor goes when another part comes to the front."""
        now = self._stack.currentWidget()
        if now is before or not self.isVisible():
            return
        if now is self._inbox:
            self._inbox.focus_list(quietly=self.presenter.chosen)
        elif now is self._draft:
            self._draft.focus_body()
        elif now is self._pictures:
            self._pictures.focus_body()
        else:
            self._detail.focus_body()

    def _reject(self) -> None:
        self.presenter.reject()
        decide = self.presenter.view().decide
        if decide is not None and decide.comment_wanted:
            self._side.focus_comment()

    def _find(self) -> None:
        self.presenter.back()
        self._inbox.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._inbox.search.selectAll()

    def _open_log(self, index: int) -> None:
        self._go("log", str(index))

    def _proposed(self, proposal: Proposal) -> None:
        self.presenter.took(proposal)

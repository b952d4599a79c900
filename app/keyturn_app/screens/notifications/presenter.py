"""The news page's presenter: what is new stays marked until the officer leaves. No Qt in here."""

from collections.abc import Callable

from keyturn_app.desk import Desk
from keyturn_app.news import Item, News
from keyturn_app.presenting import Presenter
from keyturn_app.screens.notifications.viewmodel import (
    NotificationsView,
    needs_attention,
    notifications_view,
)


class NotificationsPresenter(Presenter[NotificationsView]):
    def __init__(self, desk: Desk, news: News, go: Callable[[str, str], None]) -> None:
        super().__init__()
        self._desk, self._news, self._go = desk, news, go
        self._only_attention = False
        self._looking = False
        self._fresh: frozenset[Item] = frozenset()
        self.keep(news.listeners.add(self._arrived))

    def view(self) -> NotificationsView:
        return notifications_view(
            self._items(), self._fresh, self._desk.now(), only_attention=self._only_attention
        )

    def show_only_attention(self, only: bool) -> None:
        self._only_attention = only
        self.changed()

    def look(self) -> None:
        """The page came to the front: what is there now counts as read."""
        self._looking, self._fresh = True, frozenset()
        self._arrived()

    def leave(self) -> None:
        self._looking = False

    def open(self, at: int) -> None:
        """Go where one sees what this row says."""
        items = self._items()
        if 0 <= at < len(items) and items[at].page:
            self._go(items[at].page, items[at].target)

    def _items(self) -> tuple[Item, ...]:
        items = self._news.items
        return tuple(filter(needs_attention, items)) if self._only_attention else items

    def _arrived(self) -> None:
        if self._looking:
            self._fresh |= self._news.fresh
            self._news.mark_read()
        self.changed()

"""What a page is to the window, and what the window gives a page."""

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtWidgets import QWidget

from keyturn_app.actions import Actions
from keyturn_app.desk import Desk
from keyturn_app.news import News
from keyturn_app.questions import Asker
from keyturn_app.settings import Settings
from keyturn_app.tasks import Door


@dataclass(frozen=True, slots=True)
class PageContext:
    """`go(page, target)` opens another page, at a digest, a node's name or a log index."""

    desk: Desk
    door: Door
    asker: Asker
    actions: Actions
    copy: Callable[[str], None]
    go: Callable[[str, str], None]
    settings: Settings = field(default_factory=Settings)
    news: News | None = None
    mark: Callable[[str], None] = lambda _text: None
    """Across the top of the window, on every page, until it is told an empty text."""


class Page(QWidget):
    """Base of every page's widget. Built on first visit, kept until the desk changes."""

    @property
    def of_the_server(self) -> bool:
        """Whether what it shows grows old without the server: then it is dimmed while that is out
        of reach. Not so a file, or the proof of what the server did.
        """
        return True

    def open(self, target: str) -> None:
        """Show `target`, or the page as it was for an empty one."""

    def shown(self) -> None:
        """The page came to the front."""

    def turn_down(self) -> None:
        """The window is about to close: end what is half done, and say what stays behind."""

    def close_page(self) -> None:
        """Leave every subscription: the desk is going away."""


@dataclass(frozen=True, slots=True)
class PageSpec:
    """`build` imports the page: nothing of it is loaded before its first visit."""

    id: str
    title: Callable[[], str]
    icon: str
    build: Callable[[PageContext], Page]
    badge: Callable[[Desk], int] = lambda _: 0
    shortcut: str = ""
    needs: str = ""
    """What of the facts it is about; without the role for that, it says so instead."""

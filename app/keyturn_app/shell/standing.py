"""The actions that are always there: pages, lock, palette, look. Registered by the window."""

from collections.abc import Callable, Sequence
from typing import Protocol

from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import PageSpec


class Window(Protocol):
    """What these actions ask of the window."""

    def go(self, page: str) -> None: ...

    def lock(self) -> None: ...

    def open_palette(self) -> None: ...

    def open_shortcuts(self) -> None: ...

    def check_again(self) -> None: ...

    def switch_appearance(self) -> None: ...

    def close(self) -> bool: ...


def standing_actions(window: Window, pages: Sequence[PageSpec]) -> list[Action]:
    return [
        Action("palette.open", _("Search or run a command"), window.open_palette, "Ctrl+K"),
        *_pages(window, pages),
        Action(
            "connection.refresh",
            _("Check again with the server"),
            window.check_again,
            "F5",
            "refresh-cw",
        ),
        Action(
            "look.switch",
            _("Switch between light and dark"),
            window.switch_appearance,
            "Ctrl+Shift+D",
            "sun-moon",
        ),
        Action("help.shortcuts", _("Keyboard shortcuts"), window.open_shortcuts, "?", "keyboard"),
        Action("session.lock", _("Lock"), window.lock, "Ctrl+L", "lock"),
        Action("window.quit", _("Quit"), lambda: _closed(window), "Ctrl+Q", "power"),
    ]


def _pages(window: Window, pages: Sequence[PageSpec]) -> list[Action]:
    return [
        Action(
            f"page.{each.id}",
            _("Go to {page}").format(page=each.title()),
            _going(window, each.id),
            each.shortcut,
            each.icon,
        )
        for each in pages
    ]


def _going(window: Window, page: str) -> Callable[[], None]:
    return lambda: window.go(page)


def _closed(window: Window) -> None:
    window.close()

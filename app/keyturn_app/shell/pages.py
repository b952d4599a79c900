"""The pages in the rail's order. A page whose module is not installed does not exist."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext, PageSpec
from keyturn_app.shell.waiting import nodes_in_trouble, waiting_for_me


@dataclass(frozen=True, slots=True)
class _Built:
    """Imports a page's module when it is built, and not before."""

    module: str

    def __call__(self, context: PageContext) -> Page:
        page = import_module(self.module).build(context)
        if not isinstance(page, Page):
            raise TypeError(f"{self.module}.build gave no Page")
        return page


@cache
def installed(page: str) -> bool:
    """Whether this page's view is there; nothing of it is imported, only looked up."""
    package = f"keyturn_app.screens.{page}"
    return find_spec(package) is not None and find_spec(f"{package}.view") is not None


def _page(
    page: str,
    title: Callable[[], str],
    icon: str,
    badge: Callable[[Desk], int] = lambda _desk: 0,
    shortcut: str = "",
    needs: str = "",
) -> PageSpec:
    module = f"keyturn_app.screens.{page}.view"
    return PageSpec(page, title, icon, _Built(module), badge, shortcut, needs)


PAGES: tuple[PageSpec, ...] = (
    _page("overview", lambda: _("Overview"), "layout-dashboard"),
    _page("fleet", lambda: _("Fleet"), "server", nodes_in_trouble, needs="nodes"),
    _page("models", lambda: _("Models"), "cpu", needs="models"),
    _page("policies", lambda: _("Policies"), "file-check-2"),
    _page("baselines", lambda: _("Baselines"), "layers"),
    _page("collateral", lambda: _("Collateral"), "calendar-clock", needs="nodes"),
    _page("approvals", lambda: _("Approvals"), "stamp", waiting_for_me, needs="proposals"),
    _page("ceremonies", lambda: _("Ceremonies"), "key-round"),
    _page("hsm", lambda: _("HSM"), "microchip"),
    _page("exposure", lambda: _("Exposure"), "radar"),
    _page("officers", lambda: _("Officers"), "users"),
    _page("log", lambda: _("Log"), "scroll-text"),
)

FOOT: tuple[PageSpec, ...] = (
    _page("notifications", lambda: _("Notifications"), "bell", shortcut="Ctrl+Shift+N"),
    _page("settings", lambda: _("Settings"), "settings", shortcut="Ctrl+,"),
)


AT_A_STATION = ("approvals", "ceremonies", "officers", "settings")
"""What an officer station has. The others show what a server says."""


def at_station(spec: PageSpec) -> PageSpec:
    """The same page where there is no server: another one behind it, or one that says why not."""
    if spec.id == "officers":
        return replace(spec, build=_Built("keyturn_app.screens.station.view"))
    if spec.id in AT_A_STATION:
        return spec
    return replace(spec, build=_Built("keyturn_app.screens.station.absent"))


def available(pages: tuple[PageSpec, ...]) -> tuple[PageSpec, ...]:
    """Those that exist, numbered in the rail's order: Alt+1 to Alt+9, then Alt+0, and no more."""
    there = [each for each in pages if installed(each.id)]
    return tuple(
        each if each.shortcut or at > 10 else replace(each, shortcut=f"Alt+{at % 10}")
        for at, each in enumerate(there, 1)
    )

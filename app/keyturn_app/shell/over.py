"""What is opened for a moment and goes by itself: palette, shortcut sheet, fingerprint."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from keyturn.base.encoding import parse_digest
from keyturn_app.actions import Actions
from keyturn_app.desk import Desk
from keyturn_app.fingerprint import words
from keyturn_app.shell.overlay import Overlay, Place
from keyturn_app.shell.palette import PalettePresenter
from keyturn_app.shell.palette_view import PalettePanel
from keyturn_app.shell.popovers import authority_panel, shortcuts_panel
from keyturn_app.shell.sheet_of_shortcuts import groups


class Over:
    """One at a time; each closes the one before."""

    def __init__(self, host: QWidget) -> None:
        self._overlay = Overlay(host, name="over", light=True)

    def close(self) -> None:
        self._overlay.close_panel()

    def palette(
        self,
        actions: Actions,
        desk: Desk,
        run: Callable[[str], str],
        go: Callable[[str, str], None],
        page: Callable[[], str],
        pages: frozenset[str],
    ) -> None:
        presenter = PalettePresenter(actions, desk, run=run, go=go, page=page, pages=pages)
        panel = PalettePanel(presenter, self.close)
        self._overlay.open_panel(panel, Place.TOP, focus=panel.field)

    def shortcuts(self, actions: Actions, page: str, title: str) -> None:
        panel = shortcuts_panel(groups(actions, page, title), self.close)
        self._overlay.open_panel(panel, Place.CENTRE)

    def authority(self, fingerprint: str, copy: Callable[[str], None], anchor: QWidget) -> None:
        spoken = words(parse_digest(fingerprint)) if fingerprint else ()
        panel = authority_panel(fingerprint, spoken, copy, self.close)
        self._overlay.open_panel(panel, Place.BELOW, anchor=anchor)

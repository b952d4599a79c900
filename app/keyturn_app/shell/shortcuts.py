"""Keyboard shortcuts, bound from the registered actions and nowhere else."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from keyturn_app.actions import Action, Actions


class Shortcuts(QObject):
    """One QShortcut for each key sequence; the page in front decides which action it means."""

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        *,
        page: Callable[[], str],
        run: Callable[[Action], None],
    ) -> None:
        super().__init__(window)
        self._window, self._actions = window, actions
        self._page, self._run = page, run
        self._bound: dict[str, QShortcut] = {}
        actions.listeners.add(self._bind)
        self._bind()

    def _bind(self) -> None:
        wanted = {each.shortcut for each in self._actions if each.shortcut}
        for keys in set(self._bound) - wanted:
            shortcut = self._bound.pop(keys)
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        for keys in wanted - set(self._bound):
            shortcut = QShortcut(QKeySequence(keys), self._window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(lambda keys=keys: self._pressed(keys))
            self._bound[keys] = shortcut

    def _pressed(self, keys: str) -> None:
        page = self._page()
        meant = [each for each in self._actions if each.shortcut == keys]
        for wanted in (page, ""):
            for each in meant:
                if each.page == wanted:
                    self._run(each)
                    return

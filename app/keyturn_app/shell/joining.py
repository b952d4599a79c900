"""Connecting to one more server, or as one more officer, while the app runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from keyturn_app.actions import Action, Actions
from keyturn_app.desk import Topic
from keyturn_app.i18n import _
from keyturn_app.live.airgap import sealed
from keyturn_app.live.desk import utc_now
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.shell.seats import Seats
from keyturn_app.shell.starting import chair_of
from keyturn_app.tasks import Door

if TYPE_CHECKING:
    from keyturn_app.shell.firstrun import FirstRun


class Joining:
    """Registers the action; at most one window at a time, which a lock closes."""

    def __init__(
        self,
        actions: Actions,
        session: Seats,
        store: ProfileStore,
        door: Door,
        opened: Callable[[str], None],
    ) -> None:
        self._session = session
        self._store = store
        self._door = door
        self._opened = opened
        self.window: FirstRun | None = None
        self._leaving = [
            actions.add(
                Action(
                    "seat.join",
                    _("Connect to another server"),
                    self.open,
                    icon="server",
                    why_not=self._why_not,
                )
            ),
            session.listeners.add(self._watch),
        ]
        self._unwatch: Callable[[], None] = lambda: None
        self._watch()

    def open(self) -> None:
        if self.window is not None and self.window.isVisible():
            self.window.activateWindow()
            return
        from keyturn_app.shell.firstrun import FirstRun

        self._forget()
        self.window = FirstRun(self._store, self._door, utc_now, self._joined)
        self.window.show()

    def close(self) -> None:
        for leave in (*self._leaving, self._unwatch):
            leave()
        self._forget()

    def _joined(self, known: Known) -> None:
        self._session.add(chair_of(known, self._opened))
        self._session.sit(known.id)

    def _why_not(self) -> str:
        if sealed():
            return _("An officer station connects to no server.")
        return _("Unlock the app first.") if self._session.desk.identity.locked else ""

    def _watch(self) -> None:
        """The desk of the seat that has the window now says when it is locked."""
        self._unwatch()
        self._unwatch = self._session.desk.subscribe(self._look, Topic.IDENTITY)

    def _look(self, _topics: frozenset[Topic]) -> None:
        if self._session.desk.identity.locked:
            self._forget()

    def _forget(self) -> None:
        window, self.window = self.window, None
        if window is not None:
            window.close()
            window.deleteLater()

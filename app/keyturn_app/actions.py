"""Every action of the app, registered once: palette, menus, buttons and shortcuts read it here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from keyturn_app.presenting import Listeners


@dataclass(frozen=True, slots=True)
class Action:
    """`why_not` says why it cannot be done now, in words; empty when it can."""

    id: str  # like "approvals.approve"
    text: str
    run: Callable[[], None]
    shortcut: str = ""  # as QKeySequence's portable text, like "Ctrl+K"
    icon: str = ""
    page: str = ""  # id of the page that it belongs to; empty: everywhere
    why_not: Callable[[], str] = lambda: ""

    @property
    def available(self) -> bool:
        return not self.why_not()


class Actions:
    """The registry. An id is registered once; what a page brings it takes away again."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._all: dict[str, Action] = {}

    def add(self, *actions: Action) -> Callable[[], None]:
        """Gives the call that takes them away. Raises ValueError on an id that is taken."""
        for action in actions:
            if action.id in self._all:
                raise ValueError(f"action {action.id} is registered twice")
            self._all[action.id] = action
        self.listeners.tell()

        def remove() -> None:
            for action in actions:
                self._all.pop(action.id, None)
            self.listeners.tell()

        return remove

    def __iter__(self) -> Iterator[Action]:
        return iter(tuple(self._all.values()))

    def get(self, action_id: str) -> Action | None:
        return self._all.get(action_id)

    def run(self, action_id: str) -> str:
        """Run it if it can be; gives the reason if it cannot."""
        action = self._all.get(action_id)
        if action is None:
            return ""
        reason = action.why_not()
        if not reason:
            action.run()
        return reason

"""What presenters have in common: they hold state, and say when their view-model changed.

A presenter imports no Qt and lives on one thread. A view calls `view()` when told of a change,
and the presenter's methods for what the officer asked for.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")
Listener = Callable[[], None]


class Listeners:
    """Those who want to know. Told in the order in which they came; each may leave any time."""

    def __init__(self) -> None:
        self._all: list[Listener] = []

    def add(self, listener: Listener) -> Callable[[], None]:
        """Gives the call that leaves again; leaving twice is harmless."""
        self._all.append(listener)

        def leave() -> None:
            if listener in self._all:
                self._all.remove(listener)

        return leave

    def tell(self) -> None:
        for each in tuple(self._all):
            if each in self._all:
                each()


class Presenter(Generic[V]):
    """Base of every presenter: `view()` is cheap, and equal when nothing changed."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._leaving: list[Callable[[], None]] = []

    def view(self) -> V:
        raise NotImplementedError

    def changed(self) -> None:
        """For the presenter itself: have the view shown again."""
        self.listeners.tell()

    def keep(self, leave: Callable[[], None]) -> None:
        """Something to be left when the presenter is closed."""
        self._leaving.append(leave)

    def close(self) -> None:
        """Leave everything that was subscribed to."""
        for leave in self._leaving:
            leave()
        self._leaving.clear()

"""Who wants to be told of which topics: the same for every desk."""

from collections.abc import Callable

from keyturn_app.desk import Topic

Listener = Callable[[frozenset[Topic]], None]


class TopicListeners:
    """On one thread. Whoever leaves while others are told is told nothing any more."""

    def __init__(self) -> None:
        self._all: list[tuple[Listener, frozenset[Topic]]] = []

    def add(self, listener: Listener, *topics: Topic) -> Callable[[], None]:
        """Told of these topics, or of all; gives what ends it, harmless when repeated."""
        entry = (listener, frozenset(topics or Topic))
        self._all.append(entry)

        def leave() -> None:
            if entry in self._all:
                self._all.remove(entry)

        return leave

    def tell(self, topics: frozenset[Topic]) -> None:
        """Each is told of those among `topics` that it wants."""
        for entry in tuple(self._all):
            listener, wanted = entry
            if topics & wanted and entry in self._all:
                listener(topics & wanted)

    def clear(self) -> None:
        """Nobody is told anything from here on."""
        self._all.clear()

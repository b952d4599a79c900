"""Between the network's threads and the window's: latest wins, nothing piles up.

Facts are one immutable value: whoever takes them gets the newest, however many there were since
the last time. Answers are different: each is delivered once.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from keyturn_app.desk import Topic
from keyturn_app.facts import Facts, Happening, Nodes

HAPPENINGS = 500

Answer = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`topics`: what of `facts` changed since the last delivery."""

    facts: Facts
    topics: frozenset[Topic]
    answers: tuple[Answer, ...]


class Mailbox:
    """Written by any thread, emptied by one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts = Facts()
        self._topics: set[Topic] = set()
        self._answers: list[Answer] = []
        self._happened: deque[Happening] = deque(maxlen=HAPPENINGS)

    @property
    def facts(self) -> Facts:
        """The newest, without the happenings that nobody took yet."""
        with self._lock:
            return self._facts

    def edit(self, change: Callable[[Facts], Facts], topics: Iterable[Topic]) -> None:
        """`change` is quick and touches nothing else."""
        with self._lock:
            before, self._facts = self._facts, change(self._facts)
            if Topic.NODES in self._topics:
                self._facts = _changed_since_taken(before.nodes, self._facts)
            self._topics.update(topics)

    def happened(self, happening: Happening) -> None:
        with self._lock:
            self._happened.append(happening)
            self._topics.add(Topic.HAPPENINGS)

    def answer(self, answer: Answer) -> None:
        with self._lock:
            self._answers.append(answer)

    def take(self) -> Delivery:
        with self._lock:
            if Topic.HAPPENINGS in self._topics:
                self._facts = replace(self._facts, happenings=tuple(self._happened))
            made = Delivery(self._facts, frozenset(self._topics), tuple(self._answers))
            self._topics.clear()
            self._answers.clear()
        return made


def _changed_since_taken(before: Nodes | None, facts: Facts) -> Facts:
    """Rows that changed in a delivery that was never taken changed all the same."""
    nodes = facts.nodes
    if nodes is None or nodes is before or nodes.changed is None:
        return facts
    earlier = None if before is None else before.changed
    changed = None if earlier is None else earlier | nodes.changed
    return replace(facts, nodes=replace(nodes, changed=changed))

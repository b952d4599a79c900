"""Who is told of what: what was asked for, and nothing after leaving, even within a telling."""

from keyturn_app.desk import Topic
from keyturn_app.live.listeners import TopicListeners

BOTH = frozenset({Topic.SEEN, Topic.IDENTITY})


def test_each_is_told_of_its_own_topics() -> None:
    all_told, seen_told = [], []
    listeners = TopicListeners()
    listeners.add(all_told.append)
    listeners.add(seen_told.append, Topic.SEEN)
    listeners.tell(BOTH)
    listeners.tell(frozenset({Topic.IDENTITY}))
    assert all_told == [BOTH, {Topic.IDENTITY}]
    assert seen_told == [{Topic.SEEN}]


def test_who_leaves_while_others_are_told_is_told_nothing_any_more() -> None:
    told: list[frozenset[Topic]] = []
    listeners = TopicListeners()
    listeners.add(lambda _topics: leave())
    leave = listeners.add(told.append)
    listeners.tell(BOTH)
    leave()  # harmless again
    assert told == []


def test_nobody_is_told_after_the_end() -> None:
    told: list[frozenset[Topic]] = []
    listeners = TopicListeners()
    listeners.add(told.append)
    listeners.clear()
    listeners.tell(BOTH)
    assert told == []

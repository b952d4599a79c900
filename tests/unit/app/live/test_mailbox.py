"""Latest wins; answers are delivered once."""

from dataclasses import replace

from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Happening, Link, Nodes
from keyturn_app.live.mailbox import HAPPENINGS, Mailbox
from support.authority import START


def nodes(*changed: str) -> Nodes:
    return Nodes((), START, frozenset(changed))


def test_the_newest_facts_and_every_topic() -> None:
    box = Mailbox()
    box.edit(lambda facts: replace(facts, connection=Connection(Link.LIVE)), [Topic.CONNECTION])
    box.edit(lambda facts: replace(facts, connection=Connection(Link.OFFLINE)), [Topic.SEEN])
    delivery = box.take()
    assert delivery.facts.connection.link is Link.OFFLINE
    assert delivery.topics == {Topic.CONNECTION, Topic.SEEN}
    assert box.take().topics == frozenset()
    assert box.take().facts == delivery.facts


def test_answers_come_once_and_in_order() -> None:
    box, told = Mailbox(), []
    box.answer(lambda: told.append(1))
    box.answer(lambda: told.append(2))
    for each in (*box.take().answers, *box.take().answers):
        each()
    assert told == [1, 2]


def test_rows_that_changed_unseen_changed_all_the_same() -> None:
    def put(found: Nodes) -> None:
        def change(facts: Facts) -> Facts:
            return replace(facts, nodes=found)

        box.edit(change, [Topic.NODES])

    box = Mailbox()
    put(replace(nodes(), changed=None))
    put(nodes("a"))
    first = box.take().facts.nodes
    assert first is not None
    assert first.changed is None  # all of them, as nobody saw the first
    put(nodes("a"))
    put(nodes("b"))
    second = box.take().facts.nodes
    assert second is not None
    assert second.changed == {"a", "b"}
    put(nodes("c"))
    third = box.take().facts.nodes
    assert third is not None
    assert third.changed == {"c"}


def test_only_the_newest_happenings_are_kept() -> None:
    box = Mailbox()
    for number in range(HAPPENINGS + 3):
        box.happened(Happening(number, "grant", {}, START))
    delivery = box.take()
    assert delivery.topics == {Topic.HAPPENINGS}
    assert [each.id for each in delivery.facts.happenings] == list(range(3, HAPPENINGS + 3))
    assert box.take().facts.happenings == delivery.facts.happenings

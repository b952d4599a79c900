"""A server that lies is named as lying, and nothing that it says becomes a fact."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import Digest, unb64
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import load_object
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Topic
from keyturn_app.facts import AlarmKind, Facts, Link
from support.authority import policy_body, spki
from support.control import ORIGIN, World, running_world
from support.lying import (
    Document,
    Liar,
    Lie,
    called_in_force,
    dropped_entry,
    edited_body,
    forged_approval,
    forked_checkpoint,
    older_checkpoint,
)
from unit.app.live.lines import Heard, hearing
from unit.client.test_against_control import prove_consistency


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        prove_consistency(made)
        yield made


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()
    with made.in_the_way():
        yield made


@pytest.fixture
def heard(world: World, liar: Liar, tmp_path: Path) -> Iterator[Heard]:
    with hearing(world, tmp_path / "ada") as made:
        made.until_link(Link.LIVE)
        yield made


@pytest.fixture
def proposed(world: World, heard: Heard) -> Digest:
    made = world.authority.propose(Kind.POLICY, "serving", policy_body())
    assert heard.asked(lambda client: client.propose(made.raw).digest) == made.digest
    heard.until(lambda facts: made.digest in digests(facts))
    return made.digest


def digests(facts: Facts) -> set[str]:
    return set() if facts.proposals is None else {each.digest for each in facts.proposals.all}


def forged(digest: Digest) -> Lie:
    return forged_approval(digest, "bela")


def edited(digest: Digest) -> Lie:
    return edited_body(digest, lease_seconds=3600)


def in_force_without_receipt(digest: Digest) -> Lie:
    return called_in_force(digest, None)


@pytest.mark.parametrize("lie_of", [forged, edited, in_force_without_receipt])
def test_a_lie_about_a_proposal(
    heard: Heard, liar: Liar, proposed: Digest, lie_of: Callable[[Digest], Lie]
) -> None:
    known = heard.facts
    with liar.telling(lie_of(proposed)):
        heard.line.refresh()
        facts = heard.until_link(Link.DISTRUSTED)
        assert liar.told > 0
        assert [each.kind for each in facts.alarms] == [AlarmKind.LIED]
        assert facts.alarms[0].message
        assert not facts.trusted
        assert facts.proposals == known.proposals
        assert facts.seen == known.seen
        told = liar.told
        heard.line.refresh()  # checked again, and caught again: one alarm
        heard.until(lambda _: liar.told > told)
    heard.line.refresh()
    honest = heard.until_link(Link.LIVE)
    assert len(honest.alarms) == 1  # it stays on record


def test_distrusted_until_the_officer_says_check_again(
    world: World, heard: Heard, liar: Liar, proposed: Digest
) -> None:
    with liar.telling(forged(proposed)):
        heard.line.refresh()
        heard.until_link(Link.DISTRUSTED)
    asked = len(liar.asked)
    refused = heard.asked(lambda client: client.nodes())
    assert type(refused).__name__ == "Distrusted"
    assert len(liar.asked) == asked  # nothing is asked of it


def test_what_an_officer_asks_for_finds_the_lie_too(
    heard: Heard, liar: Liar, proposed: Digest
) -> None:
    with liar.telling(forged(proposed)):
        heard.asked(lambda client: client.proposal(proposed))
        facts = heard.until_link(Link.DISTRUSTED)
    assert [each.kind for each in facts.alarms] == [AlarmKind.LIED]


def test_a_rewritten_history_is_saved_before_it_is_shown(
    world: World, heard: Heard, liar: Liar, proposed: Digest
) -> None:
    log_key = world.keyholder.log_key
    fork = forked_checkpoint(load_verify_key(spki(log_key)), log_key.sign, ORIGIN, more=1)
    with liar.telling(fork):
        heard.line.refresh()
        (alarm,) = heard.until(lambda facts: bool(facts.alarms)).alarms
    assert alarm.kind is AlarmKind.REWRITTEN
    (saved,) = alarm.saved
    found = load_object(saved.read_bytes(), limit=1 << 20, what="saved")
    assert unb64(str(found["kept"])) != unb64(str(found["shown"]))
    assert saved.is_relative_to(heard.places.state)


def test_an_older_checkpoint_is_a_rewritten_history(world: World, heard: Heard, liar: Liar) -> None:
    old = world.keyholder.checkpoint()
    made = world.authority.approved(Kind.POLICY, "other", policy_body())
    world.keyholder.enter(Kind.POLICY, "other", made)
    heard.until(
        lambda facts: (
            facts.seen is not None and facts.seen.state.size == len(world.keyholder.leaves)
        )
    )
    with liar.telling(older_checkpoint(old)):
        (alarm,) = heard.until(lambda facts: bool(facts.alarms)).alarms
    assert alarm.kind is AlarmKind.REWRITTEN


def test_an_entry_that_is_left_out(world: World, liar: Liar, tmp_path: Path) -> None:
    with liar.telling(dropped_entry(1)), hearing(world, tmp_path / "bela", "bela") as heard:
        facts = heard.until(lambda facts: facts.connection.link is not Link.CONNECTING)
        assert facts.connection.link in {Link.DISTRUSTED, Link.RECONNECTING}
        assert facts.seen is None
        assert facts.proposals is None


def test_a_slow_server_is_stale_and_takes_no_facts_away(
    world: World, heard: Heard, liar: Liar
) -> None:
    released = threading.Event()

    def late(request: httpx.Request, document: Document) -> Document:
        released.wait(20)
        return document

    known = heard.facts
    with liar.telling(Lie("slow", late)):
        heard.line.refresh()
        world.clock.advance(seconds=6)
        facts = heard.until_link(Link.STALE)
        assert facts.proposals == known.proposals
        released.set()
        heard.until_link(Link.LIVE)
    assert heard.facts.alarms == ()


def test_only_the_officer_ends_distrust(heard: Heard, liar: Liar, proposed: Digest) -> None:
    """A page that asks for something anew, as it does when it is opened, is not the officer."""
    with liar.telling(forged(proposed)):
        heard.line.refresh()
        heard.until_link(Link.DISTRUSTED)
    asked = len(liar.asked)
    heard.line.refresh([Topic.PROPOSALS, Topic.SEEN])
    done = threading.Event()
    heard.line._talker.errand(done.set)
    assert done.wait(20)
    heard.line._talker.errand(lambda: None)
    heard.asked(lambda client: client.nodes())
    heard.drain()
    assert heard.facts.connection.link is Link.DISTRUSTED
    assert len(liar.asked) == asked
    heard.line.refresh()
    heard.until_link(Link.LIVE)

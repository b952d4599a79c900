"""One line and a real control plane: live, gone, back, locked in the middle."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import ServerRefused
from keyturn.client.memory import Memory
from keyturn.client.profile import Places
from keyturn.client.signing import Unlocked
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Locked, Topic
from keyturn_app.facts import Connection, Link
from keyturn_app.live.line import Line, aged
from support.authority import START, policy_body
from support.control import World, running_world
from support.signers import PersonSigner
from unit.app.live.lines import Heard, hearing, ours, profile_of, wiring_to
from unit.client.test_against_control import prove_consistency


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        prove_consistency(made)
        yield made


def test_everything_is_gathered_and_verified(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        facts = heard.until_link(Link.LIVE)
        assert facts.seen is not None
        assert facts.seen.state.size == len(facts.seen.leaves) == len(world.keyholder.leaves)
        assert facts.proposals is not None
        assert {each.statement.kind for each in facts.proposals.all} == {Kind.ROSTER, Kind.KEYS}
        assert facts.models is not None
        assert facts.nodes is not None
        assert facts.simulated
        assert heard.topics >= {Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.NODES}


def test_an_event_brings_what_it_is_about(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        quiet = heard.until(lambda facts: bool(facts.happenings))  # the backlog
        assert quiet.connection.behind_ms is None  # it says nothing of how fast news come
        made = world.authority.propose(Kind.POLICY, "serving", policy_body())
        asked = heard.asked(lambda client: client.propose(made.raw).digest)
        assert asked == made.digest
        facts = heard.until(
            lambda facts: (
                facts.proposals is not None
                and made.digest in {each.digest for each in facts.proposals.all}
            )
        )
        numbers = [each.id for each in facts.happenings]
        assert numbers == sorted(set(numbers))
        assert facts.connection.events_per_second > 0
        assert facts.connection.behind_ms is not None


def test_what_fails_is_told_and_a_fault_names_only_its_type(world: World, tmp_path: Path) -> None:
    def faulty(client: KeyturnClient) -> None:
        raise ValueError("a secret")

    with hearing(world, tmp_path / "ada") as heard:
        fault = heard.asked(faulty)
        assert isinstance(fault, KeyturnError)
        assert "ValueError" in str(fault)
        assert "secret" not in str(fault)
        missing = heard.asked(lambda client: client.model("nothing"))
        assert isinstance(missing, KeyturnError)
        assert heard.until_link(Link.LIVE).alarms == ()


def test_a_refusal_is_no_lost_connection(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until_link(Link.LIVE)
        missing = heard.asked(lambda client: client.proposal(Digest("sha256:" + "0" * 64)))
        assert isinstance(missing, ServerRefused)
        assert heard.facts.connection.link is Link.LIVE
        unread = heard.asked(lambda client: client.read_export(b"no file"))
        assert isinstance(unread, KeyturnError)
        assert (heard.facts.connection.link, heard.facts.connection.failures) == (Link.LIVE, 0)


def test_locked_in_the_middle(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until(lambda facts: bool(facts.happenings))
        memory = Memory(world.keyholder.fingerprint, heard.places.state)
        assert memory.recall().session is not None
        heard.line.lock()
        known = heard.until_link(Link.OFFLINE)
        assert known.proposals is not None
        assert isinstance(heard.asked(lambda client: client.nodes()), Locked)
        assert memory.recall().session is None
        made = world.authority.propose(Kind.POLICY, "serving", policy_body())
        with world.sign_in() as other:
            assert other.post("/v1/proposals", json=_document(made.raw)).status_code < 300
        size = len(known.happenings)
        heard.line.borrow(PersonSigner(world.authority.people["ada"]))
        facts = heard.until(lambda facts: len(facts.happenings) > size)  # resumed, none lost
        numbers = [each.id for each in facts.happenings]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        heard.until_link(Link.LIVE)


def test_a_resting_line_asks_nothing_and_wakes_with_its_key(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until_link(Link.LIVE)
        heard.line.rest()
        heard.until_link(Link.OFFLINE)
        assert not heard.line.locked
        assert isinstance(heard.asked(lambda client: client.nodes()), Locked)
        heard.line.wake()
        heard.until_link(Link.LIVE)
        heard.line.rest()
        heard.line.lock()
        heard.line.wake()
        assert isinstance(heard.asked(lambda client: client.nodes()), Locked)


def test_a_key_opened_after_the_lock_is_closed_again(world: World, tmp_path: Path) -> None:
    begun, released, closed = threading.Event(), threading.Event(), threading.Event()
    signer = PersonSigner(world.authority.people["ada"])

    def open_slowly(passphrase: bytearray) -> Unlocked:
        begun.set()
        assert released.wait(10)
        return Unlocked(signer, closed.set)

    profile = profile_of(world)
    places = Places(tmp_path / "ada", tmp_path / "ada" / "state")
    wiring = replace(wiring_to(profile, places, world.clock), open_key=open_slowly)
    line = Line(profile, places, wiring=wiring, now=world.clock)
    line.start()
    heard = Heard(line, places)
    failed: list[KeyturnError] = []
    passphrase = bytearray(b"correct horse")
    line.unlock(passphrase, lambda: pytest.fail("unlocked"), failed.append)
    assert begun.wait(10)
    line.lock()
    released.set()
    heard.until(lambda _: bool(failed))
    assert isinstance(failed[0], Locked)
    assert closed.is_set()
    assert line.locked
    assert not any(passphrase)
    line.close()
    line.join(10)
    assert ours() == []


def test_closed_while_asking_leaves_nothing(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada"):
        pass
    assert ours() == []


def test_silence_is_stale() -> None:
    live = Connection(Link.LIVE, heard=START)
    assert aged(live, START).link is Link.LIVE
    assert aged(live, START.replace(second=5)).link is Link.LIVE
    assert aged(live, START.replace(second=6)).link is Link.STALE
    back = START - timedelta(minutes=10)
    assert aged(live, back).link is Link.STALE  # the clock was put back meanwhile
    lost = Connection(Link.RECONNECTING, heard=START)
    assert aged(lost, START.replace(minute=5)) == lost


def _document(raw: bytes) -> dict[str, object]:
    return {"statement": b64(raw), "key": None, "manifest": None}


def test_who_leaves_the_roster_is_told_so_and_comes_back_with_it(
    world: World, tmp_path: Path
) -> None:
    authority = world.authority
    with hearing(world, tmp_path / "emil", "emil") as heard:
        heard.until_link(Link.LIVE)
        leaver = authority.people.pop("emil")
        without = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
        world.keyholder.enter(Kind.ROSTER, "roster", without)
        world.catch_up()
        heard.line.refresh()
        facts = heard.until_link(Link.REMOVED)
        assert "no longer an officer" in facts.connection.error
        assert "roster version 2, log index 3" in facts.connection.error
        assert facts.proposals is not None  # what was seen stays as it was seen

        authority.people["emil"] = leaver
        again = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
        world.keyholder.enter(Kind.ROSTER, "roster", again)
        world.catch_up()
        heard.line.refresh()
        heard.until_link(Link.LIVE)

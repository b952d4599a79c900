"""A desk tampered with, a stream that lies about its numbers, a lock that meets a fault."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.strictjson import JsonObject
from keyturn.client.events import Event
from keyturn.client.memory import Memory, Session
from keyturn.client.profile import Places, places_of
from keyturn.client.signing import Unlocked
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Link
from keyturn_app.live.errors import ProfilesUnusable
from keyturn_app.live.line import Line
from keyturn_app.live.profiles import ProfileStore
from keyturn_app.news import KEPT, News
from keyturn_app.settings import MemoryPreferences
from support.authority import Clock, policy_body
from support.control import World, running_world
from support.facts import alarm, happening, standing_desk
from support.signers import PersonSigner
from unit.app.live.lines import hearing, profile_of, wiring_to
from unit.app.live.test_profiles import known
from unit.client.scripted_server import ScriptedServer
from unit.client.test_against_control import prove_consistency

# the database of profiles


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    made = ProfileStore(places_of(tmp_path / "app", {}))
    made.keep(known(made))
    yield made
    made.close()


TAMPERED = {
    "another server": "UPDATE seat SET url = 'https://evil.test'",
    "another authority": "UPDATE seat SET fingerprint = 'sha256:" + "00" * 32 + "'",
    "another officer": "UPDATE seat SET officer = 'bela'",
    "a place elsewhere": "UPDATE seat SET id = '../../../evil'",
    "a number": "UPDATE seat SET url = 5",
    "bytes": "UPDATE seat SET pin = x'00ff'",
    "bytes for a key": "UPDATE seat SET key = x'00ff'",
    "no time": "UPDATE seat SET last_used = 7",
    "a format of letters": "UPDATE format SET number = 'new'",
    "a format below all": "UPDATE format SET number = -1",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_row_that_was_not_written_here_is_refused(store: ProfileStore, change: str) -> None:
    store.close()
    with sqlite3.connect(store.path) as database:
        database.execute(change)
    with pytest.raises(ProfilesUnusable):
        store.all()


def test_what_is_kept_is_for_its_owner_alone(store: ProfileStore) -> None:
    store.close()
    store.path.chmod(0o644)  # as a copy may leave it
    store.all()
    assert store.path.stat().st_mode & 0o077 == 0


# the stream of events


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        prove_consistency(made)
        yield made


def test_events_of_a_far_future_do_not_push_an_alarm_out() -> None:
    desk = standing_desk(ScriptedServer(Clock()))
    news = News(desk, MemoryPreferences())
    caught = alarm()
    far = datetime(9000, 1, 1, tzinfo=UTC)
    flood = tuple(replace(happening(at, "in-force"), at=far) for at in range(1, 501))
    desk.show(replace(desk.facts, alarms=(caught,), happenings=flood))
    assert any(each.detail == caught.message for each in news.items)
    assert news.items[0].detail == caught.message
    assert len(news.items) == KEPT


def test_an_event_of_a_far_future_happened_now(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until_link(Link.LIVE)
        listener = heard.line._listener
        assert listener is not None
        listener._happened(Event(10**6, "in-force", {"time": "9000-01-01T00:00:00Z"}), fresh=True)
        facts = heard.until(lambda facts: any(each.id == 10**6 for each in facts.happenings))
        assert all(each.at <= world.clock() for each in facts.happenings)


def test_events_numbered_anew_are_heard(world: World, tmp_path: Path) -> None:
    """A server that was put back to an older copy, or lied about its numbers before."""
    with hearing(world, tmp_path / "ada") as heard:
        heard.until(lambda facts: bool(facts.happenings))
        listener = heard.line._listener
        assert listener is not None
        heard.line.rest()
        listener._after = 10**9
        heard.line.wake()
        made = world.authority.propose(Kind.POLICY, "serving", policy_body())
        heard.until_link(Link.LIVE)
        heard.asked(lambda client: client.propose(made.raw).digest)
        heard.until(
            lambda facts: any(each.data.get("digest") == made.digest for each in facts.happenings)
        )


# the lock


def broken() -> None:
    raise OSError("the reader is gone")


def test_a_key_that_cannot_be_closed_locks_all_the_same(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until_link(Link.LIVE)
        signer = PersonSigner(world.authority.people["ada"])
        heard.line._key.open(Unlocked(signer, broken))
        with pytest.raises(OSError, match="reader"):
            heard.line.lock()
        assert heard.line.locked
        heard.until_link(Link.OFFLINE)
        refused = heard.asked(lambda client: client.hello())
        assert type(refused).__name__ == "Locked"


def test_a_session_that_a_killed_app_left_is_forgotten(world: World, tmp_path: Path) -> None:
    profile = profile_of(world)
    places = Places(tmp_path / "ada", tmp_path / "ada" / "state")
    memory = Memory(profile.fingerprint, places.state)
    memory.keep_session(Session("a-token", profile.pin, "ada", world.clock() + timedelta(hours=1)))
    line = Line(profile, places, wiring=wiring_to(profile, places, world.clock), now=world.clock)
    line.start()
    forgotten = threading.Event()
    line._talker.errand(forgotten.set)
    assert forgotten.wait(20)
    assert memory.recall().session is None
    line.close()
    line.join(10)


def test_of_a_large_event_only_what_can_be_shown_is_kept(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until_link(Link.LIVE)
        listener = heard.line._listener
        assert listener is not None
        data: JsonObject = {"node": "n" * 100_000, "x": [[0] * 100_000], "index": 7}
        data |= {f"field{at}": at for at in range(1000)}
        listener._happened(Event(10**6, "wiped", data), fresh=True)
        facts = heard.until(lambda facts: any(each.id == 10**6 for each in facts.happenings))
        kept = next(each.data for each in facts.happenings if each.id == 10**6)
        assert len(repr(kept)) < 10_000
        assert kept["index"] == 7

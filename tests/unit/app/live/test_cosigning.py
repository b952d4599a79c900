"""A line cosigns when it is live, again when that grows old, and not while it is locked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.client.client import KeyturnClient
from keyturn.client.cosigning import Hindrance
from keyturn.quorum.entries import start_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Witness
from keyturn_app.desk import Topic
from keyturn_app.facts import AlarmKind, Facts, Link
from support.control import World, running_world
from unit.app.live.lines import Heard, hearing
from unit.client.test_against_control import prove_consistency

T = 300


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("w")) as made:
        prove_consistency(made)
        yield made


def enrol(world: World, heard: Heard) -> Witness:
    """The roster names this app."""
    witness = heard.asked(lambda client: client.cosigner())
    assert isinstance(witness, Witness)
    keys = [{"algorithm": "ed25519", "spki": b64(witness.key.spki)}]
    body = world.authority.roster_body(witnesses={"keys": keys, "k": 1, "t_seconds": T})
    made = world.authority.approved(Kind.ROSTER, "roster", body)
    world.keyholder.enter(Kind.ROSTER, "roster", made)
    world.catch_up()
    return witness


def cosigned(world: World) -> list[str]:
    return [each.op for each in world.keyholder.asked if each.op == "cosigned"]


def hindered(facts: Facts) -> Hindrance | str | None:
    own = None if facts.witnesses is None else facts.witnesses.own
    return "unknown" if own is None else own.hindrance


def test_it_cosigns_when_the_roster_names_it(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        heard.until(lambda facts: hindered(facts) is Hindrance.NOT_A_WITNESS)
        assert cosigned(world) == []
        enrol(world, heard)
        facts = heard.until(lambda facts: hindered(facts) is None)  # an event said where to look
        assert facts.witnesses is not None
        assert facts.witnesses.state is not None
        assert facts.witnesses.state.fresh(world.clock()) == 1
        count = len(cosigned(world))

        heard.line.refresh([Topic.WITNESSES])
        heard.asked(lambda client: client.hello())  # behind it
        assert len(cosigned(world)) == count  # it rests
        world.clock.advance(seconds=61)
        heard.line.refresh([Topic.WITNESSES])
        heard.until(lambda _: len(cosigned(world)) == count + 1)


def test_the_next_connection_cosigns_at_once(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        enrol(world, heard)
        heard.until(lambda facts: hindered(facts) is None)
    count = len(cosigned(world))
    world.clock.advance(seconds=T)
    with hearing(world, tmp_path / "ada") as heard:
        heard.until(lambda facts: hindered(facts) is None)
        assert len(cosigned(world)) == count + 1


def test_locked_it_signs_nothing(world: World, tmp_path: Path) -> None:
    with hearing(world, tmp_path / "ada") as heard:
        enrol(world, heard)
        heard.until(lambda facts: hindered(facts) is None)
        heard.line.lock()
        heard.until_link(Link.OFFLINE)
        count = len(cosigned(world))
        world.clock.advance(seconds=T)
        heard.line.refresh([Topic.WITNESSES])
        assert isinstance(heard.asked(KeyturnClient.cosign), Exception)
        assert len(cosigned(world)) == count


def test_two_histories_raise_the_alarm_instead(world: World, tmp_path: Path) -> None:
    """What the profile had seen was lost; what its key has signed was not."""
    with hearing(world, tmp_path / "ada") as heard:
        enrol(world, heard)
        world.keyholder.append(start_entry(world.clock(), "00" * 16, "a test"))
        size = len(world.keyholder.leaves)
        facts = heard.until(lambda facts: hindered(facts) is None)
        heard.asked(lambda client: client.cosign())
    (memory,) = (tmp_path / "ada").rglob("memory.json")
    memory.unlink()
    world.clock.advance(seconds=1)
    del world.keyholder.leaves[size - 1 :]
    for _ in range(2):
        world.keyholder.leaves.append(start_entry(world.clock(), "ff" * 16, "a test"))
    count = len(cosigned(world))
    with hearing(world, tmp_path / "ada") as heard:
        facts = heard.until_link(Link.DISTRUSTED)
        (alarm,) = facts.alarms
        assert alarm.kind is AlarmKind.REWRITTEN
        assert alarm.saved
        assert len(cosigned(world)) == count

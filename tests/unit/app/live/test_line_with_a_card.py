"""A line whose officer signs in with a card: open by its PIN, closed with the lock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import CardPinRefused
from keyturn.client.profile import Places, Profile
from keyturn_app.facts import Link
from keyturn_app.live.line import Line, wiring_of
from support.card import PIN, Reader, card_reader
from support.cardkeys import put_on_card
from support.control import World, running_world
from unit.app.live.lines import Heard, ours
from unit.client.test_against_control import prove_consistency


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        prove_consistency(made)
        yield made


@pytest.fixture
def reader(world: World, tmp_path: Path) -> Iterator[Reader]:
    """With Bela's card, whose key the roster has."""
    key = world.authority.people["bela"].keys[0]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with card_reader(tmp_path / "cards") as made:
        with made.as_its_tool() as session:
            put_on_card(session, "sign", key)
        yield made


@pytest.fixture
def heard(world: World, reader: Reader, tmp_path: Path) -> Iterator[Heard]:
    place = reader.place("sign")
    profile = Profile(world.url, world.pin, world.keyholder.fingerprint, "bela", place)
    places = Places(tmp_path / "bela", tmp_path / "bela" / "state")
    line = Line(profile, places, wiring=wiring_of(profile, places, world.clock), now=world.clock)
    line.start()
    yield Heard(line, places)
    line.close()
    line.join(10)
    assert ours() == []


def unlocked(heard: Heard, pin: bytes) -> KeyturnError | None:
    found: list[KeyturnError | None] = []
    typed = bytearray(pin)
    heard.line.unlock(typed, lambda: found.append(None), found.append)
    heard.until(lambda _: bool(found))
    assert not any(typed)
    return found[0]


def test_live_by_the_cards_signature(heard: Heard) -> None:
    assert isinstance(unlocked(heard, b"a wrong PIN"), CardPinRefused)
    assert heard.line.locked
    assert unlocked(heard, PIN) is None
    heard.until_link(Link.LIVE)
    heard.line.lock()
    assert heard.line.locked
    heard.until_link(Link.OFFLINE)
    assert unlocked(heard, PIN) is None  # logged out in between: the PIN is wanted again
    heard.until_link(Link.LIVE)

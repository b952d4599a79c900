"""Another pin of a known seat is kept wherever its profile lies, and nothing else of it changes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.profile import Places, Profile, read_profile, write_profile
from keyturn.officerkeys.location import InKeyring
from keyturn.wire.tls import Pin
from keyturn_app.live.profiles import Environment, Known, ProfileStore, seat_id
from keyturn_app.shell.starting import repinned_chair

PROFILE = Profile(
    "https://control.test",
    Pin("ab" * 32),
    Digest("sha256:" + "00" * 32),
    "ada",
    InKeyring("ada"),
)
OTHER = "cd" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    made = ProfileStore(Places(tmp_path / "app", tmp_path / "app" / "state"))
    yield made
    made.close()


def test_in_the_apps_own_store(store: ProfileStore) -> None:
    seat = seat_id(PROFILE)
    places = store.places_for(seat)
    store.keep(Known(seat, "test", Environment.DEMO, PROFILE, "Ada", places))
    known = store.find(seat)

    chair = repinned_chair(store, [known], lambda _: None)(seat, OTHER)

    assert store.find(seat) == replace(known, profile=replace(PROFILE, pin=Pin(OTHER)))
    assert chair.seat.id == seat
    assert not places.profile.exists()


def test_in_a_profile_that_was_named_on_the_command_line(
    store: ProfileStore, tmp_path: Path
) -> None:
    places = Places(tmp_path / "desk", tmp_path / "desk" / "state")
    write_profile(places, PROFILE)
    known = Known(seat_id(PROFILE), "test", Environment.DEMO, PROFILE, "", places)

    repinned_chair(store, [known], lambda _: None)(known.id, OTHER)

    assert read_profile(places) == replace(PROFILE, pin=Pin(OTHER))
    assert store.all() == ()

"""What the app keeps about officers and servers: all of it, private, and nothing secret."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import Algorithm
from keyturn.client.errors import NoProfile
from keyturn.client.profile import Places, Profile, places_of, write_profile
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.location import InFile, InKeyring
from keyturn.wire.tls import Pin
from keyturn_app.live.errors import ProfilesTooNew, ProfilesUnusable, UnknownSeat
from keyturn_app.live.profiles import (
    Environment,
    Known,
    ProfileStore,
    imported,
    seat_id,
)
from support.authority import START

PROFILE = Profile(
    "https://control.test:8443",
    Pin("ab" * 32),
    digest_of(b"an authority"),
    "ada",
    InKeyring("ada"),
)


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(places_of(tmp_path / "app", {}))


def known(store: ProfileStore, profile: Profile = PROFILE) -> Known:
    seat = seat_id(profile)
    return Known(seat, "prod-eu", Environment.PROD, profile, "", store.places_for(seat))


def again(store: ProfileStore) -> ProfileStore:
    store.close()
    return ProfileStore(Places(store.path.parent, store.path.parent / "state"))


def test_what_is_kept_comes_back(store: ProfileStore) -> None:
    assert store.all() == ()
    ada = known(store)
    bela = known(store, replace(PROFILE, officer="bela", key=InFile(Path("/keys/bela.key"))))
    store.keep(bela)
    store.keep(ada)
    store.used(ada.id, START, "Ada Okafor")
    first, second = again(store).all()  # the last used comes first
    assert first == replace(ada, last_used=START, name="Ada Okafor")
    assert second == bela
    store.keep(replace(bela, label="renamed", environment=Environment.STAGING))
    assert store.find(bela.id).label == "renamed"
    store.of_seat(bela.id).set("views", "[]")
    store.forget(bela.id)
    assert [each.id for each in store.all()] == [ada.id]
    assert store.of_seat(bela.id).get("views") is None
    with pytest.raises(UnknownSeat):
        store.find(bela.id)


def test_settings_of_the_app_and_of_a_seat(store: ProfileStore) -> None:
    assert store.get("settings.density") is None
    store.set("settings.density", "compact")
    store.set("settings.density", "roomy")
    mine = store.of_seat("0123456789abcdef")
    mine.set("settings.density", "compact")
    store = again(store)
    assert store.get("settings.density") == "roomy"
    assert store.of_seat("0123456789abcdef").get("settings.density") == "compact"


def test_profiles_of_the_command_line_are_used_where_they_lie(
    store: ProfileStore, tmp_path: Path
) -> None:
    places = places_of(tmp_path / "ada", {})
    with pytest.raises(NoProfile):
        imported(places, "demo", Environment.DEMO)
    write_profile(places, PROFILE)
    found = imported(places, "demo", Environment.DEMO)
    store.keep(found)
    assert again(store).all() == (found,)
    assert found.places == places
    assert found.id == known(store).id  # the same officer at the same server


def test_only_its_owner_reads_it(store: ProfileStore) -> None:
    store.keep(known(store))
    assert store.path.stat().st_mode & 0o077 == 0
    assert store.path.parent.stat().st_mode & 0o077 == 0


def test_no_secret_is_in_the_file(store: ProfileStore, tmp_path: Path) -> None:
    passphrase = b"correct horse battery"
    with generate("ada", "Ada Okafor", Algorithm.ED25519) as secret:
        path = tmp_path / "ada.key"
        cost = KdfCost(iterations=1, lanes=1, memory_kib=8)
        write_key_file(path, secret, bytearray(passphrase), cost=cost)
        store.keep(known(store, replace(PROFILE, key=InFile(path))))
        store.used(seat_id(PROFILE), START, "Ada Okafor")
        private = bytes(secret.private_copy())
    store.close()
    raw = store.path.read_bytes()
    assert b"Ada Okafor" in raw  # the search finds what is there
    assert str(path).encode() in raw
    for each in (passphrase, private, private[:32], private[32:], private[:32].hex().encode()):
        assert each not in raw


def test_a_newer_file_is_refused(store: ProfileStore) -> None:
    store.keep(known(store))
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("UPDATE format SET number = 99")
    raw.close()
    with pytest.raises(ProfilesTooNew) as caught:
        again(store).all()
    assert caught.value.found == "format 99"
    assert caught.value.hint


def test_an_older_file_is_brought_up_to_date(store: ProfileStore) -> None:
    store.keep(known(store))
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("ALTER TABLE seat DROP COLUMN name")
        raw.execute("UPDATE format SET number = 1")
    raw.close()
    fresh = again(store)
    assert fresh.all() == (known(store),)
    fresh.used(seat_id(PROFILE), START, "Ada")
    assert fresh.all()[0].name == "Ada"


def test_what_is_no_database_is_said(store: ProfileStore, tmp_path: Path) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"not a database at all, but long enough to look like a file" * 20)
    with pytest.raises(ProfilesUnusable, match="file is not a database"):
        store.all()


def test_a_directory_in_its_place_is_said(store: ProfileStore) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(ProfilesUnusable, match="Is a directory"):
        store.all()


def test_a_changed_row_is_no_profile(store: ProfileStore) -> None:
    store.keep(known(store))
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("UPDATE seat SET pin = 'not a pin'")
    raw.close()
    with pytest.raises(ProfilesUnusable):
        again(store).all()


def test_the_database_is_imported_when_it_is_opened() -> None:
    code = (
        "import sys, keyturn_app.live.profiles; "
        "sys.exit(any(each.partition('.')[0] == 'sqlalchemy' for each in sys.modules))"
    )
    path = ":".join(each for each in sys.path if each)
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0

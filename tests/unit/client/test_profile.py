"""The profile: round trip, strict reading, and no half-written file."""

import stat
import threading
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.client.errors import FileUnusable, MalformedProfile, NoProfile
from keyturn.client.profile import (
    Places,
    Profile,
    alone,
    parse_profile,
    places_of,
    read_profile,
    station_profile,
    write_atomically,
    write_profile,
)
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, OnCard
from keyturn.wire.tls import Pin

PROFILE = Profile(
    "https://control.example:8443", Pin("ab" * 32), digest_of(b"roster"), "ada", InKeyring("ada")
)
TEXT = f"""
server = "https://control.example:8443/"
pin = "{"ab" * 32}"
fingerprint = "{digest_of(b"roster")}"
officer = "ada"
key = "keyring:ada"
"""


@pytest.mark.parametrize(
    "key",
    [
        InKeyring("ada"),
        InFile(Path('/keys/a "b" \\ c.key')),
        OnCard(Path("/m.so"), 'A "b": \\', "1\n2"),
    ],
)
def test_written_and_read_back(tmp_path: Path, key: KeyLocation) -> None:
    places = places_of(tmp_path / "p", {})
    profile = Profile(PROFILE.server, PROFILE.pin, PROFILE.fingerprint, "ada", key)
    write_profile(places, profile)
    assert read_profile(places) == profile
    assert stat.S_IMODE(places.profile.stat().st_mode) == 0o600


def test_a_station_has_no_server_and_no_pin(tmp_path: Path) -> None:
    places = places_of(tmp_path / "p", {})
    station = station_profile(PROFILE.fingerprint, "ada", InFile(Path("/keys/ada.key")))
    write_profile(places, station)
    assert "server" not in places.profile.read_text()
    assert read_profile(places) == station
    assert station.offline
    assert not PROFILE.offline


@pytest.mark.parametrize("kept", ["server", "pin"])
def test_half_a_server_is_no_station(kept: str) -> None:
    other = {"server": "pin", "pin": "server"}[kept]
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith(other))
    with pytest.raises(MalformedProfile, match="fields"):
        parse_profile(text, Path("/desk"))


def test_a_relative_key_file_lies_beside_the_profile() -> None:
    found = parse_profile(TEXT.replace("keyring:ada", "file:ada.key"), Path("/desk"))
    assert found.key == InFile(Path("/desk/ada.key"))
    assert parse_profile(TEXT, Path("/desk")) == PROFILE


def test_places_follow_the_xdg_specification() -> None:
    assert places_of(None, {"HOME": "/h"}) == Places(
        Path("/h/.config/keyturn"), Path("/h/.local/state/keyturn")
    )
    chosen = {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}
    assert places_of(None, chosen) == Places(Path("/c/keyturn"), Path("/s/keyturn"))
    assert places_of(Path("/p"), chosen) == Places(Path("/p"), Path("/p/state"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "fields"),
        ("server = ", "not TOML"),
        (TEXT + 'extra = "x"\n', "fields"),
        (TEXT.replace('officer = "ada"', "officer = 1"), "fields"),
        (TEXT.replace("https://", "http://"), "server"),
        (TEXT.replace("ab" * 32, "AB" * 32), "pin"),
        (TEXT.replace("sha256:", "sha512:"), "fingerprint"),
        (TEXT.replace("keyring:ada", "ada"), "not the place of a key"),
    ],
)
def test_anything_else_is_malformed(text: str, says: str) -> None:
    with pytest.raises(MalformedProfile, match=says):
        parse_profile(text, Path("/desk"))


def test_none_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    places = places_of(tmp_path, {})
    with pytest.raises(NoProfile):
        read_profile(places)
    places.profile.write_bytes(b"\xff")
    with pytest.raises(MalformedProfile):
        read_profile(places)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileUnusable, match="cannot write"):
        write_profile(places_of(tmp_path / "file", {}), PROFILE)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_one_at_a_time_is_alone(tmp_path: Path) -> None:
    inside, order = threading.Event(), list[str]()

    def second() -> None:
        inside.wait(10)
        with alone(tmp_path / "place" / "a.lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with alone(tmp_path / "place" / "a.lock"):
        inside.set()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_where_nothing_can_be_locked_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileUnusable), alone(tmp_path / "file" / "a.lock"):
        pytest.fail("it was not alone")

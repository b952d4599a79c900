"""What an officer's machine pins: server, TLS key, authority, and whose key lies where.

A profile without `server` and `pin` is an officer station's: nothing is ever asked for it.
`profile.toml` holds no secret. It lies under `$XDG_CONFIG_HOME/keyturn` with its memory under
`$XDG_STATE_HOME/keyturn`, or both in one directory that the officer names.
"""

import fcntl
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.client.errors import FileUnusable, MalformedProfile, NoProfile
from keyturn.officerkeys.location import InFile, KeyLocation, parse_location
from keyturn.wire.tls import Pin, parse_pin

_FILE = "profile.toml"
_FIELDS = ("server", "pin", "fingerprint", "officer", "key")
_OF_A_STATION = _FIELDS[2:]


@dataclass(frozen=True, slots=True)
class Profile:
    """Validated by `read_profile`, or by whoever constructs it from validated values."""

    server: str
    pin: Pin
    fingerprint: Digest
    officer: str
    key: KeyLocation

    @property
    def offline(self) -> bool:
        """An officer station: there is no server."""
        return not self.server


def station_profile(fingerprint: Digest, officer: str, key: KeyLocation) -> Profile:
    """A profile whose server is none."""
    return Profile("", Pin(""), fingerprint, officer, key)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a profile and its memory lie."""

    config: Path
    state: Path

    @property
    def profile(self) -> Path:
        return self.config / _FILE


def places_of(directory: Path | None, environment: Mapping[str, str]) -> Places:
    """`directory` and its `state`, or the XDG base directories (XDG Base Directory 0.8)."""
    if directory is not None:
        directory = directory.absolute()
        return Places(directory, directory / "state")
    home = Path(environment.get("HOME") or "~").expanduser()
    config = environment.get("XDG_CONFIG_HOME") or str(home / ".config")
    state = environment.get("XDG_STATE_HOME") or str(home / ".local" / "state")
    return Places(Path(config) / "keyturn", Path(state) / "keyturn")


def read_profile(places: Places) -> Profile:
    """Raises NoProfile, or MalformedProfile naming the field."""
    try:
        text = places.profile.read_text("utf-8")
    except FileNotFoundError as error:
        raise NoProfile(
            f"there is no profile at {places.profile}",
            hint="Make one with `keyturn connect`, or name its directory with --profile.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedProfile(f"cannot read {places.profile}: {type(error).__name__}") from error
    return parse_profile(text, places.config)


def parse_profile(text: str, directory: Path) -> Profile:
    """A relative key file is relative to `directory`. Raises MalformedProfile."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedProfile(f"the profile is not TOML: {error}") from error
    fields = set(values)
    known = fields in (set(_FIELDS), set(_OF_A_STATION))
    if not known or not all(isinstance(each, str) for each in values.values()):
        raise MalformedProfile(
            "the profile's fields", found=", ".join(sorted(values)), expected=", ".join(_FIELDS)
        )
    try:
        key = parse_location(values["key"])
        if isinstance(key, InFile):
            key = InFile(directory / key.path)
        fingerprint = parse_digest(values["fingerprint"], what="fingerprint")
        if "server" not in values:
            return station_profile(fingerprint, values["officer"], key)
        server, pin = _server(values["server"]), parse_pin(values["pin"])
        return Profile(server, pin, fingerprint, values["officer"], key)
    except MalformedError as error:
        raise MalformedProfile(
            f"the profile: {error.message}", found=error.found, expected=error.expected
        ) from error


def write_profile(places: Places, profile: Profile) -> None:
    """Replace the profile, whole or not at all. Raises MalformedProfile on unwritable values."""
    reached = {} if profile.offline else {"server": _server(profile.server), "pin": profile.pin}
    values = {
        **reached,
        "fingerprint": profile.fingerprint,
        "officer": profile.officer,
        "key": str(profile.key),
    }
    lines = [f"{name} = {_toml(name, value)}\n" for name, value in values.items()]
    write_atomically(places.profile, "".join(lines).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Mode 0600, flushed to disk before it takes the place of what was there, its name after.

    Raises FileUnusable when the disk says no; then what was there still is.
    """
    try:
        _replace(path, data)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(
        f"cannot write {path}: {error.strerror}",
        hint="Check that the disk has room and that the directory may be written.",
    )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other process or object holds this lock file meanwhile; the lock ends with the process,
    however that ends. Raises FileUnusable when the disk says no.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _server(url: str) -> str:
    if not url.startswith("https://"):
        raise MalformedProfile("server", found=repr(url[:80]), expected="https://…")
    return url.rstrip("/")


def _toml(name: str, value: str) -> str:
    """A TOML basic string. Raises MalformedProfile on control characters."""
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in value):
        raise MalformedProfile(f"{name} has a control character")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Where an officer's keys lie, as the profile writes it down: `file:PATH` or `keyring:OFFICER`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.errors import MalformedError
from keyturn.officerkeys.keyfile import open_key_file, read_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret
from keyturn.officerkeys.oskeyring import Backend, load_secret, system_keyring


@dataclass(frozen=True, slots=True)
class InFile:
    """An encrypted key file."""

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class InKeyring:
    """The OS keyring's entry of one officer."""

    officer: str

    def __str__(self) -> str:
        return f"keyring:{self.officer}"


KeyLocation = InFile | InKeyring


def parse_location(text: str) -> KeyLocation:
    """Raises MalformedError on anything but the two forms."""
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        return InFile(Path(rest))
    if kind == "keyring" and rest:
        return InKeyring(rest)
    raise MalformedError(
        "not the place of a key", found=repr(text[:80]), expected="file:PATH or keyring:OFFICER"
    )


def open_keys(
    location: KeyLocation,
    ask: Callable[[OfficerPublic], bytearray],
    *,
    keyring: Callable[[], Backend] = system_keyring,
) -> OfficerSecret:
    """Open an officer's keys; `ask` gives a key file's passphrase, which is wiped afterwards.

    Raises the errors of `keyfile` and `oskeyring`.
    """
    if isinstance(location, InKeyring):
        return load_secret(keyring(), location.officer)
    file = read_key_file(location.path)
    passphrase = ask(file.public)
    try:
        return open_key_file(file, passphrase)
    finally:
        passphrase[:] = bytes(len(passphrase))

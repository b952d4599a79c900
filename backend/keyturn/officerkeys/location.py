"""Where an officer's keys lie, as the profile writes it down.

`file:PATH`, `keyring:OFFICER` or `card:MODULE:TOKEN:KEY`. In the three parts of a card, `%`,
`:` and control characters are written %XX (UTF-8, RFC 3986 §2.1, upper-case digits), and
nothing else is, so that there is one way to write a place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from keyturn.base.errors import MalformedError
from keyturn.officerkeys.errors import KeyStoreUnavailable
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


@dataclass(frozen=True, slots=True)
class OnCard:
    """A signing key on a PKCS#11 card. Raises MalformedError on parts that cannot be written."""

    module: Path
    """The card's library: code that will run as the officer, so never by a relative path."""
    token: str
    """Label or serial number of the card."""
    key: str
    """Label of the key, or its id in hex."""

    def __post_init__(self) -> None:
        if not self.module.is_absolute():
            raise _not_a_card("a relative path of the module", "an absolute path")
        for part in (self.token, self.key):
            if not 0 < len(part) <= _MAX_NAME:
                raise _not_a_card(f"{len(part)} characters", f"1 to {_MAX_NAME}")
        try:
            str(self).encode()
        except UnicodeEncodeError as error:
            raise _not_a_card("a name that is not text", "UTF-8") from error

    def __str__(self) -> str:
        parts = (str(self.module), self.token, self.key)
        return "card:" + ":".join(_quoted(part) for part in parts)


KeyLocation = InFile | InKeyring | OnCard
_MAX_NAME = 255


def parse_location(text: str) -> KeyLocation:
    """Raises MalformedError on anything but the three forms."""
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        return InFile(Path(rest))
    if kind == "keyring" and rest:
        return InKeyring(rest)
    if kind == "card" and rest:
        return parse_card_location(text)
    raise MalformedError(
        "not the place of a key",
        found=repr(text[:80]),
        expected="file:PATH, keyring:OFFICER or card:MODULE:TOKEN:KEY",
    )


def open_keys(
    location: KeyLocation,
    ask: Callable[[OfficerPublic], bytearray],
    *,
    keyring: Callable[[], Backend] = system_keyring,
) -> OfficerSecret:
    """Open an officer's keys; `ask` gives a key file's passphrase, which is wiped afterwards.

    Raises the errors of `keyfile` and `oskeyring`, and KeyStoreUnavailable for a card: its key
    can be used (`keyturn.client.signing`), and never comes here.
    """
    if isinstance(location, OnCard):
        raise KeyStoreUnavailable("a key on a card does not leave it", found=str(location)[:200])
    if isinstance(location, InKeyring):
        return load_secret(keyring(), location.officer)
    file = read_key_file(location.path)
    passphrase = ask(file.public)
    try:
        return open_key_file(file, passphrase)
    finally:
        passphrase[:] = bytes(len(passphrase))


def parse_card_location(text: str) -> OnCard:
    """`card:MODULE:TOKEN:KEY`, as `str` of it is written and no other way.

    Raises MalformedError.
    """
    kind, *parts = text.split(":")
    if kind != "card" or len(parts) != 3:
        raise _not_a_card(f"{len(parts)} parts", "MODULE:TOKEN:KEY, with : in names written %3A")
    try:
        module, token, key = (unquote(part, errors="strict") for part in parts)
    except UnicodeDecodeError as error:
        raise _not_a_card("a name that is not text", "UTF-8") from error
    found = OnCard(Path(module), token, key)
    if str(found) != text:
        raise _not_a_card(repr(text[:80]), str(found)[:200])
    return found


def _quoted(part: str) -> str:
    return "".join(
        f"%{ord(each):02X}" if each in "%:" or ord(each) < 0x20 or ord(each) == 0x7F else each
        for each in part
    )


def _not_a_card(found: str, expected: str) -> MalformedError:
    return MalformedError("not the place of a key on a card", found=found, expected=expected)

"""Officers' cards for tests: SoftHSM 2 tokens in this process, with PINs like people's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from keyturn.base.signatures import Algorithm
from keyturn.client.card import CardInfo, CardKey, create_card_key
from keyturn.hsm.genesis import initialise, write_configuration
from keyturn.hsm.pkcs11 import Session
from keyturn.hsm.shared import shared_library
from keyturn.hsm.token import find_token
from keyturn.officerkeys.location import OnCard
from support.hsmtoken import softhsm_module

TOKEN = "Ada's card: 1%"
PIN = b"314159-pin-of-ada"
SO_PIN = b"so-pin-of-a-card"


@dataclass
class Hand:
    """Types PINs when asked, each time a new buffer, and remembers what it saw."""

    pin: bytes = PIN
    asked: list[CardInfo] = field(default_factory=list)
    typed: list[bytearray] = field(default_factory=list)

    def __call__(self, info: object) -> bytearray:
        assert isinstance(info, CardInfo)
        self.asked.append(info)
        self.typed.append(bytearray(self.pin))
        return self.typed[-1]

    def is_wiped(self) -> bool:
        return all(not any(each) for each in self.typed)


@dataclass
class Reader:
    """The cards at this machine: a module, and a folder with a card's files in each directory."""

    module: Path
    directory: Path

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens"

    def insert(self, label: str = TOKEN) -> None:
        """A new card; its maker set both PINs."""
        with shared_library(self.module) as library:
            initialise(library, label, bytearray(SO_PIN), bytearray(PIN))

    def take_out(self) -> None:
        self.tokens.rename(self.directory / "pocket")
        self.tokens.mkdir()

    def put_back(self) -> None:
        self.tokens.rmdir()
        (self.directory / "pocket").rename(self.tokens)

    def place(self, key: str, token: str = TOKEN) -> OnCard:
        return OnCard(self.module, token, key)

    def make(self, algorithm: Algorithm, key: str = "sign", token: str = TOKEN) -> CardKey:
        return create_card_key(self.place(key, token), algorithm, Hand())

    @contextmanager
    def as_its_tool(self, label: str = TOKEN) -> Iterator[Session]:
        """A logged-in session, to put on the card what other people's tools put there."""
        with (
            shared_library(self.module) as library,
            library.session(find_token(library, label).slot) as session,
        ):
            session.login_user(bytearray(PIN))
            yield session
            session.logout()


@contextmanager
def card_reader(directory: Path, *labels: str) -> Iterator[Reader]:
    """Cards of this test's own, TOKEN unless others are named."""
    module = softhsm_module()
    configuration = write_configuration(directory)
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        reader = Reader(module, directory)
        for label in labels or (TOKEN,):
            reader.insert(label)
        yield reader
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before

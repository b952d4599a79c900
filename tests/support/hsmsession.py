"""A logged-in session of a SoftHSM token in this very process: to play whoever holds the PIN."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyturn.hsm.genesis import initialise, write_configuration
from keyturn.hsm.pins import new_pin
from keyturn.hsm.pkcs11 import Library, Session
from keyturn.hsm.token import find_token
from support.hsmtoken import LABEL, softhsm_module
from support.softwarelog import without_ed25519


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """An initialised token without any key; `session` is logged in as the user."""

    library: Library
    session: Session
    so_pin: bytearray
    pin: bytearray

    @contextmanager
    def officer(self) -> Iterator[Session]:
        """The same session, logged in as the SO meanwhile. Handles of private keys die by it."""
        self.session.logout()
        self.session.login(self.so_pin, security_officer=True)
        try:
            yield self.session
        finally:
            self.session.logout()
            self.session.login(self.pin)


@contextmanager
def open_slot(directory: Path, *, ed25519: bool = True) -> Iterator[OpenSlot]:
    before = os.environ.get("SOFTHSM2_CONF")
    configuration = write_configuration(directory)
    os.environ["SOFTHSM2_CONF"] = str(configuration if ed25519 else without_ed25519(configuration))
    library = Library(softhsm_module())
    try:
        so_pin, pin = (new_pin(secrets.token_bytes(16)) for _ in range(2))
        initialise(library, LABEL, so_pin, pin)
        with library.session(find_token(library, LABEL).slot) as session:
            session.login(pin)
            yield OpenSlot(library, session, so_pin, pin)
    finally:
        library.close()
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before

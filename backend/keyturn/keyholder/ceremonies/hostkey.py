"""The host's key, new for each process, to which custodians' shares are sealed (§10.7)."""

import secrets
from collections.abc import Callable
from datetime import datetime

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest
from keyturn.ceremony.hostdocument import BOOT_SIZE, HOST_TYPE, HostDocument
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareboxes import entry_info, make_host_key, open_entry

SignHost = Callable[[str, bytes], Envelope]
"""(payload type, payload) → envelope, by the keyholder's identity key."""


class HostKey:
    """The private half is in this process alone, and ends with it."""

    def __init__(self, *, rehearsal: bool = False) -> None:
        self._private, self._public = make_host_key(secrets.token_bytes(96))
        self._rehearsal = rehearsal
        self.boot = secrets.token_bytes(BOOT_SIZE).hex()

    @property
    def public(self) -> bytes:
        return self._public

    def open(
        self, sealed: bytes, ceremony: str, previous: Digest, use: ShareUse, officer: str
    ) -> bytearray:
        """The words of an entered share; the caller wipes them. Raises CeremonyRefused."""
        info = entry_info(self.boot, ceremony, previous, use, officer)
        return open_entry(sealed, self._private, info)

    def document(
        self,
        authority: Digest | None,
        size: int,
        root: bytes,
        now: datetime,
        sign: SignHost | None,
    ) -> bytes:
        """The envelope's bytes, or the bare document's where nothing signs it."""
        payload = HostDocument(
            authority, self.boot, self._public, size, root.hex(), now, self._rehearsal
        ).to_payload()
        return payload if sign is None else sign(HOST_TYPE, payload).to_bytes()

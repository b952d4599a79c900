"""Signing as an officer: payload in, DSSE envelope out.

Whoever signs depends on the `Signer` protocol alone; a PKCS#11 card will be another one.
"""

from typing import Protocol

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.signatures import KeyId
from keyturn.officerkeys.keypair import OfficerSecret


class Signer(Protocol):
    """One officer's signing key, wherever it lies."""

    @property
    def officer(self) -> str: ...

    @property
    def key_id(self) -> KeyId: ...

    @property
    def spki(self) -> bytes: ...

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """An envelope with this key's one signature over exactly these bytes."""
        ...

    def derived(self, info: bytes) -> bytes:
        """32 bytes that need the officer's private keys (`OfficerSecret.derived`); none where
        there is only a card's signing key."""
        ...


class Unsealer(Protocol):
    """Opens what was sealed to one officer's HPKE key, wherever that lies."""

    @property
    def officer(self) -> str: ...

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        """As `OfficerSecret.unseal`. Raises UntrustedError."""
        ...


class OfficerSigner:
    """A `Signer` and an `Unsealer` over keys in memory. Does not own them: who opened the secret
    wipes it."""

    def __init__(self, secret: OfficerSecret) -> None:
        self._secret = secret

    @property
    def officer(self) -> str:
        return self._secret.public.officer

    @property
    def key_id(self) -> KeyId:
        return self._secret.public.key_id

    @property
    def spki(self) -> bytes:
        return self._secret.public.spki

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        value = self._secret.sign(pae(payload_type, payload))
        return Envelope(payload_type, payload, (Signature(self.key_id, value),))

    def derived(self, info: bytes) -> bytes:
        return self._secret.derived(info)

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        return self._secret.unseal(sealed, info)

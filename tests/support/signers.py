"""An officer's signer for tests: the test authority's own keys, without a keyring."""

import hashlib
from dataclasses import dataclass

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.signatures import KeyId, key_id_of
from support.authority import Person, sign, spki


@dataclass
class PersonSigner:
    """A `Signer` over one of the test authority's people."""

    person: Person

    @property
    def officer(self) -> str:
        return self.person.id

    @property
    def key_id(self) -> KeyId:
        return key_id_of(self.spki)

    @property
    def spki(self) -> bytes:
        return spki(self.person.keys[0])

    def derived(self, info: bytes) -> bytes:
        return hashlib.sha256(self.person.id.encode() + info).digest()

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        return parse_envelope(sign(payload_type, payload, self.person.keys[0]))

"""The officer's key while it is open, shared by both network threads and locked from any thread."""

import threading

from keyturn.base.dsse import Envelope
from keyturn.base.signatures import KeyId
from keyturn.officerkeys.keypair import OfficerSecret
from keyturn.officerkeys.signer import OfficerSigner, Signer
from keyturn_app.desk import Locked
from keyturn_app.i18n import _


class LockedKey:
    """A `Signer` that raises Locked unless a key is open. Owns the secret it is given."""

    def __init__(self, officer: str) -> None:
        self._officer = officer
        self._lock = threading.Lock()
        self._signer: Signer | None = None
        self._secret: OfficerSecret | None = None

    @property
    def locked(self) -> bool:
        return self._signer is None

    def open(self, secret: OfficerSecret) -> None:
        with self._lock:
            self._wipe()
            self._secret, self._signer = secret, OfficerSigner(secret)

    def borrow(self, signer: Signer) -> None:
        """A key that somebody else owns: a card, or a test's."""
        with self._lock:
            self._wipe()
            self._signer = signer

    def lock(self) -> None:
        """Overwritten once whoever signs at this moment is through; at once otherwise."""
        with self._lock:
            self._wipe()

    @property
    def officer(self) -> str:
        return self._officer

    @property
    def key_id(self) -> KeyId:
        return self._open().key_id

    @property
    def spki(self) -> bytes:
        return self._open().spki

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        with self._lock:
            return self._open().sign(payload_type, payload)

    def _open(self) -> Signer:
        signer = self._signer
        if signer is None:
            raise Locked(_("the officer's key is locked away"))
        return signer

    def _wipe(self) -> None:
        if self._secret is not None:
            self._secret.wipe()
        self._secret = self._signer = None

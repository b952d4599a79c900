"""The officer's key while it is open, shared by both network threads and locked from any thread."""

import threading

from keyturn.base.dsse import Envelope
from keyturn.base.signatures import KeyId
from keyturn.client.errors import CardRefused
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.signer import OfficerSigner, Signer
from keyturn_app.desk import Locked
from keyturn_app.i18n import _


class LockedKey:
    """A `Signer` that raises Locked unless a key is open. Closes the key that it is given."""

    def __init__(self, officer: str) -> None:
        self._officer = officer
        self._lock = threading.Lock()
        self._open_key: Unlocked | None = None

    @property
    def locked(self) -> bool:
        return self._open_key is None

    def open(self, unlocked: Unlocked) -> None:
        with self._lock:
            self._close()
            self._open_key = unlocked

    def lock(self) -> None:
        """Keys overwritten, a card logged out: at once, or when a signature is through."""
        with self._lock:
            self._close()

    @property
    def officer(self) -> str:
        return self._officer

    @property
    def key_id(self) -> KeyId:
        return self._signer().key_id

    @property
    def spki(self) -> bytes:
        return self._signer().spki

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        with self._lock:
            return self._signer().sign(payload_type, payload)

    def derived(self, info: bytes) -> bytes:
        with self._lock:
            return self._signer().derived(info)

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        """As `Unsealer`, for a share. Raises Locked, and CardRefused where a card only signs."""
        with self._lock:
            signer = self._signer()
            if not isinstance(signer, OfficerSigner):
                raise CardRefused("a card signs, and opens nothing")
            return signer.unseal(sealed, info)

    def _signer(self) -> Signer:
        unlocked = self._open_key
        if unlocked is None:
            raise Locked(_("the officer's key is locked away"))
        return unlocked.signer

    def _close(self) -> None:
        unlocked, self._open_key = self._open_key, None
        if unlocked is not None:
            unlocked.close()

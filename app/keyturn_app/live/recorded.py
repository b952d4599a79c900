"""A recording in the place of a server: the live desk, its threads and its verifiers, unchanged.

Nothing can be signed or posted, and the clock stands at the recording's moment. No Qt in here.
"""

from collections.abc import Callable
from datetime import datetime

from keyturn.base.dsse import Envelope
from keyturn.base.signatures import KeyId
from keyturn.client.signing import Unlocked
from keyturn_app.live.line import Wiring
from keyturn_app.recording import Moment, Recording, RecordingUnusable


class Unsigning:
    """A `Signer` for an officer whose key is not here."""

    def __init__(self, officer: str) -> None:
        self.officer = officer

    @property
    def key_id(self) -> KeyId:
        raise RecordingUnusable("a recording signs nothing")

    @property
    def spki(self) -> bytes:
        raise RecordingUnusable("a recording signs nothing")

    def sign(self, payload_type: str, payload: bytes) -> Envelope:  # noqa: ARG002 - Signer's
        raise RecordingUnusable("a recording signs nothing")

    def derived(self, info: bytes) -> bytes:  # noqa: ARG002 - Signer's
        raise RecordingUnusable("a recording signs nothing")


def wired(
    recording: Recording, moment: Moment, now: Callable[[], datetime] | None = None
) -> Wiring:
    """Answers from `moment`, whose clock stands still unless `now` says else. No events come, and
    any passphrase opens what signs nothing.
    """

    def open_key(secret: bytearray) -> Unlocked:
        secret[:] = bytes(len(secret))
        return Unlocked(Unsigning(recording.profile.officer), lambda: None)

    return Wiring(lambda _signer: recording.client(moment, now=now), None, open_key, cosigns=False)

"""Sign-in to the control plane: what an officer signs (our protocol §7.3).

The payload names the server's TLS key as the client saw it: a signature that a false server
collected cannot be used at the true one.
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.wire.tls import Pin, parse_pin

SIGN_IN_TYPE = "application/vnd.keyturn.sign-in.v1+json"
MAX_SIGN_IN = 16 << 10
NONCE_SIZE = 32


@dataclass(frozen=True, slots=True)
class SignIn:
    """A parsed sign-in. Who signed it is not proved yet."""

    officer: str
    nonce: str  # 32 bytes in hex
    server: Pin
    time: datetime
    envelope: Envelope


def sign_in_payload(officer: str, nonce: str, server: Pin, time: datetime) -> bytes:
    """The payload to sign under SIGN_IN_TYPE."""
    return dump(
        {
            "type": "sign-in",
            "format": 1,
            "officer": officer,
            "nonce": nonce,
            "server": server,
            "time": format_time(time),
        }
    )


def parse_sign_in(raw: bytes) -> SignIn:
    """Raises MalformedError. Proves nothing."""
    envelope = parse_envelope(raw, limit=MAX_SIGN_IN)
    if envelope.payload_type != SIGN_IN_TYPE:
        raise MalformedError(
            "not a sign-in", found=repr(envelope.payload_type), expected=SIGN_IN_TYPE
        )
    fields = parse_object(envelope.payload, limit=MAX_SIGN_IN, what="sign-in")
    fields.literal("type", "sign-in")
    fields.literal("format", 1)
    sign_in = SignIn(
        fields.text("officer", limit=64),
        fields.hex("nonce", size=NONCE_SIZE).hex(),
        parse_pin(fields.text("server", limit=64)),
        fields.time("time"),
        envelope,
    )
    fields.done()
    return sign_in

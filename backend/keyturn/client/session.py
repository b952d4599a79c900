"""Signing in: an officer's signature over the server's nonce and the TLS key as seen (§7.3)."""

from datetime import datetime

from keyturn.base.encoding import b64
from keyturn.client.authority import left_roster
from keyturn.client.errors import ServerLied, ServerRefused
from keyturn.client.memory import Memory, Session
from keyturn.client.profile import Profile
from keyturn.client.transport import Transport
from keyturn.officerkeys.signer import Signer
from keyturn.wire.signin import NONCE_SIZE, SIGN_IN_TYPE, sign_in_payload
from keyturn.wire.tls import Pin


def sign_in(transport: Transport, pin: Pin, signer: Signer, now: datetime) -> Session:
    """A fresh session. Raises ServerRefused when the server does not know the officer.

    What is signed names the TLS key, so it is worthless to anybody who relays it.
    """
    challenge = transport.post("/v1/session/challenges", "sign-in challenge", {})
    nonce = challenge.hex("nonce", size=NONCE_SIZE).hex()
    envelope = signer.sign(SIGN_IN_TYPE, sign_in_payload(signer.officer, nonce, pin, now))
    answer = transport.post("/v1/sessions", "session", {"envelope": b64(envelope.to_bytes())})
    officer = answer.text("officer", limit=64)
    if officer != signer.officer:
        raise ServerLied("signed in as somebody else", found=officer, expected=signer.officer)
    return Session(answer.text("token", limit=1000), pin, officer, answer.time("expires"))


def sign_in_or_left(
    transport: Transport, profile: Profile, memory: Memory, signer: Signer, now: datetime
) -> Session:
    """As `sign_in`. Raises NoLongerOfficer when the server says so and its verified roster too."""
    try:
        return sign_in(transport, profile.pin, signer, now)
    except ServerRefused as error:
        if error.kind != "officer":
            raise
        transport.use_token(None)
        left = left_roster(transport, profile.fingerprint, memory, profile.officer, now)
        raise left or error from error

"""Witnesses of a test's own: they sign with `cryptography` directly, and check nothing."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import b64
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.quorum.kinds import Kind
from support.authority import spki
from support.system import System

T = 300


@dataclass
class Pen:
    """A witness's key. What it is asked to cosign, it cosigns."""

    name: str = "witness.example/w1"
    key: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)

    @property
    def verify_key(self) -> VerifyKey:
        return load_verify_key(spki(self.key))

    def line(self, text: str, time: int) -> str:
        """By the words of C2SP tlog-cosignature."""
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        public = self.key.public_key().public_bytes_raw()
        key_id = hashlib.sha256(self.name.encode() + b"\n\x04" + public).digest()[:4]
        value = key_id + time.to_bytes(8, "big") + self.key.sign(message)
        return f"— {self.name} {base64.b64encode(value).decode()}\n"

    def cosigned(self, note: bytes, time: int) -> bytes:
        text = note.decode().partition("\n\n")[0] + "\n"
        return note + self.line(text, time).encode()


def require_witnesses(
    system: System, keys: Sequence[ed25519.Ed25519PrivateKey], k: int, t_seconds: int = T
) -> None:
    """The next roster: these keys, k of them, no older than this."""
    listed = [{"algorithm": "ed25519", "spki": b64(spki(key))} for key in keys]
    witnesses = {"keys": listed, "k": k, "t_seconds": t_seconds}
    body = system.authority.roster_body(witnesses=witnesses)
    system.enact(Kind.ROSTER, "roster", body)

"""DSSE v1 envelopes: signatures over exact bytes, verified before anything is parsed.

Source: secure-systems-lab/dsse protocol.md and envelope.md, v1.0. Narrower than the
specification: standard base64 only, a keyid on every signature (our protocol §2), no
unknown fields. Signers are counted by whoever asks, as officers, never as key ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import KeyId, VerifyKey
from keyturn.base.strictjson import dump, parse_object

MAX_ENVELOPE = 4 << 20
MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True)
class Signature:
    key_id: KeyId
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope. Parsed is not trusted: `verified_signers` proves it."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> Digest:
        """SHA-256 of the payload's exact bytes; the payload names its own type."""
        return digest_of(self.payload)

    def to_bytes(self) -> bytes:
        return dump(
            {
                "payloadType": self.payload_type,
                "payload": b64(self.payload),
                "signatures": [{"keyid": s.key_id, "sig": b64(s.value)} for s in self.signatures],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: what is signed (DSSE protocol.md, "PAE")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(raw: bytes, *, limit: int = MAX_ENVELOPE) -> Envelope:
    """Read an envelope. Raises MalformedError. Nothing is verified yet."""
    fields = parse_object(raw, limit=limit, what="envelope")
    payload_type = fields.text("payloadType", limit=200)
    payload = fields.b64("payload", limit=limit)
    signatures = []
    for each in fields.objects("signatures", limit=MAX_SIGNATURES):
        key_id = each.hex("keyid", size=32).hex()
        signatures.append(Signature(KeyId(key_id), each.b64("sig", limit=4096)))
        each.done()
    fields.done()
    if len({s.key_id for s in signatures}) != len(signatures):
        raise MalformedError("envelope: one key signed twice")
    return Envelope(payload_type, payload, tuple(signatures))


def verified_signers(envelope: Envelope, keys: Mapping[KeyId, VerifyKey]) -> tuple[KeyId, ...]:
    """Verify every signature; all must be by known keys, and there must be one.

    Raises UntrustedError. An envelope with one good and one foreign signature is refused:
    what a signer did not mean to stand beside is not proof of anything.
    """
    if not envelope.signatures:
        raise UntrustedError("envelope has no signature")
    message = pae(envelope.payload_type, envelope.payload)
    for signature in envelope.signatures:
        key = keys.get(signature.key_id)
        if key is None:
            raise UntrustedError(f"envelope is signed by an unknown key {signature.key_id[:16]}")
        key.verify(signature.value, message)
    return tuple(s.key_id for s in envelope.signatures)

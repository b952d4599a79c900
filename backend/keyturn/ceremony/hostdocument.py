"""What a ceremony's host says of itself: the key that shares are sealed to (our protocol §10.7).

Signed by the `keyholder` key of the `keys` statement where there is one: a control plane that
puts its own key there is found out.
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.dsse import Envelope, parse_envelope, verified_signers
from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.shareboxes import HOST_KEY
from keyturn.quorum.kinds import payload_type

HOST_TYPE = payload_type("ceremony-host")
MAX_HOST = 64 << 10
BOOT_SIZE = 16  # bytes


@dataclass(frozen=True, slots=True)
class HostDocument:
    """`size` and `root` (hex) are of the host's log; 0 and the empty tree's where it has none."""

    authority: Digest | None
    boot: str
    key: bytes
    size: int
    root: str
    time: datetime
    rehearsal: bool

    def to_payload(self) -> bytes:
        """The bare document, or the payload to sign under HOST_TYPE."""
        return dump(
            {
                "type": "ceremony-host",
                "format": 1,
                "authority": self.authority,
                "boot": self.boot,
                "key": b64(self.key),
                "size": self.size,
                "root": self.root,
                "time": format_time(self.time),
                "rehearsal": self.rehearsal,
            }
        )


@dataclass(frozen=True, slots=True)
class SaidHost:
    """A host document as it came; `envelope` None where nothing signs it."""

    document: HostDocument
    envelope: Envelope | None


def parse_host(raw: bytes) -> SaidHost:
    """An envelope, or the bare document. Raises MalformedError; nothing is verified yet."""
    try:
        envelope = parse_envelope(raw, limit=2 * MAX_HOST)
    except MalformedError:
        return SaidHost(_read(raw), None)
    if envelope.payload_type != HOST_TYPE:
        raise MalformedCeremony(
            "not a host's document", found=repr(envelope.payload_type[:100]), expected=HOST_TYPE
        )
    return SaidHost(_read(envelope.payload), envelope)


def check_host(said: SaidHost, keyholder: VerifyKey | None) -> None:
    """Whether it is signed as it must be: by `keyholder`, the key of the `keys` statement, where
    there is one. Raises CeremonyRefused."""
    if keyholder is None:
        return
    try:
        if said.envelope is None:
            raise UntrustedError("nobody signed it")
        verified_signers(said.envelope, {keyholder.key_id: keyholder})
    except UntrustedError as error:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            "this host's key is not signed by the keyholder of this authority",
            found=error.message,
            expected=f"a signature by {keyholder.key_id[:16]}",
            hint="Enter no share: whoever answers here is not the keyholder that you know. Where a "
            "restore gave the authority new keys, ask the others for its new bundle.",
        ) from error


def _read(raw: bytes) -> HostDocument:
    fields: Fields = parse_object(raw, limit=MAX_HOST, what="host's document")
    fields.literal("type", "ceremony-host")
    fields.literal("format", 1)
    document = HostDocument(
        fields.nullable("authority", fields.digest),
        fields.hex("boot", size=BOOT_SIZE).hex(),
        fields.b64("key", size=HOST_KEY),
        fields.integer("size"),
        fields.hex("root", size=32).hex(),
        fields.time("time"),
        fields.boolean("rehearsal"),
    )
    fields.done()
    return document

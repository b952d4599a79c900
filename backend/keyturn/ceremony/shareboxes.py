"""Shares on their way: sealed to their custodian, and by their custodian to the host.

Source: our protocol §10.6; HPKE is RFC 9180, base mode, empty aad.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from keyturn.base.encoding import Digest, lp, sha256, u32
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.script import ShareUse

BOX_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
ENTRY_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
OFFICER_KEY = 32  # bytes: raw X25519
MLKEM_PUBLIC = 1184
_ANY = x25519.X25519PrivateKey.from_private_bytes(bytes([7] * 32))
HOST_KEY = MLKEM_PUBLIC + 32  # bytes: ML-KEM-768 encapsulation key, X25519

HostPrivate = hpke.MLKEM768X25519PrivateKey


def box_info(
    ceremony: str, plan: Digest, use: ShareUse, officer: str, group: int, member: int
) -> bytes:
    """HPKE's info of a share box: no other share's, officer's or ceremony's box has it."""
    texts = (ceremony, plan, use.value, officer)
    parts = b"".join(lp(each.encode()) for each in texts)
    return sha256(b"keyturn-share-v1" + parts + u32(group) + u32(member))


def seal_box(words: bytes | bytearray, officer_key: bytes, info: bytes) -> bytes:
    """To the officer's `hpke` key of the roster. Raises MalformedCeremony for one that is none."""
    try:
        public = x25519.X25519PublicKey.from_public_bytes(officer_key)
        return BOX_SUITE.encrypt(bytes(words), public, info)
    except ValueError as error:
        raise MalformedCeremony("an officer's HPKE key is not a public key") from error


def entry_info(boot: str, ceremony: str, previous: Digest, use: ShareUse, officer: str) -> bytes:
    """HPKE's info of an entered share: for this host process, this step, this officer."""
    texts = (boot, ceremony, previous, use.value, officer)
    return sha256(b"keyturn-share-entry-v1" + b"".join(lp(each.encode()) for each in texts))


def seal_entry(words: bytes | bytearray, host_key: bytes, info: bytes) -> bytes:
    """To a host's key (raw, ML-KEM-768 ‖ X25519). Raises MalformedCeremony."""
    return ENTRY_SUITE.encrypt(bytes(words), host_public(host_key), info)


def open_entry(sealed: bytes, key: HostPrivate, info: bytes) -> bytearray:
    """The words; the caller wipes them. Raises CeremonyRefused."""
    try:
        return bytearray(ENTRY_SUITE.decrypt(sealed, key, info))
    except (InvalidTag, ValueError) as error:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            "the share was not sealed for this step of this ceremony at this host",
            found=f"{len(sealed)} bytes that do not open here",
            expected="a share sealed to this host's key, for this officer and the newest record",
            hint="ask for the host's key again, and enter the share again",
        ) from error


def host_public(raw: bytes) -> hpke.MLKEM768X25519PublicKey:
    """Raises MalformedCeremony."""
    if len(raw) != HOST_KEY:
        raise MalformedCeremony(
            "the host's key has a wrong size", found=str(len(raw)), expected=str(HOST_KEY)
        )
    try:
        public = x25519.X25519PublicKey.from_public_bytes(raw[MLKEM_PUBLIC:])
        _ANY.exchange(public)  # refuses points of small order
        return hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(raw[:MLKEM_PUBLIC]), public
        )
    except ValueError as error:
        raise MalformedCeremony("the host's key is not a public key") from error


def make_host_key(random96: bytes) -> tuple[HostPrivate, bytes]:
    """The private key of 96 random bytes, and its public half in the form of `host_public`."""
    first = mlkem.MLKEM768PrivateKey.from_seed_bytes(random96[:64])
    second = x25519.X25519PrivateKey.from_private_bytes(random96[64:])
    raw = first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()
    return hpke.MLKEM768X25519PrivateKey(first, second), raw

"""The typed bodies of every kind of statement but the roster (our protocol §2.6).

No free-form language: what the keyholder cannot check is not a rule. An empty set never
means *anything*; `any` must be written (I6).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.encoding import Digest, parse_digest, unhex
from keyturn.base.signatures import KeyId, key_id_of, load_verify_key
from keyturn.base.strictjson import Fields
from keyturn.quorum.ceremony_body import Ceremony, Restore, parse_ceremony, parse_restore
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Policy, parse_policy
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.quorum.roster import Roster, parse_roster
from keyturn.quorum.tpm_bodies import TpmIssuer, read_tpm_issuers


class Purpose(Enum):
    INGEST = "ingest"
    LOG = "log"
    RESULT = "result"
    KEYHOLDER = "keyholder"
    """The process's own key, not the token's; it need not be named."""


TOKEN_PURPOSES = (Purpose.INGEST, Purpose.LOG, Purpose.RESULT)
"""What every `keys` statement names, each once."""


class KeyAlgorithm(Enum):
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ED25519 = "ed25519"
    P256 = "p256"


class OaepHash(Enum):
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"


_FITS = {
    Purpose.INGEST: {KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096},
    Purpose.LOG: {KeyAlgorithm.ED25519},
    Purpose.RESULT: {KeyAlgorithm.P256},
    Purpose.KEYHOLDER: {KeyAlgorithm.ED25519},
}

_RSA_EXPONENT = 65537
_SIMULATED_VENDORS = ("amd", "intel", "nvidia", "nvidia-rim", "tpm")
_PLATFORM_ID = re.compile(
    r"amd-(?:hidden|[a-z0-9]+-(?:[0-9a-f]{2})+)\Z|intel-[0-9a-f]{32}\Z|nvidia-[a-z0-9.-]*[a-z0-9]\Z"
)


@dataclass(frozen=True, slots=True)
class PublicKeyEntry:
    purpose: Purpose
    algorithm: KeyAlgorithm
    spki: bytes
    oaep_hash: OaepHash | None
    in_software: bool = False
    """Of the log key: it is a *software log key* (our protocol §10.17)."""

    @property
    def key_id(self) -> KeyId:
        return key_id_of(self.spki)


REHEARSED = "rehearsal."
"""How the log's name begins in keys of a rehearsal, and in no others."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Every public key of the keyholder and its HSM; one of each purpose, of KEYHOLDER perhaps
    none."""

    origin: str
    assurance: str  # "software" or "hardware"
    keys: Mapping[Purpose, PublicKeyEntry]

    @property
    def rehearsed(self) -> bool:
        """Whether they are of a rehearsal's throw-away token."""
        return self.origin.startswith(REHEARSED)


@dataclass(frozen=True, slots=True)
class SimulatedAnchor:
    vendor: str  # "amd", "intel", "nvidia", "nvidia-rim" or "tpm"
    product: str
    spki_sha256: str  # 64 hex digits


@dataclass(frozen=True, slots=True)
class TrustAnchorsBody:
    """`tpm`: real issuers of TPMs' certificates, of which none is pinned. `hardware`: those of the
    pinned roots that are trusted, 64 hex digits each; None: all of them.
    """

    simulated: tuple[SimulatedAnchor, ...]
    tpm: tuple[TpmIssuer, ...] = ()
    hardware: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    id: str
    site: str
    note: str


@dataclass(frozen=True, slots=True)
class Platforms:
    platforms: Mapping[str, Platform]


@dataclass(frozen=True, slots=True)
class Admission:
    model: Digest
    name: str
    version: str
    tag: bytes  # 32 bytes, HMAC under the DEK (our protocol §3.3)
    policy: str


@dataclass(frozen=True, slots=True)
class Revocation:
    target_kind: TargetKind
    target: str

    @property
    def subject(self) -> str:
        return f"{self.target_kind.value}:{self.target}"


Body = (
    Roster
    | Keys
    | TrustAnchorsBody
    | ReferenceValues
    | Platforms
    | Policy
    | Admission
    | Revocation
    | Ceremony
    | Restore
)


def parse_body(kind: Kind, body: Fields) -> Body:
    """Raises MalformedError."""
    return _READERS[kind](body)


def _keys(body: Fields) -> Keys:
    origin = body.text("origin", limit=200)
    if "+" in origin or any(each.isspace() or not each.isprintable() for each in origin):
        raise MalformedStatement("keys: origin", found=repr(origin), expected="no spaces, no '+'")
    assurance = body.text("assurance")
    if assurance not in {"software", "hardware"}:
        raise MalformedStatement(
            "keys: assurance", found=assurance, expected="software or hardware"
        )
    entries = [_key_entry(each) for each in body.objects("keys", limit=16)]
    by_purpose = {entry.purpose: entry for entry in entries}
    if len(by_purpose) != len(entries) or not by_purpose.keys() >= set(TOKEN_PURPOSES):
        raise MalformedStatement(
            "keys: one key of each purpose", expected="ingest, log, result, and perhaps keyholder"
        )
    body.done()
    return Keys(origin, assurance, by_purpose)


def _key_entry(fields: Fields) -> PublicKeyEntry:
    purpose = fields.choice("purpose", Purpose)
    algorithm = fields.choice("algorithm", KeyAlgorithm)
    spki = fields.b64("spki", limit=1024)
    oaep = fields.nullable("oaep_hash", lambda name: fields.choice(name, OaepHash))
    in_software = fields.has("assurance")
    if in_software:
        fields.literal("assurance", "software")
    fields.done()
    if in_software and purpose is not Purpose.LOG:
        raise MalformedStatement("keys: only the log key may be held in software by itself")
    if algorithm not in _FITS[purpose] or (oaep is None) == (purpose is Purpose.INGEST):
        raise MalformedStatement(f"keys: {purpose.value}: algorithm or hash does not fit")
    found = _algorithm_of(spki)
    if found != algorithm.value:
        raise MalformedStatement(
            f"keys: {purpose.value}: the key is of another kind",
            found=found,
            expected=algorithm.value,
        )
    return PublicKeyEntry(purpose, algorithm, spki, oaep, in_software)


def _algorithm_of(spki: bytes) -> str:
    """What a key is, in the words of `KeyAlgorithm` or others. Raises MalformedError."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedStatement("keys: not a public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        return load_verify_key(spki).algorithm.value
    canonical = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    exponent = key.public_numbers().e
    if canonical != spki or exponent != _RSA_EXPONENT:
        raise MalformedStatement(
            "keys: an unusual RSA key",
            found=f"exponent {exponent % 2**64}",
            expected=f"exponent {_RSA_EXPONENT}, canonical DER",
        )
    return f"rsa-{key.key_size}"


def _trust_anchors(body: Fields) -> TrustAnchorsBody:
    hardware = _hardware(body)
    anchors = []
    for each in body.objects("simulated", limit=64):
        vendor = each.text("vendor")
        if vendor not in _SIMULATED_VENDORS:
            raise MalformedStatement(
                "trust-anchors: vendor", found=vendor, expected=" or ".join(_SIMULATED_VENDORS)
            )
        product = each.text("product", limit=64)
        anchors.append(SimulatedAnchor(vendor, product, each.hex("spki_sha256", size=32).hex()))
        each.done()
    issuers = read_tpm_issuers(body) if body.has("tpm") else ()
    body.done()
    if len({(each.vendor, each.spki_sha256) for each in anchors}) != len(anchors):
        raise MalformedStatement("trust-anchors: a simulated root stands twice")
    if {each.spki_sha256 for each in anchors} & {each.spki_sha256 for each in issuers}:
        raise MalformedStatement("trust-anchors: an issuer of TPMs is simulated and is not")
    return TrustAnchorsBody(tuple(anchors), issuers, hardware)


def _hardware(body: Fields) -> frozenset[str] | None:
    """The written `pinned`, or a choice of them; one that is not pinned adds nothing."""
    if body.raw("hardware") == "pinned":
        return None
    keep = body.texts("hardware", limit=64)
    for each in keep:
        unhex(each, what="trust-anchors: hardware", size=32)
    if not keep:
        raise MalformedStatement("trust-anchors: no hardware root", expected="pinned, or some")
    return frozenset(keep)


def _platforms(body: Fields) -> Platforms:
    found: dict[str, Platform] = {}
    for each in body.objects("platforms", limit=100_000):
        platform = Platform(
            each.text("id", limit=256), each.text("site", limit=200), each.text("note", empty=True)
        )
        each.done()
        _check_platform_id(platform.id)
        if platform.id in found:
            raise MalformedStatement("platforms: an id stands twice", found=platform.id)
        found[platform.id] = platform
    body.done()
    if not found:
        raise MalformedStatement("platforms: the list is empty")
    return Platforms(found)


def _admission(body: Fields) -> Admission:
    model = body.digest("model")
    name = body.text("name", limit=200)
    version = body.text("version", limit=100)
    tag = body.hex("tag", size=32)
    policy = body.text("policy", limit=200)
    body.done()
    return Admission(model, name, version, tag, policy)


def _revocation(body: Fields) -> Revocation:
    kind = body.choice("target_kind", TargetKind)
    target = body.text("target", limit=300)
    body.done()
    if kind is TargetKind.MODEL:
        parse_digest(target, what="revocation: model")
    if kind is TargetKind.MEASUREMENT:
        unhex(target, what="revocation: measurement", size=48)
    if kind is TargetKind.PLATFORM:
        _check_platform_id(target)
    return Revocation(kind, target)


def _check_platform_id(platform: str) -> None:
    """Raises MalformedError unless evidence can name it so: else a rule about it is no rule."""
    if not _PLATFORM_ID.match(platform):
        raise MalformedStatement(
            "not the id of a platform",
            found=repr(platform[:80]),
            expected="amd-<product>-<chip id>, intel-<PPID> or nvidia-<device id>, lower case",
        )


_READERS: Mapping[Kind, Callable[[Fields], Body]] = {
    Kind.ROSTER: parse_roster,
    Kind.KEYS: _keys,
    Kind.TRUST_ANCHORS: _trust_anchors,
    Kind.REFERENCE_VALUES: parse_reference_values,
    Kind.PLATFORMS: _platforms,
    Kind.POLICY: parse_policy,
    Kind.MODEL: _admission,
    Kind.REVOCATION: _revocation,
    Kind.CEREMONY: parse_ceremony,
    Kind.RESTORE: parse_restore,
}

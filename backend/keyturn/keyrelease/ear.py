"""The attestation result: an EAR as a JWT by the result key (our protocol §5.7).

Source: draft-ietf-rats-ear (claims, `submods`), draft-ietf-rats-ar4si (trust vector: 2 affirming,
32 warning, 96 contraindicated), RFC 7515/7518 (JWS, ES256). Written and read here because it is
this small; no other algorithm, header or key source is ever accepted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.base.encoding import Digest, b64url, digest_of, unb64url
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import Fields, dump, parse_object

PROFILE = "tag:github.com,2023:veraison/ear"
AFFIRMING = 2
WARNING = 32
CONTRAINDICATED = 96
MAX_EAR = 256 << 10
LAST_SECOND = 253_402_300_799  # of the year 9999, the last that times are written for


@dataclass(frozen=True, slots=True)
class Submodule:
    """One device's result: its name, overall status and trust vector (AR4SI names)."""

    name: str
    status: int
    vector: Mapping[str, int]
    policy: Digest


@dataclass(frozen=True, slots=True)
class EarClaims:
    """What a verified EAR says about the machine behind a TLS and a prompt key."""

    issued: datetime
    expires: datetime
    challenge: bytes
    lease: str
    model: Digest
    tls: Digest
    prompt: Digest | None
    caveats: tuple[str, ...]
    simulated: bool
    submodules: tuple[Submodule, ...]


def make_ear(
    claims: EarClaims, software: str, key: VerifyKey, sign: Callable[[bytes], bytes]
) -> str:
    """The signed JWT. `sign` gives a raw 64-byte r ‖ s over SHA-256 of its argument."""
    header = b64url(dump({"alg": "ES256", "typ": "JWT", "kid": key.key_id}))
    signing_input = f"{header}.{b64url(_claims_bytes(claims, software))}"
    return f"{signing_input}.{b64url(sign(signing_input.encode()))}"


def verify_ear(token: str, key: VerifyKey) -> EarClaims:
    """Verify the signature, then read. Dates are the caller's to judge.

    Raises MalformedError, UntrustedError.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_EAR:
        raise MalformedError("EAR is not a compact JWS")
    header = parse_object(unb64url(parts[0], what="EAR"), limit=1024, what="EAR header")
    header.literal("alg", "ES256")
    header.literal("typ", "JWT")
    header.literal("kid", key.key_id)
    header.done()
    raw = unb64url(parts[2], what="EAR")
    if len(raw) != 64:
        raise MalformedError("EAR signature", found=f"{len(raw)} bytes", expected="64 bytes")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key.verify(encode_dss_signature(r, s), f"{parts[0]}.{parts[1]}".encode())
    return _read(parse_object(unb64url(parts[1], what="EAR"), limit=MAX_EAR, what="EAR"))


def ear_digest(token: str) -> Digest:
    """SHA-256 of the compact serialisation."""
    return digest_of(token.encode())


def _claims_bytes(claims: EarClaims, software: str) -> bytes:
    return dump(
        {
            "eat_profile": PROFILE,
            "iat": int(claims.issued.timestamp()),
            "exp": int(claims.expires.timestamp()),
            "eat_nonce": claims.challenge.hex(),
            "ear.verifier-id": {"developer": "Keyturn", "build": software},
            "submods": {each.name: _submodule(each) for each in claims.submodules},
            "keyturn": {
                "lease": claims.lease,
                "model": claims.model,
                "tls_sha256": claims.tls,
                "prompt_sha256": claims.prompt,
                "caveats": list(claims.caveats),
                "simulated": claims.simulated,
            },
        }
    )


def _submodule(submodule: Submodule) -> dict[str, object]:
    return {
        "ear.status": submodule.status,
        "ear.trustworthiness-vector": dict(submodule.vector),
        "ear.appraisal-policy-id": submodule.policy,
    }


def _read(fields: Fields) -> EarClaims:
    fields.literal("eat_profile", PROFILE)
    issued, expires = _date(fields, "iat"), _date(fields, "exp")
    challenge = fields.hex("eat_nonce", size=56)
    verifier = fields.fields("ear.verifier-id")
    verifier.literal("developer", "Keyturn")
    verifier.text("build", limit=100)
    verifier.done()
    table = fields.fields("submods")
    submodules = tuple(_read_submodule(name, table.fields(name)) for name in table.names())
    ours = fields.fields("keyturn")
    claims = EarClaims(
        issued,
        expires,
        challenge,
        ours.hex("lease", size=16).hex(),
        ours.digest("model"),
        ours.digest("tls_sha256"),
        ours.nullable("prompt_sha256", ours.digest),
        ours.texts("caveats", limit=64),
        ours.boolean("simulated"),
        submodules,
    )
    ours.done()
    fields.done()
    return claims


def _date(fields: Fields, name: str) -> datetime:
    return datetime.fromtimestamp(fields.integer(name, high=LAST_SECOND), UTC)


def _read_submodule(name: str, fields: Fields) -> Submodule:
    vector = fields.fields("ear.trustworthiness-vector")
    values = {each: vector.integer(each, high=127) for each in vector.names()}
    submodule = Submodule(
        name,
        fields.integer("ear.status", high=127),
        values,
        fields.digest("ear.appraisal-policy-id"),
    )
    fields.done()
    return submodule


def worst(statuses: Sequence[int]) -> int:
    """The overall status of several (AR4SI: the higher tier is the worse)."""
    return max(statuses, default=CONTRAINDICATED)

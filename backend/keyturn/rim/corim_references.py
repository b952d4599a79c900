"""Reference values from a signed CoRIM, where it names what a baseline holds.

Who may sign is the officer's choice, named openly: a public key (JWK) or certificate (PEM) whose
SHA-256 the officer gives beside it, so that the same digest stands in what others approve. No
CoRIM is believed for being signed by somebody.

Read are, with digests of SHA-384 only: an SNP launch measurement (vendor AMD, key 641 of
draft-deeglaze-amd-sev-snp-corim-profile, or MEASUREMENT) and a TD's registers (vendor Intel, keys
mrtd, rtmr0 … as in our bodies). Anything else is refused as a whole, saying what was found: half
of a manifest could be less than its signer meant.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.jws import read_jwk
from keyturn.base.encoding import Digest, b64url, digest_of
from keyturn.base.times import format_time
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.reference_bodies import ReferenceValues, TdxReference
from keyturn.quorum.tee_rules import TdRegister
from keyturn.rim.corim import ReferenceDigest, read_corim, unread_parts, verify_corim

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_SNP_KEYS = frozenset({"641", "measurement"})
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CorimSigner:
    """A key that an officer names. `digest`: SHA-256 of the certificate (DER), or of a bare key's
    SubjectPublicKeyInfo; `ends`: the certificate's end."""

    jwk: bytes
    digest: Digest
    name: str
    ends: datetime | None


def read_signer(raw: bytes, named: Digest, now: datetime) -> CorimSigner:
    """A JWK or one PEM certificate, which must have the digest that the officer names.

    Raises MalformedEvidence, UntrustedEvidence (signing-key-mismatch, cert-expired,
    cert-not-yet-valid).
    """
    signer = _of_certificate(raw, now) if raw.lstrip().startswith(b"-----BEGIN") else _of_jwk(raw)
    if signer.digest != named:
        raise UntrustedEvidence(
            "the signer is another one than was named",
            reason=Reason.SIGNING_KEY_MISMATCH,
            found=signer.digest,
            expected=named,
            hint="ask the signer for the digest by another way than the file came",
        )
    return signer


def corim_references(
    raw: bytes, signer: CorimSigner, *, obtained: datetime, until: datetime | None
) -> ReferenceValues:
    """The values of a CoRIM that `signer` signed, which end when its validity or the signer's
    certificate does. Raises MalformedEvidence, UntrustedEvidence."""
    signed = verify_corim(raw, signer.jwk, obtained)
    found = read_corim(signed.payload)
    unread = unread_parts(signed.payload)
    if unread:
        raise _beyond("; ".join(unread[:_SHOWN]))
    ends = [until, signer.ends, signed.validity.not_after if signed.validity else None]
    end = min((each for each in ends if each is not None), default=None)
    if end is not None and end <= obtained:
        raise UntrustedEvidence(
            "the CoRIM has no time left", reason=Reason.CERT_EXPIRED, found=format_time(end)
        )
    calls_itself = signed.signer[:100] or "without a name"
    name = f"{signer.name}, calls itself '{calls_itself}'"
    origin = Origin(
        f"CoRIM {digest_of(raw)}, signer named by the officer: {name}",
        Provenance(Method.CORIM, digest_of(raw), name, obtained, end),
    )
    return _values(found, origin)


def _values(found: Sequence[ReferenceDigest], origin: Origin) -> ReferenceValues:
    snp: dict[str, Origin] = {}
    tds: dict[bytes, dict[TdRegister, set[str]]] = {}
    known = {each.value: each for each in TdRegister}
    strange = []
    for each in found:
        vendor, key = each.environment.lower(), each.key.lower()
        good = each.algorithm == "sha-384" and len(each.value) == 48
        if good and vendor.startswith(("amd", "advanced micro devices")) and key in _SNP_KEYS:
            snp[each.value.hex()] = origin
        elif good and vendor.startswith("intel") and key in known:
            registers = tds.setdefault(each.group, {})
            registers.setdefault(known[key], set()).add(each.value.hex())
        else:
            strange.append(f"{each.environment} / {each.key or 'no key'} ({each.algorithm})")
    if strange or not found:
        raise _beyond("; ".join(strange[:_SHOWN]) or "no reference digest")
    return ReferenceValues(
        snp, (), tdx=tuple(_of_td(registers, origin) for registers in tds.values())
    )


def _of_td(registers: Mapping[TdRegister, set[str]], origin: Origin) -> TdxReference:
    """Of one environment: registers of two make no TD that the signer has named."""
    if TdRegister.MRTD not in registers:
        raise MalformedEvidence(
            "the CoRIM names registers of a TD without its MRTD",
            reason=Reason.NO_REFERENCE_VALUES,
            found=", ".join(sorted(each.value for each in registers)),
        )
    values = {register: frozenset(listed) for register, listed in registers.items()}
    return TdxReference(values, origin)


def _beyond(found: str) -> MalformedEvidence:
    return MalformedEvidence(
        "the CoRIM names what no baseline holds",
        reason=Reason.NO_REFERENCE_VALUES,
        found=found[:1000],
        expected="SHA-384 of an AMD launch measurement or of Intel's TD registers, and no more",
        hint="enter the wanted values by hand, with the manifest as the reason",
    )


def _of_certificate(raw: bytes, now: datetime) -> CorimSigner:
    chain = pem_certificates(raw)
    if len(chain) != 1:
        raise MalformedEvidence(
            "name the signer's certificate alone", found=f"{len(chain)} certificates", expected="1"
        )
    certificate = parse_certificate(chain[0])
    if not certificate.not_before <= now <= certificate.not_after:
        early = now < certificate.not_before
        raise UntrustedEvidence(
            "the signer's certificate is not valid now",
            reason=Reason.CERT_NOT_YET_VALID if early else Reason.CERT_EXPIRED,
            found=format_time(now),
            expected=f"{format_time(certificate.not_before)} "
            f"to {format_time(certificate.not_after)}",
        )
    digest = digest_of(chain[0])
    name = f"'{certificate.common_name}', certificate {digest}"
    return CorimSigner(_jwk(certificate.public_key), digest, name, certificate.not_after)


def _of_jwk(raw: bytes) -> CorimSigner:
    key, _ = read_jwk(raw)
    digest = digest_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return CorimSigner(raw, digest, f"key {digest}", None)


def _jwk(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise MalformedEvidence(
            "the signer's key is of another kind", expected="an EC key on P-256 or P-384"
        )
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    x, y = (b64url(each.to_bytes(size, "big")) for each in (numbers.x, numbers.y))
    return json.dumps({"kty": "EC", "crv": _CURVES[key.curve.name], "x": x, "y": y}).encode()

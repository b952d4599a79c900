"""OCSP answers (RFC 6960): is a certificate of a chain revoked, said by whom, and how lately?

An answer counts for a certificate when its CertID (SHA-256 or SHA-384 of the issuer's name and
key, and the serial number) is that certificate's, and when it is signed by that very issuer or
by a responder that this issuer certified for it (§4.2.2.2, id-kp-OCSPSigning). A responder's own
certificate is believed while it is valid, as id-pkix-ocsp-nocheck says. Answers come as bytes;
whoever asked keeps the nonce. Everything here is pure.
"""

import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest import der
from keyturn.attest.certificates import (
    Certificate,
    Extension,
    Signed,
    parse_certificate,
    parse_extensions,
)
from keyturn.attest.chains import ChainCache, verify_signed_once
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence

MAX_OCSP = 64 << 10
MAX_RESPONDERS = 8
_ENUMERATED = 0x0A
_CONTEXT_0, _CONTEXT_1, _CONTEXT_2 = 0xA0, 0xA1, 0xA2
_GOOD, _UNKNOWN = 0x80, 0x82  # IMPLICIT NULL
_BASIC = "1.3.6.1.5.5.7.48.1.1"
_NONCE = "1.3.6.1.5.5.7.48.1.2"
_EXTENDED_KEY_USAGE = "2.5.29.37"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_CERTIFICATE_HOLD = 6  # RFC 5280 §5.3.1
_HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384"}
# basicConstraints, keyUsage, extendedKeyUsage: may be critical in a responder's certificate.
_UNDERSTOOD = frozenset({"2.5.29.19", "2.5.29.15", _EXTENDED_KEY_USAGE})


class Status(Enum):
    GOOD = "good"
    REVOKED = "revoked"
    HOLD = "on hold"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """One answer as it came. `nonce`: what was sent with the question; None: none was.

    `response` is what was read of `raw` before, so that many verifications read it once.
    """

    raw: bytes = field(repr=False)
    nonce: bytes | None
    response: "OcspResponse | None" = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The answers to a chain's questions, and how old they may be.

    `max_age` counts from thisUpdate. `allow_hold`: a certificate on hold (a suspension that may
    end, RFC 5280 §5.3.1) is let pass, and the facts say so.
    """

    answers: tuple[OcspAnswer, ...]
    max_age: timedelta
    allow_hold: bool = False


@dataclass(frozen=True, slots=True)
class OcspFacts:
    """What was said of one certificate; issue dates may never go back (DESIGN §5.8)."""

    subject: str
    status: Status
    this_update: datetime
    next_update: datetime | None
    nonce_checked: bool

    def __str__(self) -> str:
        return f"{self.subject}: {self.status.value} at {self.this_update.isoformat()}"


@dataclass(frozen=True, slots=True)
class CertId:
    """Names a certificate by digests of its issuer (RFC 6960 §4.1.1)."""

    hash_name: str
    name_hash: bytes
    key_hash: bytes
    serial: int

    def names(self, certificate: Certificate, issuer: Certificate) -> bool:
        return (
            self.serial == certificate.serial
            and self.name_hash == _hash(self.hash_name, issuer.subject)
            and self.key_hash == _hash(self.hash_name, _key_bits(issuer))
        )


@dataclass(frozen=True, slots=True)
class SingleAnswer:
    cert_id: CertId | None
    """None: of a hash that is not used here."""
    status: Status
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A parsed answer. Parsed is not trusted: `check_ocsp` verifies it."""

    signed: Signed = field(repr=False)
    responder: bytes = field(repr=False)
    produced_at: datetime
    answers: tuple[SingleAnswer, ...]
    nonce: bytes | None
    certificates: tuple[Certificate, ...] = field(repr=False)


def parse_ocsp(raw: bytes) -> OcspResponse:
    """Read one DER OCSPResponse of at most 64 KiB that answers.

    Raises MalformedEvidence, and UntrustedEvidence (ocsp-invalid) where the responder declines.
    """
    if len(raw) > MAX_OCSP:
        raise MalformedEvidence("OCSP answer is too large", found=f"{len(raw)} bytes")
    outer = DerReader(raw, "OCSP answer")
    body = outer.inside(der.SEQUENCE)
    outer.done()
    status = body.element(_ENUMERATED)
    if status != b"\0":
        raise UntrustedEvidence(
            "OCSP responder did not answer",
            reason=Reason.OCSP_INVALID,
            found=f"response status {status.hex()}",
            expected="successful (0)",
        )
    holder = body.inside(_CONTEXT_0)
    body.done()
    typed = holder.inside(der.SEQUENCE)
    holder.done()
    if typed.oid() != _BASIC:
        raise MalformedEvidence("OCSP answer is of another type than basic")
    basic = typed.element(der.OCTET_STRING)
    typed.done()
    return _parse_basic(basic)


def check_ocsp(
    path: Sequence[Certificate],
    revocation: Revocation,
    now: datetime,
    cache: ChainCache | None = None,
) -> tuple[OcspFacts, ...]:
    """Ask of every certificate of a verified path but its last (the root) that it is good.

    `path` is leaf first, each issued by the next. `cache` remembers signatures, and nothing of
    what the answers say. Raises UntrustedEvidence (ocsp-invalid,
    ocsp-not-current, ocsp-nonce-mismatch, ocsp-incomplete, cert-revoked, cert-on-hold),
    MalformedEvidence.
    """
    given = [(each.response or parse_ocsp(each.raw), each.nonce) for each in revocation.answers]
    pairs = itertools.pairwise(path)
    return tuple(
        _check_one(each, issuer, given, (revocation, now, cache)) for each, issuer in pairs
    )


def _check_one(
    certificate: Certificate,
    issuer: Certificate,
    given: Sequence[tuple[OcspResponse, bytes | None]],
    asked: tuple[Revocation, datetime, ChainCache | None],
) -> OcspFacts:
    revocation, now, cache = asked
    found = [
        (response, nonce, answer)
        for response, nonce in given
        for answer in response.answers
        if answer.cert_id is not None and answer.cert_id.names(certificate, issuer)
    ]
    if len(found) != 1:
        raise UntrustedEvidence(
            f"OCSP: not one answer about '{certificate.common_name}'",
            reason=Reason.OCSP_INCOMPLETE,
            found=f"{len(found)} answers",
            expected="one",
        )
    response, nonce, answer = found[0]
    _check_signature(response, issuer, now, cache)
    _check_nonce(response, nonce)
    _check_times(response, answer, revocation.max_age, now)
    _check_status(certificate, answer, revocation.allow_hold)
    return OcspFacts(
        certificate.common_name,
        answer.status,
        answer.this_update,
        answer.next_update,
        nonce is not None,
    )


def _check_signature(
    response: OcspResponse, issuer: Certificate, now: datetime, cache: ChainCache | None
) -> None:
    """RFC 6960 §4.2.2.2: the issuer itself, or whom it certified to answer."""
    signer = next((c for c in (issuer, *response.certificates) if _is_named(response, c)), None)
    if signer is None:
        raise _invalid("names a signer that it does not show")
    try:
        if signer.digest != issuer.digest:
            _check_delegate(signer, issuer, now, cache)
        verify_signed_once(response.signed, signer, "OCSP answer", cache)
    except UntrustedEvidence as error:
        raise UntrustedEvidence(
            error.message, reason=Reason.OCSP_INVALID, found=error.found, expected=error.expected
        ) from error


def _check_delegate(
    signer: Certificate, issuer: Certificate, now: datetime, cache: ChainCache | None
) -> None:
    name = signer.common_name
    if signer.issuer != issuer.subject:
        raise _invalid(f"is signed by '{name}', which another CA certified")
    verify_signed_once(signer.signed, issuer, f"OCSP responder '{name}'", cache)
    if signer.is_ca or _OCSP_SIGNING not in _key_purposes(signer):
        raise _invalid(f"is signed by '{name}', which may not answer")
    unknown = {oid for oid, each in signer.extensions.items() if each.critical} - _UNDERSTOOD
    if unknown:
        raise _invalid(f"is signed by '{name}' with a critical extension {min(unknown)}")
    if not signer.not_before <= now <= signer.not_after:
        raise _invalid(f"is signed by '{name}', whose certificate is not valid now")


def _check_nonce(response: OcspResponse, sent: bytes | None) -> None:
    if sent is None:
        return
    if response.nonce is None or not hmac.compare_digest(response.nonce, sent):
        raise UntrustedEvidence(
            "OCSP answer is to another question",
            reason=Reason.OCSP_NONCE_MISMATCH,
            found=response.nonce.hex() if response.nonce else "no nonce",
            expected=sent.hex(),
        )


def _check_times(
    response: OcspResponse, answer: SingleAnswer, max_age: timedelta, now: datetime
) -> None:
    until = answer.this_update + max_age
    if answer.next_update is not None:
        until = min(until, answer.next_update)
    if not answer.this_update <= now <= until or response.produced_at > now:
        raise UntrustedEvidence(
            "OCSP answer is not current",
            reason=Reason.OCSP_NOT_CURRENT,
            found=f"{now.isoformat()}, produced {response.produced_at.isoformat()}",
            expected=f"{answer.this_update.isoformat()} to {until.isoformat()}",
        )


def _check_status(certificate: Certificate, answer: SingleAnswer, allow_hold: bool) -> None:
    if answer.status is Status.GOOD or (answer.status is Status.HOLD and allow_hold):
        return
    reasons = {Status.HOLD: Reason.CERT_ON_HOLD, Status.REVOKED: Reason.CERT_REVOKED}
    raise UntrustedEvidence(
        f"certificate '{certificate.common_name}' is not good",
        reason=reasons.get(answer.status, Reason.OCSP_INCOMPLETE),
        found=answer.status.value,
        expected="good, or on hold" if allow_hold else "good",
    )


def _parse_basic(raw: bytes) -> OcspResponse:
    outer = DerReader(raw, "OCSP answer")
    parts = outer.inside(der.SEQUENCE)
    outer.done()
    tbs, algorithm, signature = parts.whole(der.SEQUENCE), parts.whole(der.SEQUENCE), parts.bits()
    certificates: tuple[Certificate, ...] = ()
    if parts.tag == _CONTEXT_0:
        holder = parts.inside(_CONTEXT_0)
        certificates = _certificates(holder.inside(der.SEQUENCE))
        holder.done()
    parts.done()
    body = DerReader(tbs, "OCSP answer").inside(der.SEQUENCE)
    responder = body.whole(_CONTEXT_1 if body.tag == _CONTEXT_1 else _CONTEXT_2)
    produced_at = _time(body)
    listed = body.inside(der.SEQUENCE)
    answers = []
    while listed.tag is not None:
        answers.append(_single(listed.inside(der.SEQUENCE)))
    extensions: Mapping[str, Extension] = {}
    if body.tag == _CONTEXT_1:
        extensions = _known(parse_extensions(body, _CONTEXT_1, "OCSP answer"), {_NONCE})
    body.done()
    return OcspResponse(
        signed=Signed(tbs, algorithm, signature),
        responder=responder,
        produced_at=produced_at,
        answers=tuple(answers),
        nonce=_nonce(extensions.get(_NONCE)),
        certificates=certificates,
    )


def _certificates(listed: DerReader) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    while listed.tag is not None:
        if len(found) == MAX_RESPONDERS:
            raise MalformedEvidence(f"OCSP answer shows more than {MAX_RESPONDERS} certificates")
        found.append(parse_certificate(listed.whole(der.SEQUENCE)))
    return tuple(found)


def _single(body: DerReader) -> SingleAnswer:
    cert_id = _cert_id(body.inside(der.SEQUENCE))
    status = _status(body)
    this_update = _time(body)
    next_update = None
    if body.tag == _CONTEXT_0:
        holder = body.inside(_CONTEXT_0)
        next_update = _time(holder)
        holder.done()
    if body.tag == _CONTEXT_1:
        _known(parse_extensions(body, _CONTEXT_1, "OCSP answer"), set())
    body.done()
    return SingleAnswer(cert_id, status, this_update, next_update)


def _cert_id(body: DerReader) -> CertId | None:
    algorithm = body.inside(der.SEQUENCE)
    hash_name = _HASHES.get(algorithm.oid())
    if algorithm.tag is not None:  # NULL parameters, or none
        if algorithm.element(0x05):
            raise MalformedEvidence("OCSP answer: hash algorithm has parameters")
        algorithm.done()
    name_hash, key_hash = body.element(der.OCTET_STRING), body.element(der.OCTET_STRING)
    serial = body.integer()
    body.done()
    return None if hash_name is None else CertId(hash_name, name_hash, key_hash, serial)


def _status(body: DerReader) -> Status:
    if body.tag in (_GOOD, _UNKNOWN):
        tag = body.tag
        if body.element(tag):
            raise MalformedEvidence("OCSP answer: a status that is not empty")
        return Status.GOOD if tag == _GOOD else Status.UNKNOWN
    revoked = body.inside(_CONTEXT_1)
    _time(revoked)
    code = None
    if revoked.tag == _CONTEXT_0:
        holder = revoked.inside(_CONTEXT_0)
        code = holder.element(_ENUMERATED)
        holder.done()
    revoked.done()
    return Status.HOLD if code == bytes([_CERTIFICATE_HOLD]) else Status.REVOKED


def _time(body: DerReader) -> datetime:
    if body.tag != der.GENERALIZED_TIME:
        raise MalformedEvidence("OCSP answer: a time that is not GeneralizedTime")
    return body.time()


def _nonce(extension: Extension | None) -> bytes | None:
    if extension is None:
        return None
    reader = DerReader(extension.value, "OCSP nonce")
    value = reader.element(der.OCTET_STRING)
    reader.done()
    return value


def _known(extensions: Mapping[str, Extension], known: set[str]) -> Mapping[str, Extension]:
    for oid, extension in extensions.items():
        if extension.critical and oid not in known:
            raise MalformedEvidence(f"OCSP answer has a critical extension {oid}")
    return extensions


def _key_purposes(certificate: Certificate) -> frozenset[str]:
    extension = certificate.extensions.get(_EXTENDED_KEY_USAGE)
    if extension is None:
        return frozenset()
    reader = DerReader(extension.value, "extended key usage")
    listed = reader.inside(der.SEQUENCE)
    reader.done()
    found: set[str] = set()
    while listed.tag is not None:
        found.add(listed.oid())
    return frozenset(found)


def _is_named(response: OcspResponse, certificate: Certificate) -> bool:
    """ResponderID: byName [1] or byKey [2], the SHA-1 of the key's bits (RFC 6960 §4.2.1)."""
    reader = DerReader(response.responder, "OCSP responder id")
    if reader.tag == _CONTEXT_1:
        return reader.element(_CONTEXT_1) == certificate.subject
    holder = reader.inside(_CONTEXT_2)
    named = holder.element(der.OCTET_STRING)
    holder.done()
    # A name for finding the key, not a proof: the signature is.
    return named == hashlib.sha1(_key_bits(certificate), usedforsecurity=False).digest()


def _hash(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()


def _key_bits(certificate: Certificate) -> bytes:
    """The subjectPublicKey's bits, without tag, length and unused bits."""
    key = certificate.public_key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def _invalid(thing: str) -> UntrustedEvidence:
    return UntrustedEvidence(f"OCSP answer {thing}", reason=Reason.OCSP_INVALID)
